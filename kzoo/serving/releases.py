"""Releases of an export: which versions are served, by which labels clients ask for them, and removing old ones.

`promotion` moves labels.
"""

from __future__ import annotations

import dataclasses
import json
import re
import reprlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kzoo.export.versions import CLAIMS, is_version, list_versions
from kzoo.files import read_json, write_text
from kzoo.locks import locked
from kzoo.serving.configuration import DIRECTORY, MODELS, Release, write_configuration
from kzoo.serving.errors import ServingError
from kzoo.serving.ownership import is_own_base, is_own_version

FILE = "labels.json"
LOCK = ".lock"
LABEL = re.compile(r"[a-z][a-z0-9_-]*")
"""What labels look like, which go into addresses and the server's configuration as they are."""
SETTLED = 60.0
"""Seconds after which a server is taken to serve what it should, where it is not asked."""


def read_labels(base: Path) -> dict[str, int]:
    """Version by label.

    Args:
        base: Directory of the versions.

    Raises:
        ServingError: The file of the labels cannot be read.
    """
    return dict(read_release(base).labels)


def read_release(base: Path) -> Release:
    """Labels, and the versions that are served.

    Args:
        base: Directory of the versions.

    Raises:
        ServingError: The file of the labels cannot be read.
    """
    path = base / DIRECTORY / FILE
    try:
        found = read_json(path)
        labels = {label: _version(version) for label, version in found["labels"].items()}
        if wrong := [label for label in labels if not LABEL.fullmatch(label)]:
            raise ValueError(f"{reprlib.repr(wrong[0])} is no label")
        return Release(labels, tuple(map(_version, found["served"])))
    except FileNotFoundError:
        return Release()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ServingError(f"{path}: not readable as labels ({error!r}); mend it or remove it.") from None


def _version(value: object) -> int:
    if isinstance(value, int) and is_version(str(value)):
        return value
    raise ValueError(f"{reprlib.repr(value)} is no version")


def write_current_configuration(base: Path) -> Release:
    """Write the configuration of the server for the present labels; returns these and what is served.

    Raises:
        ServingError: The labels cannot be read, or the name of the directory cannot be served.
        OSError: It cannot be written.
    """
    with locked_release(base) as release:
        write_configuration(base, release)
    return release


@contextmanager
def locked_release(base: Path) -> Iterator[Release]:
    """What is served, which no other process can change inside of the `with` block."""
    if not base.is_dir():
        raise ServingError(f"{base} does not exist; export a model there first.")
    (base / DIRECTORY).mkdir(exist_ok=True)
    with locked(base / DIRECTORY / LOCK):
        yield read_release(base)


def write_release(base: Path, release: Release) -> None:
    """Write labels and what is served, and the configuration with them, inside of `locked_release`."""
    write_text(base / DIRECTORY / FILE, json.dumps(dataclasses.asdict(release), indent=1))
    write_configuration(base, release)


def with_label(before: Release, there: Sequence[int], version: int, label: str, keep: Sequence[int] = ()) -> Release:
    """The label at the version; what had it before stays loaded."""
    labels = {**before.labels, label: version}
    in_service = (*_in_service(before, there), *keep)
    return Release(labels, _present((*in_service, *labels.values()), there))


def served_beside(before: Release, there: Sequence[int], version: int, keep: Sequence[int] = ()) -> Release:
    """The version beside what is served, by the labels as they are; what has no label any more goes."""
    return Release(before.labels, _present((*_in_service(before, there), version, *keep), there))


def _in_service(release: Release, there: Sequence[int]) -> Sequence[int]:
    # Without labels the newest was served.
    return tuple(release.labels.values()) if release.served else there[-1:]


def _present(versions: Sequence[int], there: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted({each for each in versions if each in there}))


def is_settled(base: Path) -> bool:
    """Whether the labels and the served versions are as they were a while ago."""
    try:
        return time.time() - (base / DIRECTORY / FILE).stat().st_mtime >= SETTLED
    except FileNotFoundError:
        return True


REMOVED = ".removed-"


def prune(base: Path, keep: int) -> list[int]:
    """Remove the oldest versions that are exports of kzoo's; anything else stays.

    Args:
        base: Directory of the versions.
        keep: Number of newest exports that stay, >= 1. Besides, versions with a label stay, and for a minute after a
            label has moved what was served before: a server may not have moved it yet.

    Returns:
        Numbers of the versions that were removed, ascending.

    Raises:
        ServingError: `keep` is out of range, or kzoo has never written to this directory.
        OSError: A version cannot be removed.
    """
    if keep < 1:
        raise ServingError(f"keep is {keep}; expected 1 or more: the newest version always stays.")
    if base.is_dir() and not is_own_base(base):
        raise ServingError(
            f"{base} is no directory that kzoo has exported to (it has neither {CLAIMS} nor {DIRECTORY}/{MODELS}): "
            "nothing was removed."
        )
    # While labels cannot move, so that none is given to what goes.
    with locked_release(base) as release:
        own = [number for number in list_versions(base) if is_own_version(base / str(number))]
        kept = {*release.labels.values(), *(() if is_settled(base) else release.served)}
        gone = [number for number in own[:-keep] if number not in kept]
        if set(gone) & set(release.served):
            # The server is told before it misses a version that it should serve.
            served = tuple(number for number in release.served if number not in gone)
            write_release(base, Release(release.labels, served))
        for number in gone:
            # One rename takes it from the server; what is left by a kill in between goes next time.
            (base / str(number)).rename(base / f"{REMOVED}{number}")
        for path in base.glob(f"{REMOVED}*"):
            if is_version(path.name.removeprefix(REMOVED)) and not path.is_symlink():
                shutil.rmtree(path)
    return gone
