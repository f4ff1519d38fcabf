"""What a table is: its rows, and what each of its columns holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas

    from kzoo.tables.marks import Marks

Kind = Literal["number", "boolean", "category", "date", "text", "left out"]

KINDS: tuple[Kind, ...] = ("number", "boolean", "category", "date", "text", "left out")

MISSING_WORDS = (
    *("NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "#N/A N/A", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "NaT", "\\N"),
)
"""What pandas takes for a missing value, and MySQL writes for it, besides the empty field."""

MISSING_NUMBERS = (*MISSING_WORDS, "na", "none", "NONE", "Null", "NAN", "?", "-", ".")
"""What is a missing value where the other fields of a column are numbers or dates."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of inputs.

    Attributes:
        name: Its name in the file, and of its input in an export.
        kind: What it holds, or "left out".
        reason: Why it is taken so, in a few words: "text with 5 different values", "one value in every row".
        date_format: How its dates are written, in the directives of `datetime.strptime`; "" where it holds none.
        missing_words: Text that stands for a missing value in it, besides the empty text: all that `Table.frame` has
            as None or NaN. In a column of text "None" is a value.
    """

    name: str
    kind: Kind
    reason: str = ""
    date_format: str = ""
    missing_words: tuple[str, ...] = MISSING_WORDS


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Rows of a file, as they are trained on.

    Attributes:
        frame: A column for each of `columns` that is not left out, by its name: float64 with NaN for "number"; else
            Python text as it is written, without spaces around it, and None where it is missing.
        columns: Every column of the file but the target's, in the order of the file.
        target: What is to be predicted [rows], or [rows, targets]: text or numbers, none of them missing.
        target_names: Names of its columns.
        rows: Number of each row in the file, from 1, for messages.
        remarks: What reading found that a person wants to know, a sentence each: how the file is written, rows that
            have no target.
        marks: What columns say of how the rows are to be split, a `kzoo.tables.marks.Marks`; None for nothing.
    """

    frame: pandas.DataFrame
    columns: tuple[Column, ...]
    target: object
    target_names: tuple[str, ...]
    rows: object
    remarks: tuple[str, ...] = ()
    marks: Marks | None = None
