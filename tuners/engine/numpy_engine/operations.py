"""Operations of functional models as kernels: `x[:, 2]`, `keras.ops.take`, `keras.ops.cos`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tuners.engine.declined import Declined
from tuners.engine.identity import is_of_keras
from tuners.engine.numpy_engine.activations import COSINE, SINE, Derived
from tuners.engine.numpy_engine.kernels import Activate
from tuners.engine.numpy_engine.reading import Part
from tuners.engine.numpy_engine.shapes import Slice


def part(operation: Any, arguments: Sequence[Any]) -> Part:
    """What an operation computes.

    Args:
        operation: Of a functional model.
        arguments: What it is called with, besides tensors.

    Raises:
        Declined: It is not known here.
    """
    name = type(operation).__name__
    # The classes have no public names.
    read = OPERATIONS.get(name) if is_of_keras(operation) else None
    if read is None:
        raise Declined(f"the model has the operation {name}")
    return read(operation, *arguments)


def _get_item(operation: Any, key: Any) -> Part:
    places = tuple(key) if isinstance(key, list | tuple) else (key,)
    if places[0] != slice(None) or not all(isinstance(each, int | slice) for each in places):
        raise Declined("a slice is not [:, ...] of numbers")
    return Part(Slice(places), ("slice", *map(type, places)))


def _take(operation: Any, places: Any) -> Part:
    plain = isinstance(places, list) and all(isinstance(each, int) and each >= 0 for each in places)
    if operation.axis != 1 or not plain or len(set(places)) < len(places):
        raise Declined("a take is not one of some columns, each once")
    return Part(Slice((slice(None), places)), ("take", len(operation.input.shape)))


def _elementwise(derived: Derived, operation: Any) -> Part:
    if operation.input.dtype != "float32":
        raise Declined(f"the operation {type(operation).__name__} is given integers")
    return Part(Activate(derived), ("operation", type(operation)))


OPERATIONS: dict[str, Callable[..., Part]] = {
    "Cos": functools.partial(_elementwise, COSINE),
    "GetItem": _get_item,
    "Sin": functools.partial(_elementwise, SINE),
    "Take": _take,
}
"""By the name of a class of Keras'."""
