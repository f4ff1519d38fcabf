"""What a served model takes and answers, and arrays made to fit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.serving.errors import BadRequest

DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_BOOL": "bool",
    "DT_STRING": "str",
}
"""numpy's names for TensorFlow's dtypes; numpy has none for those that are missing (bfloat16, quantized numbers)."""


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """An input or output.

    Attributes:
        dtype: numpy's name of its dtype, "str" for text; TensorFlow's, such as "DT_BFLOAT16", where numpy has none.
        shape: Its dimensions, the batch first, None where free; None where not even their number is known.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class SignatureInfo:
    """One thing that can be asked of a model.

    Attributes:
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


def tensor_info(dtype: str, unknown_rank: bool, sizes: list[int]) -> TensorInfo:
    """What a server says of a tensor.

    Args:
        dtype: TensorFlow's name, such as "DT_FLOAT".
        unknown_rank: Whether the number of dimensions is not known.
        sizes: The dimensions, -1 where free.
    """
    shape = None if unknown_rank else tuple(None if size < 0 else size for size in sizes)
    return TensorInfo(DTYPES.get(dtype, dtype), shape)


def fitting_arrays(inputs: Any, name: str, signature: SignatureInfo) -> dict[str, NDArray[Any]]:
    """Inputs as arrays in the dtypes that a signature takes.

    Args:
        inputs: An array for a signature with one input, or a mapping of arrays by name.
        name: Name of the signature.
        signature: The signature.

    Raises:
        BadRequest: They do not fit.
    """
    if not isinstance(inputs, Mapping):
        if len(signature.inputs) > 1:
            raise BadRequest(f"Signature {name!r} has the inputs {_list(signature.inputs)}; give a mapping of them.")
        inputs = {next(iter(signature.inputs)): inputs}
    if set(inputs) != set(signature.inputs):
        raise BadRequest(f"Signature {name!r} takes {_list(signature.inputs)}, not {_list(inputs)}.")
    return {key: _fitting(value, key, signature.inputs[key]) for key, value in inputs.items()}


def answered_array(value: Any, info: TensorInfo) -> NDArray[Any]:
    """An answer as an array of the dtype that the signature names; text is numpy's str."""
    return np.asarray(value, dtype=None if info.dtype.startswith("DT_") else info.dtype)


def empty_array(info: TensorInfo) -> NDArray[Any]:
    """An answer without rows, in the dtype and the dimensions that the signature names; those it leaves open are 0."""
    sizes = (0,) if info.shape is None else (0, *(size or 0 for size in info.shape[1:]))
    return answered_array(np.empty(sizes, "U1" if info.dtype == "str" else "float32"), info)


def _fitting(value: Any, name: str, info: TensorInfo) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise BadRequest(f"Input {name!r} is ragged; expected rows of one shape.") from None
    if array.ndim == 1 and info.shape == (None, 1):
        # A column: one value for every row.
        array = array.reshape(-1, 1)
    if array.shape == (0,) and info.shape:
        # A list without rows does not say how long they would be.
        array = array.reshape(0, *(size or 0 for size in info.shape[1:]))
    if info.shape is not None and not _fits(array.shape, info.shape):
        wanted = ", ".join("any" if size is None else str(size) for size in info.shape)
        raise BadRequest(f"Input {name!r} has shape {list(array.shape)}; expected [{wanted}], the batch first.")
    if info.dtype.startswith("DT_"):
        raise BadRequest(f"Input {name!r} is {info.dtype}, which numpy has no dtype for.")
    return _texts(array, name) if info.dtype == "str" else _numbers(array, name, np.dtype(info.dtype))


def _texts(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.size and array.dtype.kind not in "OSUT":
        raise BadRequest(f"Input {name!r} is {array.dtype}; the model takes text.")
    texts = array.astype(object)
    for place, text in np.ndenumerate(texts):
        if not isinstance(text, str | bytes):
            raise BadRequest(
                f"Input {name!r} has {text!r} in row {place[0] if place else 0}; the model takes text, which may be ''."
            )
    return texts


def _numbers(array: NDArray[Any], name: str, dtype: np.dtype) -> NDArray[Any]:
    if array.dtype == object:
        array = _plain(array, name, dtype)
    if array.size and array.dtype.kind in "SUT":
        raise BadRequest(f"Input {name!r} is {array.dtype}; the model takes {dtype}.")
    whole = array.dtype.kind in "iub" and dtype.kind in "iu"
    if array.size and not whole and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise BadRequest(f"Input {name!r} is {array.dtype}; the model takes {dtype}.")
    with np.errstate(over="ignore", invalid="ignore"):
        fitting = array.astype(dtype)
    # Neither numpy nor, for some dtypes, the server minds that 256 becomes 0 or 1e300 infinity.
    lost = fitting != array if whole else np.isinf(fitting) & ~np.isinf(array) if dtype.kind == "f" else np.False_
    if lost.any():
        raise BadRequest(f"Input {name!r} has {array[lost].flat[0]}, which is beyond what {dtype} holds.")
    return fitting


def _plain(array: NDArray[Any], name: str, dtype: np.dtype) -> NDArray[Any]:
    """Objects as the numbers that they are; columns of different dtypes, and missing values, come as objects."""
    for place, value in np.ndenumerate(array):
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            row = place[0] if place else 0
            missing = ", with NaN for what is missing where it takes that" if dtype.kind == "f" else ""
            raise BadRequest(f"Input {name!r} has {value} in row {row}; the model takes {dtype}{missing}.")
    plain = np.array(array.tolist())
    if plain.dtype == object:
        raise BadRequest(f"Input {name!r} has values that are no numbers; the model takes {dtype}.")
    return plain


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(shape, wanted, strict=True)
    )


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names))
