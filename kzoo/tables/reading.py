"""From a file, a DataFrame or columns in memory to a `Table`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells, cells_of
from kzoo.tables.columns import Column, Kind, Table
from kzoo.tables.dates import are_dates
from kzoo.tables.kinds import understand_as
from kzoo.tables.marks import Role
from kzoo.tables.missing import Missing
from kzoo.tables.numbers import Decimal
from kzoo.tables.sources import Opened, listed, open_source
from kzoo.tables.survey import decimal_of, survey, without_headers
from kzoo.tables.understood import Misfit

if TYPE_CHECKING:
    import pandas

    from kzoo.tables.sources import Source


def read_table(
    source: Source,
    target: str | Sequence[str] | None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    split_by: Mapping[Role, str] | None = None,
    missing: Missing | None = None,
) -> Table:
    """Reads a table and finds out what its columns hold.

    Args:
        source: Path of a `.csv`, `.tsv`, `.txt` (also in a `.gz` or `.zip`), `.jsonl`, `.parquet` or `.feather`; a
            DataFrame; or columns by their names. Separator, encoding, names and decimal sign are found by themselves.
        target: Name of the column to predict, or names of several; "#4" is the fourth.
        kinds: What columns hold, by name, where `kzoo.tables.kinds` would take them for something else.
        drop: Names of columns to leave out.
        keep: Names of columns to take in though they would be left out.
        split_by: Names of the columns that rows are split by, which are left out unless they are dates or `keep` has
            them: "group" whose rows stay together, "time" of a row, "part" that it is of.
        missing: Words or numbers that stand for a missing value in this file, such as [-999, "not measured"]; or those
            of columns by their names, "" for every column.

    Returns:
        Its rows that have a target, numbers as float64 as exact as they are written.

    Raises:
        DataError: The file cannot be read, or a column is not there or not what it is said to be. The message names
            the line and the column.
    """
    if target is None or (not isinstance(target, str) and not len(target)):
        opened = open_source(source)
        raise DataError(
            f"{opened.where}: name the column to predict with target= (--target); there are {listed(opened.names)}."
        )
    return survey(source, target, kinds=kinds, drop=drop, keep=keep, split_by=split_by, missing=missing).table()


def read_rows(source: Source, columns: Sequence[Column], *, chunk_rows: int) -> Iterator[pandas.DataFrame]:
    """Reads rows to predict, in constant memory.

    Args:
        source: As of `read_table`; columns that are not asked for are passed over.
        columns: The columns of the table that was trained on; those left out there are not needed.
        chunk_rows: At most so many rows at a time.

    Yields:
        Frames as `Table.frame` is, their index the number of the row from 0.

    Raises:
        DataError: A column is missing, or a field is not a number or date where one is needed; the message names the
            line and the column.
    """
    return (rows for rows, _ in read_rows_with(source, columns, (), chunk_rows=chunk_rows))


def read_rows_with(
    source: Source, columns: Sequence[Column], others: Sequence[str], *, chunk_rows: int
) -> Iterator[tuple[pandas.DataFrame, pandas.DataFrame]]:
    """Reads rows to predict with other columns beside them, in constant memory.

    Args:
        source: As of `read_rows`.
        columns: As of `read_rows`.
        others: Names of columns that are wanted as they are written; "#4" is the fourth.
        chunk_rows: At most so many rows at a time.

    Yields:
        What `read_rows` yields, and frames of text of the others, None where empty, with the same index.

    Raises:
        DataError: As of `read_rows`.
    """
    import pandas

    wanted = [column for column in columns if column.kind != "left out"]
    names = [column.name for column in wanted]
    opened = open_source(source, names)
    for name in names:
        if name not in opened.names:
            opened.named(name)
    beside = opened.named(others)
    decimal: Decimal | None = None
    start = 0
    # Of a text file all columns: only by all of them are lines told that repeat the names.
    for whole in opened.frames(chunk_rows, None if opened.text else {*names, *beside}):
        frame, positions = without_headers(opened, whole, start)
        start += len(whole)
        cells = {name: cells_of(frame[name]) for name in dict.fromkeys([*names, *beside])}
        # The rows of a file are written alike: what the first ones tell holds for the others.
        decimal = decimal or decimal_of(opened, [cells[name] for name in names])
        data = {column.name: _row_values(column, cells[column.name], decimal, opened, positions) for column in wanted}
        written = pandas.DataFrame({name: cells[name].text() for name in beside}, index=positions, dtype=object)
        yield pandas.DataFrame(data).set_axis(positions), written


def _row_values(
    column: Column, cells: Cells, decimal: Decimal, opened: Opened, positions: NDArray[np.int64]
) -> pandas.Series:
    """The values of a column that was trained on."""
    import pandas

    present = cells.without(column.missing_words)
    if column.kind == "number" and not len(present.words):
        return pandas.Series(np.full(len(cells.codes), np.nan))
    try:
        if column.kind == "date":
            fits = are_dates(list(present.words), column.date_format)
            if not fits.all():
                raise Misfit(column.name, "date", str(present.words[np.argmin(fits)]))
        if column.kind != "number":
            return pandas.Series(present.text(), dtype=object)
        return pandas.Series(understand_as("number", column.name, present, decimal).data(), dtype=float)
    except Misfit as misfit:
        row = int(positions[present.rows_of(misfit.word)[0]])
        raise DataError(misfit.at(f"{opened.place(row)}, column {column.name!r}")) from None
