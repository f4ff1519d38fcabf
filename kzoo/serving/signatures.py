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


def fitting_arrays(inputs: Any, name: str, signature: SignatureInfo) -> dict[str, NDArray]:
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


def answered_array(value: Any, info: TensorInfo) -> NDArray:
    """An answer as an array of the dtype that the signature names; text is numpy's str."""
    return np.asarray(value, dtype=None if info.dtype.startswith("DT_") else info.dtype)


def _fitting(value: Any, name: str, info: TensorInfo) -> NDArray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise BadRequest(f"Input {name!r} is ragged; expected rows of one shape.") from None
    if info.shape is not None and not _fits(array.shape, info.shape):
        wanted = ", ".join("any" if size is None else str(size) for size in info.shape)
        raise BadRequest(f"Input {name!r} has shape {list(array.shape)}; expected [{wanted}], the batch first.")
    if info.dtype.startswith("DT_"):
        raise BadRequest(f"Input {name!r} is {info.dtype}, which numpy has no dtype for.")
    if info.dtype == "str":
        if array.dtype.kind not in "OSU":
            raise BadRequest(f"Input {name!r} is {array.dtype}; the model takes text.")
        return array.astype(object)
    if array.dtype.kind in "OSU" or not np.can_cast(array.dtype, info.dtype, "same_kind"):
        raise BadRequest(f"Input {name!r} is {array.dtype}; the model takes {info.dtype}.")
    return array.astype(info.dtype)


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or have == want for have, want in zip(shape, wanted, strict=True)
    )


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names))
