"""Values of request bodies, one by one: what the server takes for each dtype, and in which words others are refused.

References:
    tensorflow_serving/util/json_tensor.cc, GetDenseTensorShape, FillTensorProto, AddValueToTensor,
    JsonDecodeBase64Object.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.request_json import Body
from kzoo.export.inference.runner import Tensor

LARGEST_RANK = 64
"""Dimensions of an array, at most: numpy has no more."""

_INT32 = (-(2**31), 2**31 - 1)
INTEGERS = {
    tf.int8: _INT32,
    tf.int16: _INT32,
    tf.int32: _INT32,
    tf.uint8: _INT32,
    tf.int64: (-(2**63), 2**63 - 1),
    tf.uint32: (0, 2**32 - 1),
    tf.uint64: (0, 2**64 - 1),
}
"""Smallest and largest number that the server takes for each dtype; what the dtype cannot hold wraps around."""
FLOATS = (tf.float32, tf.float64)


def decoded_base64(value: Any) -> bytes | None:
    """The bytes of {"b64": "..."}, or None where a value is something else.

    Raises:
        RequestError: The text is not base64. Padding may be left out, as in the server.
    """
    if not is_base64(value):
        return None
    text = "".join(value["b64"].split())
    bare = re.sub(r"[=.]*$", "", text)
    padding = -len(bare) % 4
    try:
        if len(text) - len(bare) not in (0, padding):
            raise binascii.Error
        return base64.b64decode(bare + "=" * padding, validate=True)
    except ValueError:
        raise RequestError(f"{shown(value)} is not base64.") from None


def is_base64(value: Any) -> bool:
    """Whether a value is an object with "b64" alone, and text there."""
    return type(value) is dict and len(value) == 1 and isinstance(value.get("b64"), str)


def shown(value: Any) -> str:
    """A value as an error message names it."""
    if isinstance(value, list | dict) and len(value) > 20:
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(names: Any) -> str:
    """Names as an error message gives them."""
    names = sorted(names)
    return ", ".join(map(shown, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def as_float(array: np.ndarray, dtype: tf.DType) -> np.ndarray:
    """Numbers in a dtype of floats: integers go through double precision, and what is too large is infinite."""
    with np.errstate(over="ignore"):
        return array.astype(np.float64).astype(dtype.as_numpy_dtype)


class Filler:
    """One input, filled element by element."""

    def __init__(self, tensor: Tensor, body: Body) -> None:
        self._tensor = tensor
        self._body = body
        self._flat: list[Any] = []
        self.added: tuple[int, tuple[int, ...]] | None = None

    def add(self, value: Any) -> tuple[int, ...]:
        """Add nested lists; returns their shape."""
        shape = []
        level = value
        while isinstance(level, list):
            shape.append(len(level))
            if not level:
                break
            level = level[0]
        self._fill(value, tuple(shape))
        return tuple(shape)

    def add_row(self, value: Any) -> None:
        """Add a row, which must have the shape of those before."""
        before = len(self._flat)
        shape = self.add(value)
        size = len(self._flat) - before
        if self.added is None:
            self.added = size, shape
        elif self.added != (size, shape):
            raise RequestError(f"its shape is {list(shape)}, that of the first row {list(self.added[1])}")

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """What was added; surplus elements, of rows with a name twice, are left out at the end as in the server."""
        if len(shape) > LARGEST_RANK:
            raise RequestError(f"Input {self._tensor.name!r} has {len(shape)} dimensions; kzoo takes {LARGEST_RANK}.")
        dtype = self._tensor.dtype
        flat = self._flat[: math.prod(shape)]
        if dtype in FLOATS:
            return as_float(np.array(flat, np.float64), dtype).reshape(shape)
        if dtype in INTEGERS:
            wide = np.uint64 if dtype == tf.uint64 else np.int64
            return np.array(flat, wide).astype(dtype.as_numpy_dtype).reshape(shape)
        return np.array(flat, object if dtype == tf.string else dtype.as_numpy_dtype).reshape(shape)

    def _fill(self, value: Any, shape: tuple[int, ...]) -> None:
        if not isinstance(value, list):
            if shape:
                raise RequestError(f"{shown(value)} stands beside lists")
            self._flat.append(self._scalar(value))
            return
        if not shape or len(value) != shape[0]:
            raise RequestError(f"{shown(value)} stands beside what has another size")
        for element in value:
            self._fill(element, shape[1:])

    def _scalar(self, value: Any) -> Any:
        dtype = self._tensor.dtype
        if isinstance(value, dict):
            found = decoded_base64(value) if dtype == tf.string else None
            if found is not None:
                return found
        elif dtype in FLOATS:
            if type(value) in (int, float):
                return value
        elif dtype in INTEGERS:
            smallest, largest = INTEGERS[dtype]
            if type(value) is int and smallest <= value <= largest:
                return value
        elif dtype == tf.string:
            if isinstance(value, str):
                return self._body.encode(value)
        elif dtype == tf.bool:
            if isinstance(value, bool):
                return value
        else:
            raise RequestError(f"the server's JSON has no {dtype.name}", status=501)
        raise RequestError(f"{shown(value)} is no {dtype.name}")
