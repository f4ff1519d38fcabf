"""Bodies of predict requests as arrays.

References:
    tensorflow_serving/util/json_tensor.cc, FillPredictRequestFromJson.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.request_json import Body, Repeated
from kzoo.export.inference.runner import Signature, Tensor

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


@dataclasses.dataclass(frozen=True)
class Batch:
    """A request as arrays.

    Attributes:
        inputs: An array for every input by name.
        rows: Whether it came as "instances", row by row, and the answer goes back so.
    """

    inputs: Mapping[str, np.ndarray]
    rows: bool


def parse_predict(body: Body, signature: Signature) -> Batch:
    """The arrays of a body.

    Args:
        body: The body, with "instances" (a list with one element per row) or "inputs" (whole arrays).
        signature: The signature that it asks.

    Returns:
        The arrays; their shapes need not be those of the signature.

    Raises:
        RequestError: The server would refuse it.
    """
    if not signature.inputs:
        raise RequestError(f"Signature {signature.name!r} has no inputs.")
    fields = body.fields
    if ("instances" in fields) == ("inputs" in fields):
        raise RequestError('A request body has either "instances" (row by row) or "inputs" (whole arrays).')
    if "inputs" in fields:
        return Batch(_whole(fields["inputs"], signature, body), rows=False)
    instances = fields["instances"]
    if not isinstance(instances, list) or not instances:
        raise RequestError(f'"instances" is {shown(instances)}; expected a list with at least one row.')
    return Batch(_uniform_rows(instances, signature, body) or _rows(instances, signature, body), rows=True)


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
    return ", ".join(repr(name) for name in sorted(names))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _uniform_rows(instances: list[Any], signature: Signature, body: Body) -> dict[str, np.ndarray] | None:
    """All rows at once where they are numbers without exception; else None."""
    names = signature.inputs.keys()
    columns: dict[str, list[Any]]
    if len(names) == 1 and isinstance(instances[0], list | int | float):
        columns = {next(iter(names)): instances}
    elif all(type(row) is dict and row.keys() == names for row in instances):
        columns = {name: [row[name] for row in instances] for name in names}
    else:
        return None
    arrays = {}
    for name, values in columns.items():
        array = _uniform_array(values, signature.inputs[name].dtype, body)
        if array is None:
            return None
        arrays[name] = array
    return arrays


def _uniform_array(values: Any, dtype: tf.DType, body: Body) -> np.ndarray | None:
    """Nested lists as numpy reads them, if they hold nothing but numbers that the dtype takes; else None."""
    # numpy would take a truth value between numbers for a number.
    if body.booleans or not (dtype in FLOATS or dtype in INTEGERS):
        return None
    try:
        array = np.array(values)
    except (ValueError, OverflowError):  # ragged
        return None
    if array.dtype.kind not in "iuf":
        return None
    if dtype in FLOATS:
        return _as_float(array, dtype)
    smallest, largest = INTEGERS[dtype]
    if array.dtype.kind == "f" or array.size and not (smallest <= int(array.min()) and int(array.max()) <= largest):
        return None
    return array.astype(dtype.as_numpy_dtype)


def _as_float(array: np.ndarray, dtype: tf.DType) -> np.ndarray:
    # Integers go through double precision, and what is too large for the dtype is infinite.
    with np.errstate(over="ignore"):
        return array.astype(np.float64).astype(dtype.as_numpy_dtype)


class _Filler:
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
        flat = self._flat[: int(np.prod(shape, dtype=object))]
        if dtype in FLOATS:
            return _as_float(np.array(flat, np.float64), dtype).reshape(shape)
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


def _rows(instances: list[Any], signature: Signature, body: Body) -> dict[str, np.ndarray]:
    names = set(signature.inputs)
    if len(names) > 1 and not isinstance(instances[0], dict):
        raise RequestError(f'Row 0 of "instances" is {shown(instances[0])}; expected an object with {listed(names)}.')
    objects = _is_object(instances[0])
    fillers = {name: _Filler(tensor, body) for name, tensor in signature.inputs.items()}
    for number, row in enumerate(instances):
        if _is_object(row) != objects:
            raise RequestError(f'Row {number} of "instances" is {shown(row)}; row 0 is of the other kind.')
        pairs = _pairs(row) if objects else [(next(iter(fillers)), row)]
        if {name for name, _ in pairs} != names:
            raise RequestError(
                f'Row {number} of "instances" has {listed(name for name, _ in pairs)}; expected {listed(names)}.'
            )
        for name, value in pairs:
            try:
                fillers[name].add_row(value)
            except RequestError as error:
                raise RequestError(f'Row {number} of "instances", input {name!r}: {error}.') from None
    arrays = {}
    for name, filler in fillers.items():
        assert filler.added is not None  # every row has every name
        arrays[name] = filler.array((len(instances), *filler.added[1]))
    return arrays


def _pairs(row: dict[str, Any]) -> list[tuple[str, Any]]:
    # The server takes names of rows as C strings.
    pairs = row.pairs if isinstance(row, Repeated) else row.items()
    return [(name.split("\0")[0], value) for name, value in pairs]


def _whole(inputs: Any, signature: Signature, body: Body) -> dict[str, np.ndarray]:
    if not _is_object(inputs):
        if len(signature.inputs) > 1:
            raise RequestError(f'"inputs" is {shown(inputs)}; expected an object with {listed(signature.inputs)}.')
        inputs = {next(iter(signature.inputs)): inputs}
    missing = signature.inputs.keys() - inputs.keys()
    if missing:
        raise RequestError(f'"inputs" lacks {listed(missing)}; it has {listed(inputs)}.')
    return {name: _whole_array(inputs[name], tensor, body) for name, tensor in signature.inputs.items()}


def _whole_array(value: Any, tensor: Tensor, body: Body) -> np.ndarray:
    array = _uniform_array(value, tensor.dtype, body)
    if array is not None:
        return array
    filler = _Filler(tensor, body)
    try:
        return filler.array(filler.add(value))
    except RequestError as error:
        raise RequestError(f"Input {tensor.name!r}: {error}.", status=error.status) from None
