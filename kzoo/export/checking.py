"""Whether an export that was published once is still what it was."""

from __future__ import annotations

import os
from pathlib import Path

from kzoo.export.errors import ExportError
from kzoo.export.gate.checks import warmup_problems, weight_problems
from kzoo.export.gate.graph_checks import training_ops
from kzoo.export.golden import golden_problems
from kzoo.export.inference.runner import Runner
from kzoo.export.inference.trust import strange_files
from kzoo.export.manifest import damage
from kzoo.export.versions import list_versions, version_directory


def check(model_dir: str | os.PathLike[str], *, trust: bool = False) -> dict[Path, list[str]]:
    """Check exports: their files against the digests, then their answers against those they were published with.

    Args:
        model_dir: A version's directory, or the directory above it, of which every version is checked.
        trust: Whether to run them whatever their graphs do, such as reading files, and to follow links in them.

    Returns:
        For each version, in order, what is wrong with it, one sentence per problem.

    Raises:
        ExportError: There is no export.
    """
    base = Path(model_dir)
    versions = [base / str(number) for number in list_versions(base)]
    if not versions or (base / "saved_model.pb").is_file():
        versions = [version_directory(base)]
    return {version: _problems(version, trust) for version in versions}


def _problems(version: Path, trust: bool) -> list[str]:
    # A pipe would never end, and a link may lead anywhere.
    strange = [] if trust else list(strange_files(version))
    if strange:
        return strange
    # What is damaged is not loaded: the loader takes a flipped bit for a weight, or may crash over it.
    damaged = list(damage(version))
    if damaged:
        return damaged
    try:
        with Runner(version, trust=trust) as runner:
            return [
                *weight_problems(runner),
                *training_ops(runner),
                *golden_problems(runner),
                *warmup_problems(runner),
            ]
    except ExportError as error:
        return [str(error)]
