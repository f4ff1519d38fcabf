"""Training data held on the device for a whole search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

LARGEST = 2 * 2**30
"""Bytes of data, at most, that are held; more goes to `model.fit`, which can stream it."""


@dataclasses.dataclass(frozen=True)
class Examples:
    """Inputs, targets and weights, as tensors.

    Attributes:
        parts: (x,), (x, y) or (x, y, sample_weight), each a tensor or a structure of tensors [rows, ...].
        rows: Number of examples.
    """

    parts: tuple[Any, ...]
    rows: int

    @property
    def specs(self) -> Any:
        """Shapes and dtypes, in the structure of the parts."""
        return keras.tree.map_structure(lambda part: tf.TensorSpec(part.shape, part.dtype), self.parts)

    @property
    def signature(self) -> str:
        """Equal for examples of the same shapes and dtypes, in the same structure."""
        return repr(self.specs)


class DeviceData:
    """Arrays as tensors, each moved to the device once however many trials use it."""

    def __init__(self) -> None:
        # The array is kept beside its tensor: an id that is free may be given to another array.
        self._tensors: dict[int, tuple[Any, Any]] = {}

    def examples(self, parts: tuple[Any, ...]) -> Examples:
        """Tensors of arrays.

        Args:
            parts: Structures of numpy arrays [rows, ...]; None at the end where there are no weights.
        """
        kept = [part for part in parts if part is not None]
        tensors = tuple(keras.tree.map_structure(self._tensor, part) for part in kept)
        return Examples(tensors, len(keras.tree.flatten(tensors[0])[0]))

    def _tensor(self, array: Any) -> Any:
        known = self._tensors.get(id(array))
        if known is None or known[0] is not array:
            value = np.asarray(array)
            # As model.fit does: double precision is taken down to what the layers compute in.
            value = value.astype(keras.config.floatx()) if value.dtype == np.float64 else value
            known = self._tensors[id(array)] = (array, tf.constant(value))
        return known[1]


def trouble(data: Any) -> str:
    """Why data cannot be held on the device, or "".

    Args:
        data: What was passed for x, y or weights.
    """
    arrays = keras.tree.flatten(data)
    if not arrays or not all(isinstance(each, np.ndarray) and each.ndim for each in arrays):
        return "the data are not numpy arrays"
    if any(each.dtype.kind not in "biuf" for each in arrays):
        return "the data are not numbers"
    if len({len(each) for each in arrays}) > 1 or not len(arrays[0]):
        return "the arrays are of different lengths"
    if sum(each.nbytes for each in arrays) > LARGEST:
        return f"the data take more than {LARGEST >> 30} GB"
    return ""


def class_weighted(y: Any, class_weight: Mapping[int, float]) -> np.ndarray | None:
    """Weights of examples from weights of classes; None where y holds no class ids.

    Args:
        y: Class ids [rows] or [rows, 1], or one-hot [rows, classes].
        class_weight: Weights by class id; a class that is not there has weight 1.
    """
    if not isinstance(y, np.ndarray) or y.ndim > 2:
        return None
    ids = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    if ids.dtype.kind not in "biu":
        return None
    table = np.ones(max(int(ids.max(initial=0)), *class_weight) + 1, np.float32)
    for each, weight in class_weight.items():
        table[each] = weight
    return table[ids]
