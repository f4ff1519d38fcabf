"""Tables in text files: .csv, .tsv and .txt, also packed."""

from __future__ import annotations

import codecs
import contextlib
import csv
import dataclasses
import io
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kzoo.errors import DataError
from kzoo.files import parse_json
from kzoo.tables.encodings import find_encoding, shown_encoding
from kzoo.tables.layout import Layout, find_layout, read_records
from kzoo.tables.packed import opened

if TYPE_CHECKING:
    import pandas

SAMPLE = 2**18
"""Bytes of a file that its layout is found from."""

SURPLUS = "\0"
"""The name of a column for fields beyond the last, which no file has."""

ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data")


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A text file whose layout is known.

    Attributes:
        path: The file.
        encoding: Of its text.
        layout: Its separator, names and first row.
    """

    path: Path
    encoding: str
    layout: Layout

    @classmethod
    def find(cls, path: Path, wanted: Collection[str] = ()) -> TextFile:
        """Finds encoding and layout.

        Args:
            path: The file.
            wanted: Names of columns that it is expected to have.

        Raises:
            DataError: It is no text, or there are no rows.
        """
        with opened(path) as file:
            encoding = find_encoding(file, path)
        with opened(path) as file:
            block = file.read(SAMPLE)
            sample = codecs.getincrementaldecoder(encoding)().decode(block)
            _check_no_json(sample, path)
            return cls(path, encoding, find_layout(sample, path, wanted, whole=not file.read(1)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth saying of how the file is written, a sentence each."""
        said = shown_encoding(self.encoding)
        return (said, *self.layout.remarks) if said else self.layout.remarks

    def frames(
        self, chunk_rows: int | None = None, columns: Collection[str] | None = None
    ) -> Iterator[pandas.DataFrame]:
        """Reads the rows, all fields as Python text, "" where they are empty.

        Args:
            chunk_rows: At most so many rows at a time; None for all at once.
            columns: Names of the columns to read; None for all.

        Raises:
            DataError: A line has more fields than there are columns, or a quotation is not closed.
        """
        import pandas

        # What pandas makes of a line with more fields depends on its version and on where a chunk begins.
        names = [*self.layout.names, SURPLUS]
        try:
            with self._rows() as rows, warnings.catch_warnings():
                # Said of fields beyond the last column, which would be dropped.
                warnings.simplefilter("error", pandas.errors.ParserWarning)
                with pandas.read_csv(
                    rows,
                    sep=r"\s+" if self.layout.separator == " " else self.layout.separator,
                    header=None,
                    names=names,
                    index_col=False,
                    dtype=object,
                    na_filter=False,
                    skipinitialspace=True,
                    escapechar=self.layout.escape,
                    low_memory=False,
                    chunksize=chunk_rows or 2**62,
                ) as chunks:
                    for chunk in chunks:
                        if (chunk.pop(SURPLUS) != "").any():
                            raise self._broken(None)
                        yield chunk if columns is None else chunk[[*columns]]
        except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
            raise self._broken(error) from None

    def line_of(self, row: int) -> int:
        """The line, from 1, that a row (from 0) ends on: a quoted field may hold line breaks."""
        with contextlib.suppress(csv.Error):
            for index, (line, _) in enumerate(self._records()):
                if index == row:
                    return line
        return self.layout.lines_before + row + 1

    def short_rows(self) -> str:
        """The sentence on lines that have fewer fields than there are columns, or "".

        Raises:
            DataError: Most lines are short.
        """
        width, short, count, line = len(self.layout.names), [], 0, 0
        with contextlib.suppress(csv.Error):
            for line, fields in self._records():
                count += 1
                if len(fields) < width:
                    short.append((line, len(fields)))
        if not short:
            return ""
        first, count_there = short[0]
        if len(short) > count / 2:
            raise DataError(
                f"{self.path}: line {first} has {count_there} of {width} fields, as most lines; give each column a "
                "name and each line its fields."
            )
        cut_off = " The last one does: is the file cut off?" if short[-1][0] == line else ""
        lines = "1 line has" if len(short) == 1 else f"{len(short)} lines have"
        return (
            f"{lines} fewer than {width} fields (line {first} has {count_there}); what they lack is taken as missing."
            f"{cut_off}"
        )

    @contextlib.contextmanager
    def _rows(self) -> Iterator[io.TextIOWrapper]:
        """The text from the first row on."""
        with opened(self.path) as file, io.TextIOWrapper(file, encoding=self.encoding, newline="") as text:
            for _ in range(self.layout.lines_before):
                text.readline()
            yield text

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        with self._rows() as rows:
            for line, fields in read_records(rows, self.layout.separator, self.layout.escape):
                yield line + self.layout.lines_before, fields

    def _broken(self, error: Exception | None) -> DataError:
        width, before = len(self.layout.names), self.layout.lines_before
        try:
            for line, fields in self._records():
                if len(fields) > width and any(fields[width:]):
                    return DataError(
                        f"{self.path}: line {line} has {len(fields)} fields where there are {width} columns; put a "
                        "field that holds the separator into quotation marks."
                    )
                if "EOF inside string" in str(error):
                    open_since, before = before + 1, line
        except csv.Error:
            pass
        if "EOF inside string" in str(error):
            return DataError(
                f"{self.path}: line {open_since}: a quotation mark is not closed; close it, or double it where it is "
                "part of the text."
            )
        return DataError(f"{self.path}: cannot be read as a table ({' '.join(str(error).split())}).")


def _check_no_json(sample: str, path: Path) -> None:
    """A line of a table is no JSON object, whatever its quotation marks."""
    try:
        found = parse_json(sample.lstrip().split("\n", 1)[0])
    except ValueError:
        return
    if isinstance(found, dict):
        raise DataError(f"{path}: line 1 is a JSON object; name the file .jsonl.")
