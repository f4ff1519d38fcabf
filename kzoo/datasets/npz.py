"""Data from a `.npz` file; nothing in it is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kzoo.datasets.array_names import Place, named_arrays
from kzoo.datasets.checks import first_unusable, number_problem
from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData
from kzoo.tables.marks import Marks, group_numbers
from kzoo.tables.packed import check_unpacked

LEAST_SIDE = 8
"""Rows and columns of an image in floating point; what has fewer is a series of a few values."""

MOST_OBLONG = 4
"""How many times as long as wide such an image is."""


def read_npz(path: Path) -> RawData:
    """Reads arrays x and y, or x_train and y_train with x_val, y_val, x_test, y_test where these are there.

    Args:
        path: The file. Names are also those of `array_names`, such as images and labels, or X and y; other arrays are
            left alone, but one that looks like these (x_extra, say) is refused, since leaving it out would not be
            noticed.

    Returns:
        Tables [rows, features], series [rows, steps, values] and images [rows, height, width, channels] (the channel
        axis may be missing); uint8 images stay uint8, other numbers become float32.

    Raises:
        DataError: The file cannot be read, or what is in it does not fit together.
    """
    arrays, remarks = _load(path)
    parts: dict[str, Part] = {}
    for part in dict.fromkeys(part for _, part in arrays):
        parts[part], said = _part(*arrays["x", part], *arrays["y", part], path)
        remarks += said if part in ("", "train") else []
    if "" in parts:
        return RawData(path.stem, str(path), parts[""], remarks=tuple(remarks), origin=path.name)
    train = parts["train"]
    for part, rows in parts.items():
        if rows.x.shape[1:] != train.x.shape[1:] or rows.x.dtype != train.x.dtype:
            name, of_train = arrays["x", part][0], arrays["x", "train"][0]
            raise DataError(
                f"{path}: one row of {name} is {rows.x.dtype} {rows.x.shape[1:]}, of {of_train} {train.x.dtype} "
                f"{train.x.shape[1:]}; they must be alike."
            )
    return RawData(
        *(path.stem, str(path), train, parts.get("validation"), parts.get("test")),
        remarks=tuple(remarks),
        origin=path.name,
    )


def read_arrays(
    x: ArrayLike, y: ArrayLike, *, group: ArrayLike | None = None, time: ArrayLike | None = None
) -> RawData:
    """Arrays in memory; see `read_npz` for their shapes and dtypes.

    Args:
        x: Inputs.
        y: Targets.
        group: What rows belong together by, [rows]; None for nothing. Rows where it is missing are one each.
        time: When each row was, numbers or dates [rows]; None where it is not known.

    Raises:
        DataError: What they hold does not fit together.
    """
    # Sparse ones, as those that count words.
    x = x.toarray() if hasattr(x, "toarray") else x
    part, remarks = _part("x", np.asarray(x), "y", np.asarray(y), "the arrays")
    marks = Marks()
    if group is not None:
        import pandas

        # Values that cannot be sorted are told apart too.
        marks = Marks(groups=group_numbers(pandas.factorize(_of_rows(group, "group", len(part.y)))[0]))
    if time is not None:
        times = _of_rows(time, "time", len(part.y))
        if times.dtype.kind not in "iufM" or (times != times).any():
            raise DataError("the arrays: time= holds what is no number or date; each row needs one.")
        ordered = times.astype("datetime64[us]") if times.dtype.kind == "M" else times
        marks = Marks(times=ordered.astype(np.float64), shown_times=times.astype(str).astype(object))
    return RawData("arrays", "the arrays", part, marks=marks, remarks=tuple(remarks))


def _of_rows(values: ArrayLike, name: str, rows: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (rows,):
        raise DataError(f"the arrays: {name}= is {array.shape}; expected one value for each of the {rows} rows.")
    return array


def _load(path: Path) -> tuple[dict[Place, tuple[str, NDArray[Any]]], list[str]]:
    """Names and values by place, and what is to be said."""
    try:
        # Opened here, since numpy leaves a file open that turns out to be damaged.
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise DataError(f"{path}: holds one array without a name (.npy); save x and y with numpy.savez.")
            with file:
                check_unpacked(sum(each.file_size for each in file.zip.infolist()), path)
                names, others = named_arrays(file.files, path)
                remarks = [f"Arrays that are not used: {', '.join(others)}."] if others else []
                return {place: (name, _array(file, name, path)) for place, name in names.items()}, remarks
    except DataError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}).") from None


def _array(file: Mapping[str, NDArray[Any]], name: str, path: Path) -> NDArray[Any]:
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


def _part(x_name: str, x: NDArray[Any], y_name: str, y: NDArray[Any], path: Path | str) -> tuple[Part, list[str]]:
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
    x, remarks = _shaped(x, x_name, path)
    return Part(x, y), remarks


def _shaped(x: NDArray[Any], name: str, path: Path | str) -> tuple[NDArray[Any], list[str]]:
    """Inputs in the shape of a task, and what is to be said where that is a guess."""
    if x.ndim == 4 and x.shape[1] in (1, 3, 4) and x.shape[3] > 4:
        raise DataError(
            f"{path}: {name} is {x.shape}, which looks like images with their channels first; move these to the end, "
            f"as {name}.transpose(0, 2, 3, 1) does."
        )
    if x.ndim != 3:
        return x, []
    short, long = sorted(x.shape[1:])
    if x.dtype != np.uint8 and (short < LEAST_SIDE or long > MOST_OBLONG * short):
        steps, values = x.shape[1:]
        return x, [f"{name} is taken as series of {steps} steps of {values} values; {name}[..., None] would be images."]
    return x[..., None], []


def _check_numbers(values: NDArray[Any], name: str, path: Path | str) -> None:
    bad = first_unusable(values)
    if bad is not None:
        place = f"{name}[{', '.join(map(str, bad))}]"
        raise DataError(f"{path}: {place} {number_problem(float(values[bad]))}.")
