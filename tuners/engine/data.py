"""Training data as an engine holds them: structures of arrays, in the form in which `model.fit` takes them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuners.engine.declined import Declined

LARGEST = 2 * 2**30
"""Bytes of data, at most, that are held; more goes to `model.fit`, which can stream it."""

# Nothing of this is kept from one call to the next: an array may have been changed meanwhile, and copying it costs less
# than a step or two.


def parts(x: Any, y: Any = None, weights: Any = None) -> tuple[Any, ...]:
    """What is trained or validated on.

    Args:
        x: An array [rows, ...] or a structure of arrays; numpy arrays, tensors or pandas' frames.
        y: Likewise, or None.
        weights: Of the examples, [rows] or as `model.fit` takes them, or None.

    Returns:
        (x,), (x, y) or (x, y, weights), of numpy arrays.

    Raises:
        Declined: They are of another kind, too large, or do not belong together.
    """
    if weights is not None and y is None:
        raise Declined("sample_weight without y")
    if weights is not None and keras.tree.is_nested(y) and not isinstance(weights, list | tuple | dict):
        if np.ndim(weights) != 1:
            raise Declined("one sample_weight of several numbers per example for several outputs")
        weights = keras.tree.map_structure(lambda _: weights, y)
    given = [part for part in (x, y, weights) if part is not None]
    found = tuple(keras.tree.map_structure(_array, keras.tree.lists_to_tuples(part)) for part in given)
    arrays = keras.tree.flatten(found)
    if not arrays or len({len(each) for each in arrays}) > 1 or not len(arrays[0]):
        raise Declined("the arrays are of different lengths, or empty")
    if sum(each.nbytes for each in arrays) > LARGEST:
        raise Declined(f"the data take more than {LARGEST >> 30} GB")
    return found


def _array(value: Any) -> np.ndarray:
    if isinstance(value, tf.Tensor) and tf.executing_eagerly():
        array = value.numpy()
    elif _is_of_pandas(value):
        # As `model.fit` does: a single column is a column.
        array = value.to_numpy() if value.ndim == 2 else value.to_numpy()[:, None]
    else:
        array = value
    if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray) or not array.ndim:
        raise Declined("the data are not arrays")
    if array.dtype.kind not in "biufOSU":
        raise Declined(f"the data are of the type {array.dtype}")
    # As model.fit does: numbers are taken to the precision that the layers compute in.
    return array.astype(keras.config.floatx(), copy=False) if array.dtype.kind == "f" else array


def _is_of_pandas(value: Any) -> bool:
    # Who has a frame has imported it.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def rows_of(data: tuple[Any, ...]) -> int:
    """Number of examples of what `parts` gave."""
    return len(keras.tree.flatten(data)[0])


def some(data: Any, rows: Any) -> Any:
    """Some of the examples, by their numbers or as a slice."""
    return keras.tree.map_structure(lambda array: array[rows], data)


def split(data: tuple[Any, ...], share: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Data to train on, and the share at their end to validate on, as `model.fit` divides them.

    Raises:
        Declined: One of the two would be empty.
    """
    rows = rows_of(data)
    at = math.floor(rows * (1.0 - share))
    if not 0 < at < rows:
        raise Declined(f"validation_split={share!r}")
    return some(data, slice(None, at)), some(data, slice(at, None))


def class_weighted(data: tuple[Any, ...], class_weight: Mapping[int, float]) -> tuple[Any, ...]:
    """Data with weights of examples from weights of classes.

    Args:
        data: (x, y), with y class ids [rows] or [rows, 1], or one-hot [rows, classes].
        class_weight: Weights by class id; a class that is not there has weight 1.

    Raises:
        Declined: There are weights of examples as well, or y is something else.
    """
    if len(data) != 2 or not isinstance(data[1], np.ndarray) or data[1].ndim > 2 or data[1].dtype.kind not in "biuf":
        raise Declined("class_weight with sample_weight, or without class ids")
    y = data[1]
    ids = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    kinds, places = np.unique(np.round(ids).astype(np.int32), return_inverse=True)
    weights = np.array([class_weight.get(int(kind), 1.0) for kind in kinds], keras.config.floatx())
    return (*data, weights[places])
