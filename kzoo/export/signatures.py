"""What can be asked of an export: its signatures, with the names, dtypes and shapes of what goes in and comes out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

SERVING = "serving_default"
NUMERIC = "numeric"
CLASSIFY = "classify"
REGRESS = "regress"

# The loader's own entry, which nobody asks.
_INTERNAL = "__saved_model_init_op"


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output of a signature.

    Attributes:
        name: Name in requests and answers.
        key: Name in the graph.
        dtype: Its dtype; strings are `tf.string`.
        shape: Its dimensions, None where free, or None where not even their number is known.
    """

    name: str
    key: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Signature:
    """What can be asked of an export.

    Attributes:
        name: Name in requests.
        method: TensorFlow Serving's method, such as "tensorflow/serving/predict".
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    name: str
    method: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def signatures_of(definitions: Mapping[str, Any]) -> dict[str, Signature]:
    """Signatures by name.

    Args:
        definitions: The `signature_def` of a graph.
    """
    return {
        name: Signature(name, proto.method_name, _tensors(proto.inputs), _tensors(proto.outputs))
        for name, proto in definitions.items()
        if name != _INTERNAL
    }


def read_signatures(directory: Path) -> dict[str, Signature]:
    """Signatures of an export by name, read without loading it."""
    saved = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    return signatures_of(saved.meta_graphs[0].signature_def)


def _tensors(infos: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: Tensor(name, info.name, tf.as_dtype(info.dtype), _shape(info)) for name, info in infos.items()}


def _shape(info: Any) -> tuple[int | None, ...] | None:
    if info.tensor_shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
