"""The private corners of keras-tuner that there is no way around.

A tuner tells its oracle where the project is through `Oracle._set_project_dir`, and the oracle's public attributes
`directory` and `project_name` stay None. The protocol between chief and workers is in `keras_tuner.src.protos`, and no
public name leads there. `tests/search/test_oracle.py` and `tests/parallel/test_chief.py` fail when this changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner


def project_directory(oracle: keras_tuner.Oracle) -> Path | None:
    """Directory of the search that an oracle belongs to, or None before a tuner has told it."""
    directory = getattr(oracle, "_directory", None)
    return None if directory is None else Path(directory, oracle._project_name)  # noqa: SLF001


def set_project_directory(oracle: keras_tuner.Oracle, directory: str | os.PathLike[str]) -> None:
    """Tell an oracle, as a tuner would, where its search is; for an oracle that is used by itself."""
    path = Path(directory).absolute()
    oracle._set_project_dir(str(path.parent), path.name)  # noqa: SLF001


def oracle_service() -> tuple[type, Callable[[Any, Any], None]]:
    """The base class of what answers a distributed search, and what adds an instance of it to a gRPC server."""
    # Here, since gRPC is needed by chiefs only.
    from keras_tuner.src import protos

    service = protos.get_service_grpc()
    return service.OracleServicer, service.add_OracleServicer_to_server


def oracle_messages() -> Any:
    """The module with the requests and answers of a distributed search."""
    from keras_tuner.src import protos

    return protos.get_service()
