"""Bodies of TensorFlow Serving's REST predict requests and answers, to and from arrays.

References:
    https://www.tensorflow.org/tfx/serving/api_rest, "Predict API" and "Encoding binary values".
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.runner import Signature, Tensor

DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Batch:
    """A request as arrays.

    Attributes:
        inputs: An array for every input by name, with the batch as first dimension.
        rows: Whether it came as "instances", row by row, and the answer goes back so.
    """

    inputs: Mapping[str, np.ndarray]
    rows: bool


def signature_name(request: Any) -> str:
    """Name of the signature that a request body asks.

    Raises:
        RequestError: The body is not an object, or the name not text.
    """
    if not isinstance(request, dict):
        raise RequestError(f'A request body is a JSON object with "instances" or "inputs", not {_shown(request)}.')
    name = request.get("signature_name") or DEFAULT_SIGNATURE
    if not isinstance(name, str):
        raise RequestError(f'"signature_name" is {_shown(name)}; expected text.')
    return name


def parse_request(request: Mapping[str, Any], signature: Signature) -> Batch:
    """The arrays of a request body.

    Args:
        request: The body: "instances" (a list with one element per row) or "inputs" (whole arrays).
        signature: The signature that it asks.

    Returns:
        The arrays.

    Raises:
        RequestError: The body does not fit the signature.
    """
    if ("instances" in request) == ("inputs" in request):
        raise RequestError('A request body has either "instances" (row by row) or "inputs" (whole arrays).')
    rows = "instances" in request
    columns = _columns(request["instances"], signature) if rows else _named(request["inputs"], signature)
    return Batch({name: _array(columns[name], tensor) for name, tensor in signature.inputs.items()}, rows)


def answer(outputs: Mapping[str, np.ndarray], rows: bool) -> dict[str, Any]:
    """The body of the answer.

    Args:
        outputs: An array for every output by name.
        rows: Whether to answer row by row, as to "instances".

    Returns:
        {"predictions": [...]} or {"outputs": ...}; a single output stands without its name.

    Raises:
        RequestError: Row by row was asked for, but an output has no rows, or they differ in number.
    """
    values = {name: _plain(array, name.endswith("_bytes")) for name, array in sorted(outputs.items())}
    if not rows:
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    sizes = {name: array.shape[0] if array.ndim else None for name, array in outputs.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise RequestError(f'The outputs differ in their number of rows, {sizes}; ask with "inputs" instead.')
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def _columns(instances: Any, signature: Signature) -> dict[str, list[Any]]:
    """One list of rows for every input."""
    if not isinstance(instances, list) or not instances:
        raise RequestError(f'"instances" is {_shown(instances)}; expected a list with at least one row.')
    names = set(signature.inputs)
    plain = not _is_object(instances[0])
    if plain and len(names) > 1:
        raise RequestError(f'Row 0 of "instances" is {_shown(instances[0])}; expected an object with {_list(names)}.')
    for number, row in enumerate(instances):
        if _is_object(row) == plain:
            raise RequestError(f'Row {number} of "instances" is {_shown(row)}; row 0 is of the other kind.')
        if not plain and set(row) != names:
            raise RequestError(f'Row {number} of "instances" has {_list(row)}; expected exactly {_list(names)}.')
    if plain:
        return {next(iter(names)): instances}
    return {name: [row[name] for row in instances] for name in names}


def _named(inputs: Any, signature: Signature) -> dict[str, Any]:
    names = set(signature.inputs)
    if not _is_object(inputs):
        if len(names) > 1:
            raise RequestError(f'"inputs" must be an object with {_list(names)}, not {_shown(inputs)}.')
        return {next(iter(names)): inputs}
    missing = names - set(inputs)
    if missing:
        raise RequestError(f'"inputs" lacks {_list(missing)}; it has {_list(inputs)}.')
    return inputs


def _array(value: Any, tensor: Tensor) -> np.ndarray:
    shape = _nested_shape(value)
    flat: list[Any] = []
    _flatten(value, shape, tensor, flat)
    if tensor.shape is not None and not _fits(shape, tensor.shape):
        want = [size if size is not None else "any" for size in tensor.shape]
        raise RequestError(f"Input {tensor.name!r} has shape {list(shape)}; expected {want}, the batch first.")
    dtype = object if tensor.dtype == tf.string else tensor.dtype.as_numpy_dtype
    return np.array(flat, dtype).reshape(shape)


def _nested_shape(value: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _flatten(value: Any, shape: tuple[int, ...], tensor: Tensor, flat: list[Any]) -> None:
    if not shape and not isinstance(value, list):
        flat.append(_scalar(value, tensor))
        return
    if not shape or not isinstance(value, list) or len(value) != shape[0]:
        raise RequestError(f"Input {tensor.name!r} is ragged: {_shown(value)} stands beside lists of another size.")
    for element in value:
        _flatten(element, shape[1:], tensor, flat)


def _scalar(value: Any, tensor: Tensor) -> Any:
    """One element; numbers are not taken from text, nor integers from fractions, just as the server does not."""
    dtype = tensor.dtype
    if dtype == tf.string:
        if isinstance(value, str):
            return value.encode()
        if _is_base64(value):
            try:
                return base64.b64decode(value["b64"], validate=True)
            except binascii.Error:
                raise RequestError(f"Input {tensor.name!r}: {_shown(value)} is not base64.") from None
    elif dtype.is_bool:
        if isinstance(value, bool):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool) and _holds(dtype, value):
        return value
    raise RequestError(f"Input {tensor.name!r}: {_shown(value)} is no {dtype.name}.")


def _holds(dtype: tf.DType, value: int | float) -> bool:
    """Whether a dtype of numbers can hold a number: integers exactly, fractions within its range."""
    if not dtype.is_floating:
        return isinstance(value, int) and bool(dtype.min <= value <= dtype.max)
    if isinstance(value, int):
        return abs(value) < 2 ** (np.finfo(dtype.as_numpy_dtype).nmant + 1)
    return not np.isfinite(value) or bool(abs(value) <= dtype.max)


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        want is None or have == want for have, want in zip(shape, expected, strict=True)
    )


def _plain(array: np.ndarray, as_base64: bool) -> Any:
    if array.dtype == object:
        return _text(array.tolist(), as_base64)
    if array.dtype == np.float32:
        return _short(array.tolist())
    return array.tolist()


def _short(value: Any) -> Any:
    """Decimal numbers as the server writes float32: as short as reads back as the same, 0.2 for 0.20000000298023224."""
    if isinstance(value, list):
        return [_short(element) for element in value]
    short = float(f"{value:.6g}")
    return short if np.float32(short) == np.float32(value) or value != value else float(f"{value:.9g}")


def _text(value: Any, as_base64: bool) -> Any:
    if isinstance(value, list):
        return [_text(element, as_base64) for element in value]
    return {"b64": base64.b64encode(value).decode()} if as_base64 else value.decode(errors="replace")


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
