"""Requests that TensorFlow Serving answers by itself when it loads an export, so that the first caller need not wait.

References:
    https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from kzoo.export.errors import ExportError, reason
from kzoo.export.examples_proto import serialize_rows
from kzoo.export.inference.tensors import read_tensor
from kzoo.export.layout import ALLOWED_BATCH_SIZES, WARMUP
from kzoo.export.saved_model import CLASSIFY, REGRESS

LARGEST = 64 * 2**20
"""Bytes of records, at most: the larger batches of large inputs are left out."""


def write_warmup(
    directory: Path,
    name: str,
    signatures: Sequence[str],
    rows: Mapping[str, np.ndarray],
    feature_names: tuple[str, ...],
) -> int:
    """Write a record for each signature and each batch size that the server's batching makes.

    Args:
        directory: The export.
        name: Name that it is served under.
        signatures: Names of its signatures.
        rows: Real rows by input name; where there are fewer than a batch has, they begin again from the first.
        feature_names: Features of a tf.Example, or empty where there is one for every input.

    Returns:
        The number of records, at most 1000, which is the server's limit.
    """
    path = directory / WARMUP
    path.parent.mkdir(exist_ok=True)
    total = written = 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for size in ALLOWED_BATCH_SIZES:
            batch = {key: array[np.arange(size) % len(array)] for key, array in rows.items()}
            records = [_record(name, signature, batch, feature_names).SerializeToString() for signature in signatures]
            total += sum(map(len, records))
            if written and total > LARGEST:
                break
            for record in records:
                writer.write(record)
            written += len(records)
    return written


def read_warmup(directory: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """The requests of an export's records.

    Args:
        directory: The export.

    Yields:
        The name of a signature, and arrays by input name.

    Raises:
        tf.errors.OpError: The file is damaged.
        ExportError: A record is none.
    """
    for record in tf.data.TFRecordDataset(str(directory / WARMUP)).as_numpy_iterator():
        try:
            yield _request(prediction_log_pb2.PredictionLog.FromString(record))
        except (DecodeError, ValueError, TypeError, AttributeError) as error:
            raise ExportError(f"{WARMUP} has a record that is no request: {reason(error)}") from None


def _record(
    name: str, signature: str, batch: Mapping[str, np.ndarray], feature_names: tuple[str, ...]
) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    if signature in (CLASSIFY, REGRESS):
        request = log.classify_log.request if signature == CLASSIFY else log.regress_log.request
        for serialized in serialize_rows(batch, feature_names):
            request.input.example_list.examples.add().ParseFromString(serialized)
    else:
        request = log.predict_log.request
        _fill(request, batch)
    request.model_spec.name, request.model_spec.signature_name = name, signature
    return log


def _fill(request: predict_pb2.PredictRequest, batch: Mapping[str, np.ndarray]) -> None:
    for key, array in batch.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(array))


def _request(log: Any) -> tuple[str, dict[str, np.ndarray]]:
    kind = log.WhichOneof("log_type")
    request = getattr(log, kind).request
    if kind == "predict_log":
        inputs = {key: read_tensor(tensor) for key, tensor in request.inputs.items()}
    else:
        examples = [example.SerializeToString() for example in request.input.example_list.examples]
        inputs = {"inputs": np.array(examples, object)}
    return request.model_spec.signature_name, inputs
