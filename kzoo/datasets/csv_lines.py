"""The lines of a `.csv`: its header, and where in the file a row stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from kzoo.datasets.dataset import DataError


def read_header(path: Path) -> list[str]:
    """Reads the names of the columns.

    Args:
        path: The file, in UTF-8.

    Returns:
        At least one name; all are different and none is empty.

    Raises:
        DataError: The file cannot be read, is empty, or its first line does not name each column.
    """
    try:
        first = next(_records(path), None)
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except (csv.Error, OSError) as error:
        raise DataError(f"{path}: cannot be read as .csv ({error}).") from None
    names = [name.strip() for name in first[1]] if first else []
    if not any(names):
        what = "its first line is empty" if path.stat().st_size else "the file is empty"
        raise DataError(f"{path}: {what}; expected a line of column names, then rows.")
    _check_names(names, path)
    return names


def _check_names(names: list[str], path: Path) -> None:
    other = next((sign for sign in (";", "\t", "|") if len(names) == 1 and sign in names[0]), None)
    if other:
        raise DataError(f"{path}: fields are separated by {other!r}; save the file with commas.")
    for index, name in enumerate(names):
        if not name:
            raise DataError(
                f"{path}: column {index + 1} has no name; name it, or leave it out if it only numbers the rows (with "
                "pandas, to_csv(index=False))."
            )
        if names.count(name) > 1:
            raise DataError(f"{path}: column {name!r} is there twice; give each column a name of its own.")


def line_of(path: Path, row: int) -> int:
    """Line of the file, counted from 1, that a row of data (from 0) ends on: a quoted field may hold line breaks."""
    try:
        for index, (line, _) in enumerate(_records(path)):
            if index == row + 1:
                return line
    except csv.Error:  # pandas reads some files that this module cannot; then rows are lines.
        pass
    return row + 2


def not_utf8(path: Path) -> DataError:
    """The error for a file of another encoding, with the line that shows it."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return DataError(f"{path}: line {number}, byte {error.start + 1} is not UTF-8; save the file in UTF-8.")
    return DataError(f"{path}: not UTF-8; save the file in UTF-8.")


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, skipinitialspace=True)
        for record in reader:
            yield reader.line_num, record
