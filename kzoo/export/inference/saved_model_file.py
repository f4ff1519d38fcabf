"""`saved_model.pb`, read without loading it: nothing of it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import saved_model_pb2

from kzoo.export.errors import ExportError

SERVE_TAG = "serve"


def read_serving_graph(directory: Path) -> Any:
    """The `MetaGraphDef` that TensorFlow Serving loads.

    Args:
        directory: The directory that holds `saved_model.pb`.

    Raises:
        ExportError: There is none, or it cannot be read.
    """
    path = directory / "saved_model.pb"
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    except DecodeError:
        raise ExportError(f"{directory} does not load: saved_model.pb is damaged, or no SavedModel.") from None
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {SERVE_TAG}:
            return meta_graph
    raise ExportError(f"{directory} does not load: it has nothing with the tag {SERVE_TAG!r}.")
