"""Data from a `.csv` file whose first line names the columns."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import first_unusable, number_problem
from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData

if TYPE_CHECKING:
    import pandas

FIRST_LINE = 2
"""Line of the file that the first row stands on."""


def read_csv(path: Path, target: str | Sequence[str] | None) -> RawData:
    """Reads numbers from all columns but the target.

    Args:
        path: The file, in UTF-8.
        target: Name of the column to predict, or names of several columns of numbers.

    Returns:
        Inputs as float32 [rows, columns], and the target as found: numbers or labels.

    Raises:
        DataError: The file cannot be read, a column is missing, or a field is not what is needed; the message names
            the line of the file and the column.
    """
    frame = _load(path)
    targets = _targets(frame, target, path)
    features = [name for name in frame.columns if name not in targets]
    if not features:
        raise DataError(f"{path}: there is no column beside the target {', '.join(targets)}.")
    x = np.empty((len(frame), len(features)), dtype=np.float32)
    for index, name in enumerate(features):
        x[:, index] = _numbers(frame[name], path)
    y = _labels(frame[targets[0]], path) if len(targets) == 1 else _several(frame, targets, path)
    return RawData(path.stem, str(path), Part(x, y), feature_names=tuple(features), origin=str(path))


def _load(path: Path) -> pandas.DataFrame:
    import pandas

    try:
        # Text as it stands: what counts as missing and as a number is for the checks below, which know the line.
        frame = pandas.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False)
    except pandas.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; expected a line of column names, then rows.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; save the file in UTF-8.") from None
    except (pandas.errors.ParserError, OSError) as error:
        raise DataError(f"{path}: cannot be read as .csv ({' '.join(str(error).split())}).") from None
    if isinstance(frame.index, pandas.MultiIndex) or not isinstance(frame.index, pandas.RangeIndex):
        raise DataError(f"{path}: rows have more fields than the first line has column names.")
    with path.open(encoding="utf-8", newline="") as file:
        header = file.readline().strip("\r\n\ufeff")
    names = [name.strip().strip('"') for name in header.split(",")]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise DataError(f"{path}: column {double[0]!r} is there twice; give each column a name of its own.")
    while len(frame) and (frame.iloc[-1] == "").all():
        frame = frame.iloc[:-1]
    if not len(frame):
        raise DataError(f"{path}: there are column names and no rows.")
    return frame


def _targets(frame: pandas.DataFrame, target: str | Sequence[str] | None, path: Path) -> list[str]:
    names = [str(name) for name in frame.columns]
    if target is None:
        raise DataError(f"{path}: name the column to predict with target= (--target); there are {_listed(names)}.")
    wanted = [target] if isinstance(target, str) else list(target)
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {_listed(names)}."
            raise DataError(f"{path}: no column is called {name!r}; {hint}")
    return wanted


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _numbers(column: pandas.Series, path: Path) -> NDArray[np.float64]:
    import pandas

    values = pandas.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = first_unusable(values)
    if bad is None:
        return values
    row = bad[0]
    field = str(column.iloc[row])
    place = f"{path}: line {row + FIRST_LINE}, column {column.name!r}"
    if field.strip() == "":
        raise DataError(f"{place}: the field is empty; fill in or leave out what is missing.")
    if np.isnan(values[row]) and field.strip().lower() not in ("nan", "na", "null", "none"):
        raise DataError(f"{place}: {field[:40]!r} is text where a number is needed; encode it as numbers.")
    raise DataError(f"{place} {number_problem(float(values[row]))}.")


def _labels(column: pandas.Series, path: Path) -> NDArray:
    import pandas

    empty = np.flatnonzero(column.str.strip() == "")
    if len(empty):
        raise DataError(
            f"{path}: line {empty[0] + FIRST_LINE}, column {column.name!r}: the target is missing; leave the row out."
        )
    values = pandas.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(values).all():
        return column.to_numpy(dtype=str)
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        if len(set(column)) <= max(20, len(column) // 20):
            return column.to_numpy(dtype=str)
        raise DataError(
            f"{path}: line {row + FIRST_LINE}, column {column.name!r}: {str(column.iloc[row])[:40]!r} stands among "
            "numbers in the target."
        )
    _numbers(column, path)
    whole = (values == np.round(values)).all() and not column.str.contains(".", regex=False).any()
    return values.astype(np.int64) if whole and np.abs(values).max() < 2.0**53 else values


def _several(frame: pandas.DataFrame, targets: list[str], path: Path) -> NDArray[np.float64]:
    return np.stack([_numbers(frame[name], path) for name in targets], axis=1)
