"""Elements of tensors as the Open Inference Protocol has them: in JSON, or in binary data behind it.

References:
    https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md and
    https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.runner import Tensor

DATATYPES = {
    **{f"{kind}INT{bits}": f"{kind.lower()}int{bits}" for kind in ("", "U") for bits in (8, 16, 32, 64)},
    **{"FP16": "float16", "FP32": "float32", "FP64": "float64", "BF16": "bfloat16", "BOOL": "bool", "BYTES": "string"},
}
"""TensorFlow's names of the dtypes by the protocol's."""
_PROTOCOL_NAMES = {name: datatype for datatype, name in DATATYPES.items()}
EXTENSION = "binary_tensor_data"
HEADER = "Inference-Header-Content-Length"
"""Header with the length of the JSON in bytes, where binary data follow it."""
_LENGTH = struct.Struct("<I")


def datatype_of(tensor: Tensor) -> str:
    """The protocol's name of a tensor's dtype."""
    name: str = tensor.dtype.name
    return _PROTOCOL_NAMES.get(name, name.upper())


def read_json(data: Any, tensor: Tensor, encoded: bool = False) -> np.ndarray:
    """The elements of a tensor, in one dimension.

    Args:
        data: A list of them, or nested lists.
        tensor: The input.
        encoded: Whether texts are base64.

    Raises:
        RequestError: They are no list, or not of the tensor's dtype.
    """
    if not isinstance(data, list):
        raise RequestError(f'Input {tensor.name!r} has "data" that are no list.')
    return _texts(data, tensor, encoded) if tensor.dtype == tf.string else _numbers(data, tensor)


def write_json(array: np.ndarray, tensor: Tensor) -> dict[str, Any]:
    """The "data" of an output, and with texts that are no UTF-8 the parameters that say that they are base64."""
    if tensor.dtype != tf.string:
        # Python's numbers are made of every dtype but this one.
        plain = np.float32 if tensor.dtype == tf.bfloat16 else tensor.dtype.as_numpy_dtype
        return {"data": np.asarray(array).astype(plain).reshape(-1).tolist()}
    texts = np.asarray(array, object).reshape(-1).tolist()
    try:
        return {"data": [text.decode() for text in texts]}
    except UnicodeDecodeError:
        encoded = [base64.b64encode(text).decode() for text in texts]
        return {"parameters": {"content_type": "base64"}, "data": encoded}


def read_binary(data: bytes, tensor: Tensor) -> np.ndarray:
    """The elements of a tensor, in one dimension.

    Args:
        data: Numbers in little-endian order; truths as bytes of 0 and 1; each text behind its length in 4 bytes.
        tensor: The input.

    Raises:
        RequestError: The data do not hold whole elements.
    """
    if tensor.dtype == tf.string:
        return _read_texts(data, tensor)
    dtype = np.dtype(tensor.dtype.as_numpy_dtype)
    if len(data) % dtype.itemsize:
        raise RequestError(f"Input {tensor.name!r} has {len(data)} bytes, not whole elements of {dtype.itemsize}.")
    if tensor.dtype.is_bool:
        truths: np.ndarray = np.frombuffer(data, np.uint8) != 0
        return truths
    return np.frombuffer(data, dtype)


def write_binary(array: np.ndarray, tensor: Tensor) -> bytes:
    """A tensor as `read_binary` reads it."""
    if tensor.dtype != tf.string:
        return np.ascontiguousarray(array).tobytes()
    return b"".join(_LENGTH.pack(len(text)) + text for text in np.asarray(array, object).reshape(-1).tolist())


def _read_texts(data: bytes, tensor: Tensor) -> np.ndarray:
    texts, at = [], 0
    while at < len(data):
        end = at + _LENGTH.size
        length = _LENGTH.unpack_from(data, at)[0] if end <= len(data) else len(data)
        if end + length > len(data):
            raise RequestError(f"Input {tensor.name!r} has a text that ends after its data.")
        texts.append(data[end : end + length])
        at = end + length
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def _texts(data: list[Any], tensor: Tensor, encoded: bool) -> np.ndarray:
    what, found = f"Input {tensor.name!r}", []
    for each in _leaves(data):
        if not isinstance(each, str):
            raise RequestError(f"{what} has the datatype 'BYTES', but not all of its data are text.")
        try:
            found.append(base64.b64decode(each, validate=True) if encoded else each.encode())
        except (binascii.Error, ValueError):
            raise RequestError(f"{what} has text that is no {'base64' if encoded else 'Unicode'}.") from None
    array = np.empty(len(found), object)
    array[:] = found
    return array


def _leaves(value: Any) -> Any:
    """The elements of nested lists in their order."""
    waiting = [iter(value)]
    while waiting:
        for each in waiting[-1]:
            if isinstance(each, list):
                waiting.append(iter(each))
                break
            yield each
        else:
            waiting.pop()


def _numbers(data: list[Any], tensor: Tensor) -> np.ndarray:
    dtype = tensor.dtype.as_numpy_dtype
    problem = RequestError(f"Input {tensor.name!r} has data that are no {datatype_of(tensor)}, or ragged.")
    try:
        found = np.asarray(data).reshape(-1)
        if found.size and not tensor.dtype.is_floating and not tensor.dtype.is_bool and found.dtype.kind not in "iu":
            # Of numbers from 2^63 on beside smaller ones numpy makes floats.
            found = np.asarray(data, object).reshape(-1)
    except (ValueError, OverflowError):
        raise problem from None
    if found.size and not _fits(found, tensor):
        raise problem
    with np.errstate(over="ignore"):
        array = found.astype(dtype)
    if tensor.dtype.is_floating and not np.array_equal(np.isfinite(found), np.isfinite(array)):
        raise problem
    return array


def _fits(found: np.ndarray, tensor: Tensor) -> bool:
    """Whether numbers are of a tensor's kind, and integers in its range."""
    if tensor.dtype.is_bool:
        return found.dtype.kind == "b"
    if tensor.dtype.is_floating:
        return found.dtype.kind in "iuf"
    if found.dtype == object and not all(type(each) is int for each in found):
        return False
    return found.dtype.kind in "iuO" and tensor.dtype.min <= int(found.min()) and int(found.max()) <= tensor.dtype.max
