"""Rows as serialized tf.Examples: how the classify and regress signatures get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.interface import Interface


def parses_examples(interface: Interface) -> bool:
    """Whether rows can be tf.Examples: every dimension but the batch must be known."""
    return all(spec.shape.rank is not None and None not in spec.shape[1:] for spec in interface.inputs.values())


def feature_spec(interface: Interface) -> dict[str, tf.io.FixedLenFeature]:
    """The features of a tf.Example: one per column where the columns have names, else one per input.

    Args:
        interface: What the model takes and answers.

    Returns:
        Shape and dtype of every feature by name. Integers are int64, other numbers float32.
    """
    if interface.feature_names:
        dtype = _wire_dtype(next(iter(interface.inputs.values())).dtype)
        return {name: tf.io.FixedLenFeature([], dtype) for name in interface.feature_names}
    return {
        name: tf.io.FixedLenFeature(spec.shape[1:], _wire_dtype(spec.dtype), interface.absent.get(name))
        for name, spec in interface.inputs.items()
    }


def parse_examples(serialized: tf.Tensor, interface: Interface) -> dict[str, tf.Tensor]:
    """The inputs in a batch of serialized tf.Examples.

    Args:
        serialized: Strings [batch].
        interface: What the model takes and answers.

    Returns:
        Tensors by input name, in the dtypes of the inputs.
    """
    features = tf.io.parse_example(serialized, feature_spec(interface))
    if interface.feature_names:
        name = next(iter(interface.inputs))
        features = {name: tf.stack([features[column] for column in interface.feature_names], axis=-1)}
    return {name: tf.cast(features[name], spec.dtype) for name, spec in interface.inputs.items()}


def serialize_rows(inputs: Mapping[str, np.ndarray], feature_names: tuple[str, ...] = ()) -> np.ndarray:
    """Rows as serialized tf.Examples.

    Args:
        inputs: Arrays by input name, with equally many rows.
        feature_names: Names of the entries of a single input's rows, or empty.

    Returns:
        Bytes [rows], dtype object.
    """
    if feature_names:
        (rows,) = inputs.values()
        inputs = {name: rows[:, column] for column, name in enumerate(feature_names)}
    count = len(next(iter(inputs.values())))
    serialized = np.empty(count, object)
    for row in range(count):
        features = {name: _feature(array[row]) for name, array in inputs.items()}
        serialized[row] = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


def _wire_dtype(dtype: tf.DType) -> tf.DType:
    if dtype == tf.string:
        return tf.string
    return tf.int64 if dtype.is_integer or dtype.is_bool else tf.float32


def _feature(value: Any) -> tf.train.Feature:
    # Text alone would become an array of its own length, without the NULs at its end.
    array = np.array([value], dtype=object) if isinstance(value, bytes) else np.asarray(value).reshape(-1)
    if array.dtype == object:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=array.tolist()))
    if array.dtype.kind in "iub":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=array.astype("int64").tolist()))
    return tf.train.Feature(float_list=tf.train.FloatList(value=array.tolist()))
