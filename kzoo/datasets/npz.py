"""Data from a `.npz` file; nothing in it is unpickled."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kzoo.datasets.checks import first_unusable, number_problem
from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData
from kzoo.tables.marks import Marks

PARTS = ("train", "val", "test")
ALIKE = re.compile("[xy](_.*)?", re.IGNORECASE)
"""Names that look as if they were meant for us."""


def read_npz(path: Path) -> RawData:
    """Reads arrays x and y, or x_train and y_train with x_val, y_val, x_test, y_test where these are there.

    Args:
        path: The file. Arrays of other names are left alone, but one named like these (x_valid, say) is refused, since
            leaving it out would not be noticed.

    Returns:
        Tables [rows, features] and images [rows, height, width, channels] (the channel axis may be missing); uint8
        images stay uint8, other numbers become float32.

    Raises:
        DataError: The file cannot be read, or what is in it does not fit together.
    """
    arrays = _load(path)
    if "x" in arrays:
        return RawData(path.stem, str(path), _part(arrays, "x", "y", path), origin=path.name)
    train = _part(arrays, "x_train", "y_train", path)
    given = {part: _part(arrays, f"x_{part}", f"y_{part}", path) for part in PARTS[1:] if f"x_{part}" in arrays}
    for part, rows in given.items():
        if rows.x.shape[1:] != train.x.shape[1:] or rows.x.dtype != train.x.dtype:
            raise DataError(
                f"{path}: one row of x_{part} is {rows.x.dtype} {rows.x.shape[1:]}, of x_train {train.x.dtype} "
                f"{train.x.shape[1:]}; they must be alike."
            )
    return RawData(path.stem, str(path), train, given.get("val"), given.get("test"), origin=path.name)


def read_arrays(
    x: ArrayLike, y: ArrayLike, *, group: ArrayLike | None = None, time: ArrayLike | None = None
) -> RawData:
    """Arrays in memory; see `read_npz` for their shapes and dtypes.

    Args:
        x: Inputs.
        y: Targets.
        group: What rows belong together by, [rows]; None for nothing.
        time: When each row was, numbers or dates [rows]; None where it is not known.

    Raises:
        DataError: What they hold does not fit together.
    """
    arrays = {"x": np.asarray(x), "y": np.asarray(y)}
    part = _part(arrays, "x", "y", "the arrays")
    marks = Marks()
    if group is not None:
        marks = Marks(groups=np.unique(_of_rows(group, "group", len(part.y)), return_inverse=True)[1])
    if time is not None:
        times = _of_rows(time, "time", len(part.y))
        if times.dtype.kind not in "iufM" or (times != times).any():
            raise DataError("the arrays: time= holds what is no number or date; each row needs one.")
        ordered = times.astype("datetime64[us]") if times.dtype.kind == "M" else times
        marks = Marks(times=ordered.astype(np.float64), shown_times=times.astype(str).astype(object))
    return RawData("arrays", "the arrays", part, marks=marks)


def _of_rows(values: ArrayLike, name: str, rows: int) -> NDArray:
    array = np.asarray(values)
    if array.shape != (rows,):
        raise DataError(f"the arrays: {name}= is {array.shape}; expected one value for each of the {rows} rows.")
    return array


def _load(path: Path) -> dict[str, NDArray]:
    try:
        # Opened here, since numpy leaves a file open that turns out to be damaged.
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise DataError(f"{path}: holds one array without a name (.npy); save x and y with numpy.savez.")
            with file:
                return {name: _array(file, name, path) for name in _names(file.files, path)}
    except DataError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}).") from None


def _names(found: list[str], path: Path) -> list[str]:
    expected = "expected arrays x and y, or x_train and y_train (and x_val, y_val, x_test, y_test)"
    whole = "x" in found
    if whole == ("x_train" in found):
        raise DataError(f"{path}: {expected}; found {', '.join(found) or 'none'}.")
    names = ["x", "y"] if whole else [f"{axis}_{part}" for part in PARTS for axis in "xy"]
    for name in found:
        if name not in names and ALIKE.fullmatch(name):
            raise DataError(f"{path}: array {name} would not be used beside {names[0]}; {expected}.")
    for x_name, y_name in zip(names[::2], names[1::2], strict=True):
        if (x_name in found) != (y_name in found):
            there, missing = (x_name, y_name) if x_name in found else (y_name, x_name)
            raise DataError(f"{path}: {there} is there but {missing} is not; found {', '.join(found)}.")
    return [name for name in names if name in found]


def _array(file: Mapping[str, NDArray], name: str, path: Path) -> NDArray:
    try:
        array = file[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path}: array {name} holds Python objects, which are never unpickled; save it with a plain dtype, such "
            "as float32, int64 or str."
        ) from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: {name} is not an array; save the file with numpy.savez.")
    return array


def _part(arrays: dict[str, NDArray], x_name: str, y_name: str, path: Path | str) -> Part:
    x, y = arrays[x_name], arrays[y_name]
    if x.ndim < 2 or x.ndim > 4 or y.ndim not in (1, 2):
        raise DataError(
            f"{path}: {x_name} is {x.shape} and {y_name} {y.shape}; expected x as [rows, features], [rows, height, "
            "width] or [rows, height, width, channels], and y as [rows] or [rows, targets]."
        )
    if len(x) != len(y) or not len(x):
        raise DataError(f"{path}: {x_name} has {len(x)} rows and {y_name} {len(y)}; they must agree and not be 0.")
    if 0 in x.shape + y.shape:
        raise DataError(
            f"{path}: {x_name} is {x.shape} and {y_name} {y.shape}; an axis of length 0 holds nothing to learn from."
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{path}: {x_name} is of dtype {x.dtype}; expected numbers.")
    if y.dtype.kind not in "biufUS":
        raise DataError(f"{path}: {y_name} is of dtype {y.dtype}; expected numbers or text.")
    _check_numbers(x, x_name, path)
    if y.dtype.kind == "f":
        _check_numbers(y, y_name, path)
    x = x if x.dtype == np.uint8 and x.ndim > 2 else x.astype(np.float32)
    return Part(x[..., None] if x.ndim == 3 else x, y)


def _check_numbers(values: NDArray, name: str, path: Path | str) -> None:
    bad = first_unusable(values)
    if bad is not None:
        place = f"{name}[{', '.join(map(str, bad))}]"
        raise DataError(f"{path}: {place} {number_problem(float(values[bad]))}.")
