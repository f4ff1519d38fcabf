"""Answers as the server's JSON writer lays them out: numbers, text and white space alike.

References:
    tensorflow_serving/util/json_tensor.cc, WriteDecimal, MakeJsonFromTensors, MakeJsonFromClassificationResult,
    MakeJsonFromRegressionResult, MakeJsonFromStatus. The layout is that of RapidJSON's PrettyWriter.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from kzoo.export.errors import RequestError

_INDENT = "    "
_WRITTEN = frozenset(("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"))
_ESCAPED = re.compile(rb'[\x00-\x1f"\\]')
_SHORT = {b"\b": b"\\b", b"\t": b"\\t", b"\n": b"\\n", b"\f": b"\\f", b"\r": b"\\r", b'"': b'\\"', b"\\": b"\\\\"}
# Powers of ten up to here are exact as a double, so that a product or quotient with them is rounded once.
_EXACT_POWER = 22


def rows_body(outputs: Mapping[str, np.ndarray]) -> bytes:
    """{"predictions": [...]}, one element per row; a single output stands there without its name.

    Args:
        outputs: An array by each name.

    Raises:
        RequestError: An output has no rows, they differ in number, or JSON has no form for a dtype.
    """
    sizes = {name: array.shape[0] if array.ndim else None for name, array in outputs.items()}
    if None in sizes.values() or len(set(sizes.values())) != 1:
        raise RequestError(f'The outputs differ in their number of rows, {sizes}; ask with "inputs" instead.')
    # Values stand in one line, those of a row with several outputs under its name.
    level = 3 if len(outputs) > 1 else 2
    columns = [_items(name, outputs[name], level) for name in sorted(outputs)]
    if len(columns) == 1:
        rows = ", ".join(columns[0])
    else:
        names = [text(name.encode()) for name in sorted(outputs)]
        rows = ",".join(
            f"\n{_INDENT * 2}{{\n"
            + ",\n".join(f"{_INDENT * 3}{name}: {value}" for name, value in zip(names, row, strict=True))
            + f"\n{_INDENT * 2}}}"
            for row in zip(*columns, strict=True)
        )
    return _object("predictions", f"[{rows}\n{_INDENT}]" if rows else "[]")


def whole_body(outputs: Mapping[str, np.ndarray]) -> bytes:
    """{"outputs": ...}, whole arrays by name; a single output stands there without its name.

    Args:
        outputs: An array by each name.

    Raises:
        RequestError: There is no output, or JSON has no form for a dtype.
    """
    if not outputs:
        raise RequestError("The signature has no outputs.")
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return _object("outputs", _column(name, array, 1))
    parts = [f"{_INDENT * 2}{text(name.encode())}: {_column(name, outputs[name], 2)}" for name in sorted(outputs)]
    return _object("outputs", "{\n" + ",\n".join(parts) + f"\n{_INDENT}}}")


def classes_body(rows: Sequence[Sequence[tuple[bytes, str]]]) -> bytes:
    """{"results": [...]}, for every row a list of a label and its score, as text already, for every class."""
    lists = ", ".join(f"[{', '.join(f'[{text(label)}, {score}]' for label, score in row)}]" for row in rows)
    return _object("results", f"[{lists}\n{_INDENT}]")


def numbers_body(numbers: np.ndarray) -> bytes:
    """{"results": [...]}, a number for every row."""
    return _object("results", f"[{', '.join(decimals(numbers))}]")


def error_body(message: str) -> bytes:
    """{"error": "..."}."""
    return _object("error", text(message.encode(errors="replace")))


def text(value: bytes) -> str:
    """Text in quotes; what is not UTF-8 goes out as it is, since the server does not look."""
    quoted = _ESCAPED.sub(lambda match: _SHORT.get(match[0]) or b"\\u%04X" % ord(match[0]), value)
    return f'"{quoted.decode(errors="surrogateescape")}"'


def decimals(numbers: np.ndarray) -> list[str]:
    """Numbers of dtype float32 or float64, in the fewest of 6 or 9 (17) digits that read back as the same.

    Whole numbers end in ".0", unless they have an exponent.

    Args:
        numbers: An array of any shape; its elements are taken in order.
    """
    numbers = numbers.reshape(-1)
    if not numbers.size:
        return []
    wide = numbers.astype(np.float64)
    magnitude = np.abs(wide)
    most = 9 if numbers.dtype == np.float32 else 17
    finite = np.isfinite(wide)
    whole = finite & (np.rint(wide) == wide)
    six = _six_digits_do(numbers, wide, magnitude)
    formats = np.where(six, "%g", f"%.{most}g")
    formats[whole & ((magnitude < 1e6) | (~six & (magnitude < 10.0**most)))] = "%.1f"
    values = " ".join(formats.tolist()) % tuple(wide.tolist())
    written = values.split(" ")
    if not finite.all():
        for place in np.flatnonzero(~finite):
            value = wide[place]
            written[place] = "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return written


def _six_digits_do(numbers: np.ndarray, wide: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Where six significant digits read back as the same number."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shift = 5 - np.floor(np.log10(magnitude))
        usual = np.abs(shift) <= _EXACT_POWER
        power = 10.0 ** np.abs(np.where(usual, shift, 0))
        up = shift >= 0
        digits = np.rint(np.where(up, wide * power, wide / power))
        back = np.where(up, digits / power, digits * power)
        same: np.ndarray = usual & (back.astype(numbers.dtype) == numbers)
        for place in np.flatnonzero(~usual & np.isfinite(wide)):
            same[place] = numbers.dtype.type(f"{wide[place]:g}") == numbers[place]
    return same


def _object(name: str, value: str) -> bytes:
    return f'{{\n{_INDENT}"{name}": {value}\n}}'.encode(errors="surrogateescape")


def _items(name: str, array: np.ndarray, level: int) -> list[str]:
    """The values of each row, in one line; `level` lists and objects are open around them."""
    values = _values(name, array, level + array.ndim - 1)
    for axis in range(array.ndim - 1, 0, -1):
        values = [f"[{', '.join(group)}]" for group in _groups(values, array.shape, axis)]
    return values


def _column(name: str, array: np.ndarray, level: int) -> str:
    """A whole array, each element in a line of its own; `level` lists and objects are open around it."""
    values = _values(name, array, level + array.ndim)
    for axis in range(array.ndim - 1, -1, -1):
        opening, closing = f"\n{_INDENT * (level + axis + 1)}", f"\n{_INDENT * (level + axis)}"
        groups = _groups(values, array.shape, axis)
        values = [f"[{opening}{f',{opening}'.join(group)}{closing}]" if group else "[]" for group in groups]
    return values[0]


def _groups(values: Sequence[str], shape: tuple[int, ...], axis: int) -> list[Sequence[str]]:
    """The elements of each list along an axis."""
    size = shape[axis]
    return [values[start * size : (start + 1) * size] for start in range(math.prod(shape[:axis]))]


def _values(name: str, array: np.ndarray, level: int) -> list[str]:
    """All elements in order."""
    if array.dtype in (np.float32, np.float64):
        return decimals(array)
    flat = array.reshape(-1).tolist()
    if array.dtype == object:
        if name.endswith("_bytes"):
            inner, outer = _INDENT * (level + 1), _INDENT * level
            return [f'{{\n{inner}"b64": "{base64.b64encode(value).decode()}"\n{outer}}}' for value in flat]
        return [text(value) for value in flat]
    if array.dtype == bool:
        return ["true" if value else "false" for value in flat]
    if flat and array.dtype.name not in _WRITTEN:
        raise RequestError(f"Output {name!r} is {array.dtype.name}, which the server cannot write as JSON.")
    return [str(value) for value in flat]
