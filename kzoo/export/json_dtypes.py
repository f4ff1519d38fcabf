"""Which dtypes TensorFlow Serving's JSON has a form for, and what some of the others travel as."""

from __future__ import annotations

import tensorflow as tf

JSON_DTYPES = (
    *(tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64),
    *(tf.uint8, tf.uint32, tf.uint64, tf.bool, tf.string),
)
"""What the server reads and writes; there is no uint16 among them.

`tensorflow_serving/util/json_tensor.cc`, AddValueToTensor and AddSingleValueAndAdvance."""

_WIDER = {tf.float16: tf.float32, tf.bfloat16: tf.float32, tf.uint16: tf.int32}


def json_dtype(dtype: tf.DType) -> tf.DType | None:
    """The dtype that values of a dtype travel as, every one exactly; None where the server has no form for them."""
    wider = _WIDER.get(dtype, dtype)
    return wider if wider in JSON_DTYPES else None


def json_dtypes_text() -> str:
    """Names of the dtypes that the server has a form for."""
    return ", ".join(dtype.name for dtype in JSON_DTYPES)
