"""Releases of an export: which versions are served, by which labels clients ask for them, and removing old ones.

A server that polls its configuration moves a label that is in use only to a version that it has loaded, and loads only
what it is told to serve; what it cannot do yet it tries again at its next poll. So a promotion leaves in service
what was served before: the server loads the new version, then moves the label, and all the while the label has a
version that answers. That also makes going back quick.

References:
    `ServerCore::UpdateModelVersionLabelMap` in
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/server_core.cc
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.files import read_json, write_text
from kzoo.locks import locked
from kzoo.serving.configuration import DIRECTORY, Release, write_configuration
from kzoo.serving.errors import ServingError

FILE = "labels.json"
LOCK = ".lock"
_LABEL = re.compile(r"[a-z][a-z0-9_-]*")


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
        labels = {str(label): int(version) for label, version in found["labels"].items()}
        return Release(labels, tuple(int(version) for version in found["served"]))
    except FileNotFoundError:
        return Release()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ServingError(f"{path}: not readable as labels ({error!r}); mend it or remove it.") from None


def promote(base: Path, version: int, label: str = "stable") -> dict[str, int]:
    """Give a label to a version; a server takes it up within half a minute, or a minute where it has yet to load it.

    From the first label on, the server serves the versions that have a label now or had one before, and no longer
    whichever is newest.

    Args:
        base: Directory of the versions.
        version: Number of a version that exists.
        label: The label, which no other version has afterwards.

    Returns:
        Version by label, after the change.

    Raises:
        ServingError: There is no such version, or the label is not a word.
        OSError: It cannot be written.
    """
    if not _LABEL.fullmatch(label):
        raise ServingError(f"{label!r} is not a label; expected a word such as stable or canary.")
    with locked_release(base) as before:
        there = list_versions(base)
        if version not in there:
            found = ", ".join(map(str, there)) or "none"
            raise ServingError(f"{base} has no version {version}; there are: {found}.")
        labels = {**before.labels, label: version}
        # Without labels the newest was served.
        in_service = before.labels.values() if before.served else there[-1:]
        served = {each for each in (*in_service, *labels.values()) if each in there}
        write_release(base, Release(labels, tuple(sorted(served))))
    return labels


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


REMOVED = ".removed-"


def prune(base: Path, keep: int) -> list[int]:
    """Remove the oldest versions.

    Args:
        base: Directory of the versions.
        keep: Number of newest versions that stay, >= 1; versions with a label stay besides.

    Returns:
        Numbers of the versions that were removed, ascending.

    Raises:
        ServingError: `keep` is out of range, or there is no export.
        OSError: A version cannot be removed.
    """
    if keep < 1:
        raise ServingError(f"keep is {keep}; expected 1 or more: the newest version always stays.")
    # While labels cannot move, so that none is given to what goes.
    with locked_release(base) as release:
        gone = [number for number in list_versions(base)[:-keep] if number not in release.labels.values()]
        if set(gone) & set(release.served):
            # The server is told before it misses a version that it should serve.
            served = tuple(number for number in release.served if number not in gone)
            write_release(base, Release(release.labels, served))
        for number in gone:
            # One rename takes it from the server; what is left by a kill in between goes next time.
            (base / str(number)).rename(base / f"{REMOVED}{number}")
        for path in base.glob(f"{REMOVED}*"):
            shutil.rmtree(path)
    return gone
