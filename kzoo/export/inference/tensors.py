"""Arrays by name as files of protobuf tensors, which keep every dtype, text and half precision included."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

_LARGEST_REPEATED = 2**24
"""Elements, at most, that a tensor may have of which only the first are in it; the last of these is repeated."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name; `read_arrays` gives them back as they are."""
    request = predict_pb2.PredictRequest()
    for name, array in arrays.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    path.write_bytes(request.SerializeToString())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `write_arrays` wrote."""
    request = predict_pb2.PredictRequest.FromString(path.read_bytes())
    return {name: read_tensor(tensor) for name, tensor in request.inputs.items()}


def read_tensor(tensor: Any) -> np.ndarray:
    """The array of a `TensorProto`.

    Raises:
        ValueError: It says that it is far larger than what is in it, which would fill the memory.
        TypeError: It has a dtype or values that there are none of.
    """
    size = math.prod(max(0, dim.size) for dim in tensor.tensor_shape.dim)
    if size > _LARGEST_REPEATED and size > tensor.ByteSize():
        raise ValueError(f"a tensor of {size:,} elements in {tensor.ByteSize():,} bytes")
    array: np.ndarray = tf.make_ndarray(tensor)
    return array
