"""Inputs of a model in one order and form, from what `model.fit` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.declined import Declined

DTYPES = ("float32", "int32", "int64")
"""Of inputs."""


def arranged(model: keras.Model, x: Any) -> list[NDArray[Any]]:
    """An array for each of `model.inputs`, of its type and shape.

    Args:
        model: A built functional or sequential model.
        x: An array [rows, ...] of numbers, or a tuple or mapping of them.

    Raises:
        Declined: They are not as the model takes them.
    """
    return [_as(tensor, array) for tensor, array in zip(model.inputs, _in_order(model, x), strict=True)]


def _in_order(model: keras.Model, x: Any) -> list[Any]:
    wanted = model.inputs if isinstance(model, keras.Sequential) else model.input
    if isinstance(wanted, Mapping):
        names, order = list(wanted), sorted(wanted)
    else:
        names = order = [each.name for each in model.inputs]
    if isinstance(x, Mapping) and set(names) <= set(x) and (len(x) == len(names) or not isinstance(wanted, Mapping)):
        found = [x[name] for name in order]
    elif isinstance(x, tuple) and isinstance(wanted, list | tuple):
        found = list(x)
    else:
        found = [x]
    if len(found) != len(model.inputs) or not all(isinstance(each, np.ndarray) for each in found):
        raise Declined("the inputs are not as the model takes them")
    return found


def _as(tensor: Any, array: NDArray[Any]) -> NDArray[Any]:
    shape, given = tuple(tensor.shape[1:]), array.shape[1:]
    # A column may be given as a list of numbers, and the other way round.
    fits = shape == given or shape == (*given, 1) or (*shape, 1) == given
    # Pictures as they are in a file; other numbers would be cut off.
    known = tensor.dtype in DTYPES or tensor.dtype == array.dtype == "uint8"
    if not known or array.dtype.kind not in "biuf" or not fits:
        raise Declined("the inputs are not as the model takes them")
    return array.reshape(len(array), *shape).astype(tensor.dtype, copy=False)
