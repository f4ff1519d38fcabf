"""`saved_model.pb`, read without loading it: nothing of it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from kzoo.export.errors import ExportError, reason
from kzoo.files import read_bytes

SERVE_TAG = "serve"
LARGEST = 2**31
"""Bytes of a graph, at most: protobuf has no larger messages."""


def read_serving_graph(directory: Path) -> Any:
    """The `MetaGraphDef` that TensorFlow Serving loads.

    Args:
        directory: The directory that holds `saved_model.pb`.

    Raises:
        ExportError: There is none, or it cannot be read.
    """
    path = directory / "saved_model.pb"
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(read_bytes(path, LARGEST))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {reason(error)}.") from None
    except DecodeError:
        raise ExportError(f"{directory} does not load: saved_model.pb is damaged, or no SavedModel.") from None
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {SERVE_TAG}:
            return meta_graph
    raise ExportError(f"{directory} does not load: it has nothing with the tag {SERVE_TAG!r}.")
