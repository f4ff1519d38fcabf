"""Examples as people have them (lists, tensors, columns of a table) as the arrays that a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError


def is_array(value: Any) -> bool:
    """Whether a value is an array of rows by itself: numpy's, a tensor, a column of a table; not a plain list."""
    return len(getattr(value, "shape", ())) > 0


def array_of(value: Any, name: str) -> np.ndarray:
    """The array that a value stands for.

    Args:
        value: An array, a tensor, a column or table, or nested lists.
        name: The input that it is for.

    Returns:
        An array [rows, ...].

    Raises:
        ExportError: It stands for none.
    """
    try:
        array = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    except (TypeError, ValueError) as error:
        raise ExportError(f"The examples of {name!r} make no array: {error}. Give rows of one size.") from None
    if array.ndim == 0:
        raise ExportError(
            f"The examples of {name!r} are a {type(value).__name__}; expected an array [rows, ...] of raw inputs, such "
            "as data.x_train[:64]."
        )
    return array


def fitted(array: np.ndarray, name: str, spec: tf.TensorSpec) -> np.ndarray:
    """An array in the shape and dtype of an input.

    Args:
        array: Rows [rows, ...].
        name: The input.
        spec: Its shape and dtype.

    Returns:
        The same values; text as bytes in an array of dtype object.

    Raises:
        ExportError: They do not fit.
    """
    if spec.shape.rank == array.ndim + 1 and spec.shape[-1] == 1:
        array = array[..., None]  # as Keras does
    if not spec.shape.is_compatible_with(array.shape):
        raise ExportError(f"The examples of {name!r} have shape {array.shape}; the model takes {tuple(spec.shape)}.")
    return _text(array, name) if spec.dtype == tf.string else _numbers(array, name, spec.dtype)


def _text(array: np.ndarray, name: str) -> np.ndarray:
    flat = [value.encode() if isinstance(value, str) else value for value in array.reshape(-1).tolist()]
    odd = next((value for value in flat if not isinstance(value, bytes)), None)
    if odd is not None or None in flat:
        raise ExportError(f"The examples of {name!r} hold {odd!r}; the model takes text.")
    text = np.empty(len(flat), object)
    text[:] = flat
    return text.reshape(array.shape)


def _numbers(array: np.ndarray, name: str, dtype: tf.DType) -> np.ndarray:
    wanted = dtype.as_numpy_dtype
    if array.dtype == object:
        try:  # a table whose columns have several types
            array = np.array(array.tolist())
        except ValueError:
            pass
    if array.dtype.kind in "iub" and dtype.is_integer:
        fits = bool((array.astype(wanted) == array).all())
    else:
        fits = array.dtype.kind in "biufcV" and np.can_cast(array.dtype, wanted, "same_kind")
    if not fits:
        raise ExportError(f"The examples of {name!r} are {array.dtype}, but the model takes {dtype.name}.")
    return array.astype(wanted)
