"""What is kzoo's own in a directory of versions, and whether a version is whole."""

from __future__ import annotations

from pathlib import Path

from kzoo.export.layout import MANIFEST
from kzoo.export.manifest import damage
from kzoo.export.versions import CLAIMS
from kzoo.serving.configuration import DIRECTORY, MODELS

GRAPH = "saved_model.pb"


def is_own_base(base: Path) -> bool:
    """Whether kzoo has exported to a directory, or written a server's configuration there."""
    return (base / CLAIMS).is_dir() or (base / DIRECTORY / MODELS).is_file()


def is_own_version(version: Path) -> bool:
    """Whether a directory is an export of kzoo's, and no link to one."""
    return not version.is_symlink() and (version / GRAPH).is_file() and (version / MANIFEST).is_file()


def unfinished(version: Path) -> str:
    """What a version lacks that a server could load, or whose copying has not ended; empty where nothing is seen.

    The files are not read: `kzoo check` does that.
    """
    if not (version / GRAPH).is_file():
        return f"{GRAPH} is missing."
    return next(damage(version, contents=False), "") if (version / MANIFEST).is_file() else ""
