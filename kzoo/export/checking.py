"""Whether published versions still are what was exported and still answer as they did."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from kzoo.export.checksums import checksum_problems
from kzoo.export.errors import ExportError
from kzoo.export.gate_checks import problems_of
from kzoo.export.golden import read_golden
from kzoo.export.runner import Runner
from kzoo.export.versions import list_versions, version_directory


@dataclasses.dataclass(frozen=True)
class Checked:
    """What the check of a version has found.

    Attributes:
        directory: The directory of the version.
        problems: What is wrong with it, one sentence each; empty where nothing is.
    """

    directory: Path
    problems: tuple[str, ...]


def check_export(model_dir: str | os.PathLike[str]) -> tuple[Checked, ...]:
    """Check every version of an export: its files, its signatures, its golden answers and its warm-up requests.

    Args:
        model_dir: The directory of one version, or the one above it, of which every version is checked.

    Returns:
        What was found, in the order of the versions.

    Raises:
        ExportError: There is no export.
    """
    newest = version_directory(model_dir)
    base = Path(model_dir)
    versions = [newest] if newest == base else [base / str(number) for number in list_versions(base)]
    return tuple(Checked(version, tuple(version_problems(version))) for version in versions)


def version_problems(version: Path) -> list[str]:
    """What is wrong with one version, one sentence a problem; damaged files are not loaded.

    Args:
        version: The directory of the version.
    """
    try:
        problems = checksum_problems(version)
        if problems:
            return problems
        golden = read_golden(version)
        with Runner(version) as runner:
            return problems_of(runner, golden)
    except ExportError as error:
        return [str(error)]
