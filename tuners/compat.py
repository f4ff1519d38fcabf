"""The one private corner of keras-tuner that there is no way around.

A tuner tells its oracle where the project is through `Oracle._set_project_dir`, and the oracle's public attributes
`directory` and `project_name` stay None. `tests/search/test_compat.py` fails when keras-tuner changes this.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras_tuner


def project_directory(oracle: keras_tuner.Oracle) -> Path | None:
    """Directory of the search that an oracle belongs to, or None before a tuner has told it."""
    directory = getattr(oracle, "_directory", None)
    return None if directory is None else Path(directory, oracle._project_name)  # noqa: SLF001


def set_project_directory(oracle: keras_tuner.Oracle, directory: str | os.PathLike[str]) -> None:
    """Tell an oracle, as a tuner would, where its search is; for an oracle that is used by itself."""
    path = Path(directory).absolute()
    oracle._set_project_dir(str(path.parent), path.name)  # noqa: SLF001
