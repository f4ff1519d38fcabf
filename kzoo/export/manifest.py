"""Digests of an export's files, by which damage is found later: a truncated copy, a flipped bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from kzoo.export.layout import MANIFEST


def write_manifest(directory: Path) -> None:
    """Note size and SHA-256 of every file there is.

    Args:
        directory: The export, complete.
    """
    files = {path.relative_to(directory).as_posix(): _entry(path) for path in _files(directory)}
    path = directory / MANIFEST
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": 1, "files": files}, indent=1), encoding="utf-8")


def damage(directory: Path, *, contents: bool = True) -> Iterator[str]:
    """What is not as the manifest says.

    Args:
        directory: The export.
        contents: Whether to read the files; else only what is missing or short is told, as while it is copied.

    Yields:
        One sentence per file.
    """
    path = directory / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {name: (int(entry["bytes"]), str(entry["sha256"])) for name, entry in content["files"].items()}
    except FileNotFoundError:
        yield f"{MANIFEST} is missing: this is not a complete export of kzoo."
        return
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield f"{MANIFEST} cannot be read: {error}."
        return
    there = {each.relative_to(directory).as_posix() for each in _files(directory)}
    for name in sorted(files.keys() | there):
        if name not in there:
            yield f"{name} is missing."
        elif name not in files:
            if contents:
                yield f"{name} was not there when the model was published."
        else:
            yield from _difference(directory / name, name, *files[name], contents=contents)


def _difference(path: Path, name: str, size: int, digest: str, *, contents: bool) -> Iterator[str]:
    found = path.stat().st_size
    if found != size:
        yield f"{name} has {found} bytes; it had {size} when the model was published."
    elif contents and _entry(path)["sha256"] != digest:
        yield f"{name} is damaged: its content has changed since the model was published."


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file() and path != directory / MANIFEST)


def _entry(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
