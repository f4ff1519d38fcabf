"""Where a table comes from: a file of any form, a DataFrame or columns in memory."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables import other_files, text_files
from kzoo.tables.packed import inner_suffix
from kzoo.tables.text_files import TextFile

if TYPE_CHECKING:
    import pandas

    Source: TypeAlias = str | Path | pandas.DataFrame | Mapping[str, Any]

WORKBOOKS = (".xlsx", ".xls", ".ods", ".xlsm")

TABLE_ENDINGS = (*text_files.ENDINGS, *other_files.JSON_LINES, *other_files.ARROW)
"""Endings of files that hold a table; .gz and .zip may follow those of text."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """A source of rows.

    Attributes:
        where: What a message begins with.
        names: Of its columns, all different.
        frames: Gives its rows, in frames of at most so many rows (None: one frame of all), and some of its columns
            (None: all of them).
        place: What to call a row, counted from 0, in a message.
        remarks: What is worth saying of how it is written, a sentence each.
        text: The text file that it is, or None.
    """

    where: str
    names: tuple[str, ...]
    frames: Callable[[int | None, Collection[str] | None], Iterator[pandas.DataFrame]]
    place: Callable[[int], str]
    remarks: tuple[str, ...] = ()
    text: TextFile | None = None

    def of_rows(self, rows: NDArray[np.int64]) -> Opened:
        """The same, its rows called by their place among these."""
        return dataclasses.replace(self, place=lambda row: self.place(int(rows[row])))

    def named(self, names: str | Sequence[str], what: str = "") -> list[str]:
        """The columns of these names; "#4" is the fourth column, unless one is called so.

        Raises:
            DataError: There is no such column, or one is named twice; the message has the names that come near.
        """
        found: list[str] = []
        for asked in [names] if isinstance(names, str) else names:
            found.append(self._named(asked, what))
            if found.count(found[-1]) > 1:
                raise DataError(f"{self.where}: {what}column {found[-1]!r} is named twice; name each column once.")
        return found

    def _named(self, asked: str, what: str) -> str:
        if asked in self.names:
            return asked
        if asked[:1] == "#" and asked[1:].isdigit() and 1 <= int(asked[1:]) <= len(self.names):
            return self.names[int(asked[1:]) - 1]
        small = {name.casefold(): name for name in self.names}
        near = difflib.get_close_matches(asked.casefold(), small, n=1)
        hint = f"did you mean {small[near[0]]!r}?" if near else f"there are {listed(self.names)}."
        raise DataError(f"{self.where}: {what}no column is called {asked!r}; {hint}")


def is_table(path: Path) -> bool:
    """Whether a path ends as those of tables do."""
    suffixes = [each.lower() for each in path.suffixes[-2:]]
    packed = suffixes[-1:] in ([".gz"], [".zip"])
    return (
        (suffixes[-1:] == [".zip"])
        or bool(suffixes)
        and suffixes[-2 if packed and len(suffixes) > 1 else -1] in TABLE_ENDINGS
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first twenty of them."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def open_source(source: Source, wanted: Collection[str] = ()) -> Opened:
    """Opens a table; its rows are not read yet.

    Args:
        source: Path of a file, a DataFrame, or columns by their names.
        wanted: Names that it is expected to have: they tell which line of a text file names the columns.

    Raises:
        DataError: It cannot be read.
    """
    if not isinstance(source, str | Path):
        return _in_memory(source)
    path = Path(source)
    if not path.is_file():
        problem = "is a folder, not a table" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {problem} (looked in {Path.cwd()}).")
    suffix = inner_suffix(path)
    packed = suffix != path.suffix.lower()
    if suffix in text_files.ENDINGS:
        return _text(TextFile.find(path, wanted))
    if suffix in other_files.JSON_LINES:
        return _json_lines(path)
    if suffix in other_files.ARROW and not packed:
        names = other_files.arrow_names(path)
        _check_names(names, str(path))

        def frames(rows: int | None, columns: Collection[str] | None) -> Iterator[pandas.DataFrame]:
            return other_files.arrow_frames(path, rows, columns)

        return Opened(str(path), tuple(names), frames, lambda row: f"{path}: row {row + 1}")
    if suffix in WORKBOOKS:
        raise DataError(f"{path}: workbooks are not read; save the sheet as .csv.")
    if packed and suffix in other_files.ARROW:
        raise DataError(f"{path}: {suffix} is packed already; unpack it.")
    endings = ", ".join(TABLE_ENDINGS)
    raise DataError(f"{path}: the ending {suffix or 'that is missing'} is of no table; there are {endings}, .gz, .zip.")


def _text(file: TextFile) -> Opened:
    path = file.path
    return Opened(
        str(path),
        file.layout.names,
        file.frames,
        lambda row: f"{path}: line {file.line_of(row)}",
        file.remarks,
        file,
    )


def _json_lines(path: Path) -> Opened:
    # Objects may lack names that are missing: all of them are known when all lines have been read.
    names: dict[str, None] = {}
    for frame in other_files.json_lines(path, 10_000):
        names.update(dict.fromkeys(frame.columns))
    if not names:
        raise DataError(f"{path}: the file is empty; expected a JSON object in each line.")

    def frames(rows: int | None, columns: Collection[str] | None) -> Iterator[pandas.DataFrame]:
        for frame in other_files.json_lines(path, rows):
            yield frame.reindex(columns=[name for name in names if columns is None or name in columns])

    return Opened(str(path), tuple(names), frames, lambda row: f"{path}: row {row + 1}")


def _in_memory(source: pandas.DataFrame | Mapping[str, Any]) -> Opened:
    import pandas

    where = "the table"
    remarks: tuple[str, ...] = ()
    if isinstance(source, pandas.DataFrame):
        frame = source.reset_index(drop=True)
        if any(name is not None for name in source.index.names):
            named = ", ".join(map(str, source.index.names))
            remarks = (f"The index ({named}) is no column and left out; frame.reset_index() makes it one.",)
    elif isinstance(source, Mapping):
        try:
            frame = pandas.DataFrame({name: pandas.Series(values) for name, values in source.items()})
            lengths = {len(values) for values in source.values()}
        except (TypeError, ValueError) as error:
            raise DataError(f"{where}: the columns make no table ({error}).") from None
        if len(lengths) > 1:
            raise DataError(f"{where}: the columns have {sorted(lengths)} rows; they must be of one length.")
    else:
        raise DataError(f"{where}: {type(source).__name__} is no table; give a path, a DataFrame or a dict of columns.")
    names = ["_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    frame = frame.set_axis(names, axis=1)
    _check_names(names, where)
    if not len(frame):
        raise DataError(f"{where}: there are no rows.")

    def frames(rows: int | None, columns: Collection[str] | None) -> Iterator[pandas.DataFrame]:
        wanted = frame[[name for name in names if columns is None or name in columns]]
        step = rows or len(frame)
        return (wanted.iloc[start : start + step] for start in range(0, len(frame), step))

    return Opened(where, tuple(names), frames, lambda row: f"{where}: row {row + 1}", remarks)


def _check_names(names: Sequence[str], where: str) -> None:
    for index, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{where}: column {index + 1} has no name; name it.")
        if name in names[:index]:
            raise DataError(f"{where}: column {name!r} is there twice; give each column a name of its own.")
    if not names:
        raise DataError(f"{where}: there are no columns.")
