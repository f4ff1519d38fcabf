"""Data from a `.npz` file; nothing in it is unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import first_unusable, number_problem
from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData

PARTS = ("train", "val", "test")


def read_npz(path: Path) -> RawData:
    """Reads arrays x and y, or x_train and y_train with x_val, y_val, x_test, y_test where these are there.

    Args:
        path: The file.

    Returns:
        Tables [rows, features] and images [rows, height, width, channels] (the channel axis may be missing); uint8
        stays uint8, other numbers become float32.

    Raises:
        DataError: The file cannot be read, or what is in it does not fit together.
    """
    arrays = _load(path)
    names = [name for name in ("x", "x_train") if name in arrays]
    if len(names) != 1:
        raise DataError(
            f"{path}: expected arrays x and y, or x_train and y_train (and x_val, y_val, x_test, y_test); "
            f"found {', '.join(arrays) or 'none'}."
        )
    if names == ["x"]:
        train, given = _part(arrays, "x", "y", path), {}
    else:
        train = _part(arrays, "x_train", "y_train", path)
        given = {part: _part(arrays, f"x_{part}", f"y_{part}", path) for part in PARTS[1:] if f"x_{part}" in arrays}
        for part, rows in given.items():
            if rows.x.shape[1:] != train.x.shape[1:] or rows.x.dtype != train.x.dtype:
                raise DataError(
                    f"{path}: one row of x_{part} is {rows.x.dtype} {rows.x.shape[1:]}, of x_train {train.x.dtype} "
                    f"{train.x.shape[1:]}; they must be alike."
                )
    return RawData(path.stem, str(path), train, given.get("val"), given.get("test"), origin=str(path))


def _load(path: Path) -> dict[str, NDArray]:
    try:
        # Opened here, since numpy leaves a file open that turns out to be damaged.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {}
            for name in file.files:
                try:
                    arrays[name] = file[name]
                except ValueError:
                    raise DataError(
                        f"{path}: array {name} holds Python objects, which are never unpickled; save it with a plain "
                        "dtype, such as float32, int64 or str."
                    ) from None
            return arrays
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read as .npz ({error}).") from None


def _part(arrays: dict[str, NDArray], x_name: str, y_name: str, path: Path) -> Part:
    if y_name not in arrays:
        raise DataError(f"{path}: {x_name} is there but {y_name} is not; found {', '.join(arrays)}.")
    x, y = arrays[x_name], arrays[y_name]
    if x.ndim < 2 or x.ndim > 4 or y.ndim not in (1, 2):
        raise DataError(
            f"{path}: {x_name} is {x.shape} and {y_name} {y.shape}; expected x as [rows, features], [rows, height, "
            "width] or [rows, height, width, channels], and y as [rows] or [rows, targets]."
        )
    if len(x) != len(y) or not len(x):
        raise DataError(f"{path}: {x_name} has {len(x)} rows and {y_name} {len(y)}; they must agree and not be 0.")
    if 0 in x.shape:
        raise DataError(f"{path}: {x_name} is {x.shape}; an axis of length 0 holds nothing to learn from.")
    if x.dtype.kind not in "biuf":
        raise DataError(f"{path}: {x_name} is of dtype {x.dtype}; expected numbers.")
    _check_numbers(x, x_name, path)
    if y.dtype.kind == "f":
        _check_numbers(y, y_name, path)
    x = x if x.dtype == np.uint8 and x.ndim > 2 else x.astype(np.float32)
    return Part(x[..., None] if x.ndim == 3 else x, y)


def _check_numbers(values: NDArray, name: str, path: Path) -> None:
    bad = first_unusable(values)
    if bad is not None:
        place = f"{name}[{', '.join(map(str, bad))}]"
        raise DataError(f"{path}: {place} {number_problem(float(values[bad]))}.")
