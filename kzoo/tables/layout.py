"""How a text file is laid out: its separator, the names of its columns, and where its rows begin."""

from __future__ import annotations

import collections
import csv
import dataclasses
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from kzoo.errors import DataError
from kzoo.tables.numbers import looks_like_number

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|", "^": "^", " ": "spaces"}

RECORDS = 300
"""Records from the beginning of a file that its layout is found from."""

_ESCAPED = re.compile(r"""(?<!")\\"[^,;\t|\s"]""")
"""A quotation mark after a backslash, within a field: before the end of one the backslash is the last of a path."""

FIRST = 20
"""Records that the names of the columns are looked for in, where some are known."""

Record = tuple[int, list[str]]
"""The number of the line that a record ends on, from 1, and its fields."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Attributes:
        separator: What stands between its fields; " " for any number of spaces.
        names: Of its columns, all different.
        lines_before: Lines before the first row.
        escape: The sign before a quotation mark that is part of a quoted field, as databases write; None where the
            mark is doubled.
        remarks: What is worth saying of it, a sentence each.
    """

    separator: str
    names: tuple[str, ...]
    lines_before: int
    escape: str | None
    remarks: tuple[str, ...]


def read_records(lines: Iterable[str], separator: str, escape: str | None) -> Iterator[Record]:
    """The records of a text file, blank ones left out.

    Raises:
        csv.Error: A field is too long to be one.
    """
    if separator == " ":
        lines = (line.strip(" \r\n") + "\n" for line in lines)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, escapechar=escape)
    for fields in reader:
        if len(fields) > 1 or (fields and fields[0].strip()):
            yield reader.line_num, fields


def find_layout(sample: str, path: Path, wanted: Collection[str] = (), *, whole: bool) -> Layout:
    """Finds the layout of a text file.

    Args:
        sample: How the file begins.
        path: Its name, for messages.
        wanted: Names of columns that it is expected to have: they tell which line names the columns.
        whole: Whether the sample is all of it; else its last record may be half a one.

    Returns:
        The layout. Without a line of names the columns are called column_1, column_2, ...

    Raises:
        DataError: There are no columns, or names and no rows.
    """
    lines = sample.splitlines(keepends=True)
    told = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None  # A line that Excel understands.
    escape = "\\" if _ESCAPED.search(sample) else None
    readings = {
        separator: _first_records(lines, separator, escape, whole=whole)
        for separator in ([told[1]] if told and told[1] in SEPARATORS else SEPARATORS)
    }
    separator = max(readings, key=lambda each: _score(each, readings[each], wanted))
    records, remarks = readings[separator], []
    records = records[1:] if told else records
    if not records:
        raise DataError(f"{path}: the file is empty; expected a line of column names, then rows.")
    width = _width(records)
    if separator != ",":
        remarks.append(f"Fields are separated by {SEPARATORS[separator]}.")
    start, names = _header(records, width, wanted)
    before = records[start - 1][0] if start else int(bool(told))
    if names is None:
        what = (
            "The first line holds values, not names" if not start else f"No line before line {before + 1} holds names"
        )
        remarks.append(f"{what}: the columns are called column_1 to column_{width}.")
        names = [f"column_{index + 1}" for index in range(width)]
    else:
        line = before + 1 if not start else records[start][0]
        skipped = line - 1
        if skipped and not (told and skipped == 1):
            remarks.append(f"The names of the columns stand in line {line}; what is before it is passed over.")
        before = records[start][0]
        start += 1
        if len(names) == width - 1:
            # Either each row ends with a separator, or its first field is its name, as R writes tables.
            ends = all(fields[-1] == "" for _, fields in records[start:] if len(fields) == width)
            names = [*names, ""] if ends else ["", *names]
        remarks += _complete(names)
    if start >= len(records):
        raise DataError(f"{path}: there are column names and no rows.")
    return Layout(separator, tuple(names), before, escape, tuple(remarks))


def _first_records(lines: Sequence[str], separator: str, escape: str | None, *, whole: bool) -> list[Record]:
    records = []
    try:
        for record in itertools.islice(read_records(lines, separator, escape), RECORDS):
            records.append(record)
    except csv.Error:
        return []
    half = not whole and len(records) > 1 and records[-1][0] >= len(lines)
    return records[:-1] if half else records


def _width(records: Sequence[Record]) -> int:
    """The usual number of fields; the larger one where two are as usual."""
    counts = collections.Counter(len(fields) for _, fields in records)
    return max(counts, key=lambda count: (counts[count], count))


def _score(separator: str, records: Sequence[Record], wanted: Collection[str]) -> tuple[float, ...]:
    """How well a separator fits: names are found, most records have the same number of fields, and there are many."""
    if not records:
        return (-1.0,)
    width = _width(records)
    named = max(len({field.strip() for field in fields} & set(wanted)) for _, fields in records[:FIRST])
    if width == 1:
        return (named, 0.0, 0.0)
    alike = sum(len(fields) == width for _, fields in records) / len(records)
    # Sentences hold spaces too, and numbers hold commas: then the line of names does not.
    spaced = separator == " " and alike < 0.95
    first = len(records[0][1])
    fits = first == width or first == width - 1 > 1
    return (named, 0.0 if spaced else round(alike, 1), fits, separator != " ", width)


def _header(records: Sequence[Record], width: int, wanted: Collection[str]) -> tuple[int, list[str] | None]:
    """Where the names stand, and the names; or where the rows begin, and None."""
    for index, (_, fields) in enumerate(records[:FIRST]):
        names = [field.strip() for field in fields]
        if wanted and set(wanted) <= set(names) and not all(map(looks_like_number, wanted)):
            return index, names
    for index, (_, fields) in enumerate(records):
        names = [field.strip() for field in fields]
        following = records[index + 1][1] if index + 1 < len(records) else []
        fits = len(names) == width or (len(names) == width - 1 > 1 and len(following) == width)
        if fits and not names[0].startswith("# "):
            rows = [fields for _, fields in records[index + 1 :] if len(fields) == width]
            return index, names if _are_names(names, rows) else None
    return 0, None


def _are_names(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a line names the columns: its fields are no values such as stand below it."""
    given = [name for name in first if name]
    numbers = [name for name in given if looks_like_number(name)]
    if not given:
        return False
    if len(numbers) == len(given):
        # As pandas and numpy users write arrays without names; all other lines of numbers are rows.
        return len(given) > 2 and given in ([str(i + k) for i in range(len(given))] for k in (0, 1))
    if any("." in name for name in numbers):
        return False
    below = [{row[index].strip() for row in rows} for index in range(len(first))] if len(first) == _least(rows) else []
    texts = [index for index, name in enumerate(first) if name and name not in numbers]
    again = sum(bool(below) and first[index] in below[index] for index in texts)
    return again <= len(texts) / 2


def _least(rows: Sequence[Sequence[str]]) -> int:
    return min(map(len, rows), default=0)


def _complete(names: list[str]) -> list[str]:
    """Gives columns without a name, or with that of another, one of their own; says so."""
    remarks, taken = [], {name for name in names if name}
    for index, name in enumerate(names):
        if name and name not in names[:index]:
            continue
        new = next(
            each
            for each in itertools.chain(
                [f"{name}_{index + 1}" if name else f"column_{index + 1}"],
                (f"column_{index + 1}_{count}" for count in itertools.count(2)),
            )
            if each not in taken
        )
        taken.add(new)
        names[index] = new
        what = f"is called {name!r} as another is" if name else "has no name"
        remarks.append(f"Column {index + 1} {what}; it is taken as {new!r}.")
    return remarks
