"""Removing old versions: never the newest, never one with a label, and never half of one."""

from __future__ import annotations

import shutil
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving.configuration import Release
from kzoo.serving.errors import ServingError
from kzoo.serving.labels import locked_release, write_release

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
