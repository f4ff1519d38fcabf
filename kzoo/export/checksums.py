"""Checksums of a version's files, as the `sha256sum` command writes and checks them.

Without kzoo: `cd saved_models/digits/1 && sha256sum --check assets.extra/kzoo/SHA256SUMS`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from kzoo.export.errors import ExportError
from kzoo.export.extras import extras

_NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_checksums(version: Path) -> None:
    """Write the checksums of all files that a version has.

    Args:
        version: The directory of the version.
    """
    lines = [f"{_digest(version / name)}  {name}\n" for name in _files(version)]
    _list(version).write_text("".join(lines), encoding="utf-8")


def checksum_problems(version: Path) -> list[str]:
    """Files that are not what they were when the version was exported, one sentence each.

    Raises:
        ExportError: The list of checksums is not there, or is damaged.
    """
    expected = _read(version)
    found = set(_files(version))
    problems = [f"{name} is missing." for name in sorted(set(expected) - found)]
    problems += [f"{name} was not exported with it." for name in sorted(found - set(expected))]
    for name in sorted(found & set(expected)):
        if _digest(version / name) != expected[name]:
            problems.append(f"{name} is damaged: its checksum is not that of the export.")
    return problems


def _read(version: Path) -> dict[str, str]:
    try:
        lines = _list(version).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ExportError(
            f"{_NAME} is not there; only exports that kzoo made with checksums and golden answers can be checked."
        ) from None
    except UnicodeDecodeError:
        raise ExportError(f"{_NAME} is damaged: it is no text.") from None
    matches = [_LINE.fullmatch(line) for line in lines]
    if not all(matches):
        raise ExportError(f"{_NAME} is damaged: expected lines as `sha256sum` writes them.")
    return {match[2]: match[1] for match in matches if match}


def _files(version: Path) -> Iterator[str]:
    """Names below the version, but for the list itself and hidden files, which a file system or a viewer may add."""
    for path in sorted(version.rglob("*")):
        name = path.relative_to(version)
        if path.is_file() and path != _list(version) and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list(version: Path) -> Path:
    return extras(version) / _NAME
