"""Versions of an export: `<base>/<number>/`, as TensorFlow Serving finds them.

The server takes every child of the base path whose name parses as an integer. What is not ready must therefore stand
under another name, and one rename makes it a version.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kzoo.export.errors import ExportError

# One empty file for every number ever given away: a number is not used again after its version has been pruned.
CLAIMS = ".versions"
_INTEGER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+[ \t\n\v\f\r]*", re.ASCII)
_INT64 = range(-(2**63), 2**63)


def parse_version_number(name: str) -> int | None:
    """The version that a child of the base path is for TensorFlow Serving, None where it is none.

    "007", "-1" and " 7" are versions too, and so is a plain file: the name alone counts
    (`tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc, ParseVersionNumber`).
    """
    if not _INTEGER.fullmatch(name):
        return None
    number = int(name)
    return number if number in _INT64 else None


def list_versions(base_dir: str | os.PathLike[str]) -> list[int]:
    """Numbers of the versions: directories that are called by their number, such as "7", but not "007".

    Args:
        base_dir: Directory with one sub-directory per version, such as `saved_models/digits`.

    Returns:
        The numbers, ascending; empty where the directory does not exist.
    """
    base = Path(base_dir)
    if not base.is_dir():
        return []
    return sorted(int(path.name) for path in base.iterdir() if is_version(path.name) and path.is_dir())


def is_version(name: str) -> bool:
    """Whether a name is a number from 0 as it is written, as versions are called."""
    number = parse_version_number(name)
    return number is not None and number >= 0 and name == str(number)


def strays(base: Path) -> list[str]:
    """Names that a server takes for versions, but that are none: files, and numbers that are not written plainly."""
    names = sorted(os.listdir(base))
    plain = {str(number) for number in list_versions(base)}
    return [name for name in names if parse_version_number(name) is not None and name not in plain]


def version_directory(model_dir: str | os.PathLike[str]) -> Path:
    """The directory of one version.

    Args:
        model_dir: A version's directory, or the directory above it, of which the newest version is taken.

    Returns:
        The directory that holds `saved_model.pb`.

    Raises:
        ExportError: There is no export.
    """
    directory = Path(model_dir)
    if (directory / "saved_model.pb").is_file():
        return directory
    versions = list_versions(directory)
    if not versions:
        what = "has no version of an export in it" if directory.is_dir() else "does not exist"
        raise ExportError(f"{directory} {what}; export a model there first, or name another directory.")
    return directory / str(versions[-1])


def claim_version(base: Path) -> int:
    """Take the next number; no other process gets it, now or later.

    Args:
        base: An existing directory.

    Returns:
        A number above every version there is or was, at least 1.
    """
    claims = base / CLAIMS
    claims.mkdir(exist_ok=True)
    number = max([0, *_integers(base), *_integers(claims)]) + 1
    while True:
        try:
            os.close(os.open(claims / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            return number
        except FileExistsError:
            number += 1


def _integers(directory: Path) -> list[int]:
    """Children that the server would take for versions, files and odd spellings included."""
    numbers = (parse_version_number(path.name) for path in directory.iterdir())
    return [number for number in numbers if number is not None]
