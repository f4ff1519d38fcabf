"""Data from a `.csv` file whose first line names the columns."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import first_unusable, number_problem
from kzoo.datasets.csv_lines import line_of, not_utf8, read_header
from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData
from kzoo.datasets.targets import FEW_VALUES, LARGEST_EXACT

if TYPE_CHECKING:
    import pandas

MISSING = ("nan", "na", "n/a", "null", "none")
"""Words, in small letters, for a number that is not known."""


def read_csv(path: Path, target: str | Sequence[str] | None) -> RawData:
    """Reads numbers from all columns but the target.

    Args:
        path: The file: fields between commas, in UTF-8; spaces around a name or a label do not count.
        target: Name of the column to predict, or names of several columns of numbers.

    Returns:
        Inputs as float32 [rows, columns], and the target as found: numbers or labels.

    Raises:
        DataError: The file cannot be read, a column is missing, or a field is not what is needed; the message names
            the line of the file and the column.
    """
    names = read_header(path)
    targets = _targets(names, target, path)
    features = [name for name in names if name not in targets]
    if not features:
        raise DataError(f"{path}: there is no column besides the target {', '.join(targets)}.")
    frame = _load(path, names, targets)
    x = np.empty((len(frame), len(features)), dtype=np.float32)
    for index, name in enumerate(features):
        x[:, index] = _numbers(frame[name], path)
    y = _labels(frame[targets[0]], path) if len(targets) == 1 else _several(frame, targets, path)
    return RawData(path.stem, str(path), Part(x, y), feature_names=tuple(features), origin=str(path))


def _load(path: Path, names: list[str], targets: list[str]) -> pandas.DataFrame:
    import pandas

    try:
        with warnings.catch_warnings():
            # Said of fields beyond the last column, which would be dropped.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            # What counts as missing is for the checks below, which know the line. Columns that hold a field that is no
            # number come as text.
            frame = pandas.read_csv(
                path,
                header=0,
                names=names,
                index_col=False,
                dtype=dict.fromkeys(targets, str),
                keep_default_na=False,
                na_values=[],
                skipinitialspace=True,
                skip_blank_lines=False,
                low_memory=False,
            )
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except pandas.errors.ParserWarning:
        raise DataError(f"{path}: rows have more fields than the first line has column names ({len(names)}).") from None
    except (pandas.errors.ParserError, OSError) as error:
        raise DataError(f"{path}: cannot be read as .csv ({' '.join(str(error).split())}).") from None
    while len(frame) and (frame.iloc[-1].astype(str) == "").all():
        frame = frame.iloc[:-1]
    if not len(frame):
        raise DataError(f"{path}: there are column names and no rows.")
    return frame


def _targets(names: list[str], target: str | Sequence[str] | None, path: Path) -> list[str]:
    wanted = [target] if isinstance(target, str) else list(target or ())
    if not wanted:
        raise DataError(f"{path}: name the column to predict with target= (--target); there are {_listed(names)}.")
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {_listed(names)}."
            raise DataError(f"{path}: no column is called {name!r}; {hint}")
        if wanted.count(name) > 1:
            raise DataError(f"{path}: target {name!r} is asked for twice; name each column once.")
    return wanted


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _place(path: Path, column: pandas.Series, row: int) -> str:
    return f"{path}: line {line_of(path, row)}, column {str(column.name)!r}"


def _numbers(column: pandas.Series, path: Path) -> NDArray[np.float64]:
    import pandas

    if column.dtype.kind == "b":
        column = column.astype(str)
    values = pandas.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = first_unusable(values)
    if bad is None:
        return values
    row = bad[0]
    field = str(column.iloc[row]).strip()
    place = _place(path, column, row)
    if field == "":
        raise DataError(f"{place}: the field is empty; fill in or leave out what is missing.")
    if np.isnan(values[row]) and field.lower() not in MISSING:
        raise DataError(f"{place}: {field[:40]!r} is text where a number is needed; encode it as numbers.")
    raise DataError(f"{place} {number_problem(float(values[row]))}.")


def _labels(column: pandas.Series, path: Path) -> NDArray:
    import pandas

    column = column.str.strip()
    missing = np.flatnonzero(column.str.lower().isin(("", "nan")))
    if len(missing):
        raise DataError(f"{_place(path, column, int(missing[0]))}: the target is missing; leave the row out.")
    values = pandas.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    text = np.flatnonzero(np.isnan(values))
    if len(text):
        if len(text) == len(column) or column.nunique() <= max(FEW_VALUES, len(column) // 20):
            return column.to_numpy(dtype=str)
        field = str(column.iloc[text[0]])[:40]
        raise DataError(f"{_place(path, column, int(text[0]))}: {field!r} stands among numbers in the target.")
    _numbers(column, path)
    whole = (values == np.round(values)).all() and not column.str.contains(".", regex=False).any()
    return values.astype(np.int64) if whole and np.abs(values).max() < LARGEST_EXACT else values


def _several(frame: pandas.DataFrame, targets: list[str], path: Path) -> NDArray[np.float64]:
    return np.stack([_numbers(frame[name], path) for name in targets], axis=1)
