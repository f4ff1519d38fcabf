"""Arrays by name as files of protobuf tensors, which keep every dtype, text and half precision included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name; `read_arrays` gives them back as they are."""
    request = predict_pb2.PredictRequest()
    for name, array in arrays.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    path.write_bytes(request.SerializeToString())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `write_arrays` wrote."""
    request = predict_pb2.PredictRequest.FromString(path.read_bytes())
    return {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
