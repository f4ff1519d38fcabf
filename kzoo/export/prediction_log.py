"""Requests to an export, with or without answers, as TensorFlow Serving logs them: `PredictionLog` records.

The server's warm-up file is such records, and a request inside one can be sent over gRPC as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from kzoo.export.errors import ExportError, reason
from kzoo.export.examples_proto import serialize_rows
from kzoo.export.interface import SINGLE_INPUT
from kzoo.export.signatures import CLASSIFY, REGRESS

Arrays = Mapping[str, np.ndarray]


def signature_inputs(signature: str, rows: Arrays, feature_names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """What a signature takes for rows: classify and regress take serialized tf.Examples.

    Args:
        signature: Name of the signature.
        rows: Arrays by input name.
        feature_names: Features of a tf.Example, or empty where there is one for every input.

    Returns:
        Arrays by name of the signature's inputs.
    """
    if signature in (CLASSIFY, REGRESS):
        return {SINGLE_INPUT: serialize_rows(rows, feature_names)}
    return dict(rows)


def request_log(model: str, signature: str, inputs: Arrays) -> Any:
    """A request as a record.

    Args:
        model: Name that the model is served under.
        signature: Name of the signature.
        inputs: What it takes; see `signature_inputs`.

    Returns:
        A `PredictionLog`.
    """
    log = prediction_log_pb2.PredictionLog()
    if signature in (CLASSIFY, REGRESS):
        request = (log.classify_log if signature == CLASSIFY else log.regress_log).request
        for serialized in inputs[SINGLE_INPUT]:
            request.input.example_list.examples.add().MergeFromString(serialized)
    else:
        request = log.predict_log.request
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    return log


def request_of(log: Any) -> tuple[str, dict[str, np.ndarray]]:
    """The signature that a record asks, and the inputs that it asks it with."""
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        serialized = [example.SerializeToString() for example in request.input.example_list.examples]
        inputs = {SINGLE_INPUT: np.array(serialized, object)}
    else:
        raise ExportError(f"A record of kind {kind} is no request to a signature.")
    return request.model_spec.signature_name, inputs


def write_logs(path: Path, logs: Iterable[Any]) -> None:
    """Write records as a TFRecord file.

    Args:
        path: The file; its directory is made where there is none.
        logs: `PredictionLog` records.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def read_logs(path: Path) -> list[Any]:
    """The records of a TFRecord file.

    Raises:
        ExportError: It is damaged or holds something else.
    """
    try:
        records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    except Exception as error:  # of TensorFlow's reader or of the protobuf library, whatever is wrong with the file
        raise ExportError(f"{path.name} cannot be read: {reason(error)}") from error
