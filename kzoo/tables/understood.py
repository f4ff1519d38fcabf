"""What was made of a column, and the field that does not fit what it is said to be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells
from kzoo.tables.columns import Column


@dataclasses.dataclass(frozen=True, eq=False)
class Understood:
    """A column and what was made of it.

    Attributes:
        column: Its kind and reason.
        cells: Its fields, missing ones left out.
        values: The number of each of `cells.words`, where it is a column of numbers.
        remark: What is worth saying of it, a sentence, or "".
        stray: The first field that is no number or date where nearly all others are, or "".
    """

    column: Column
    cells: Cells
    values: NDArray[np.float64] | None = None
    remark: str = ""
    stray: str = ""

    def with_missing(self, words: Sequence[str]) -> Understood:
        """The same of a column in which further words have stood for a missing value."""
        if not words:
            return self
        column = dataclasses.replace(self.column, missing_words=(*self.column.missing_words, *words))
        return dataclasses.replace(self, column=column)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int((self.cells.codes < 0).sum())

    @property
    def distinct(self) -> int:
        """Different values."""
        return len(self.cells.words if self.values is None else np.unique(self.values))

    def data(self) -> NDArray[Any]:
        """The value of each row, as `Table.frame` has it."""
        return self.cells.text() if self.values is None else self.cells.numbers(self.values)


class Misfit(DataError):
    """A field that is not of the kind that its column is said to be."""

    def __init__(self, name: str, kind: str, word: str):
        self.name, self.kind, self.word = name, kind, word
        super().__init__(self.at(f"column {name!r}"))

    def at(self, place: str) -> str:
        """The message, with the place of the field."""
        needed = {"number": "a number", "date": "a date as the others are", "boolean": "one of two values"}[self.kind]
        return f"{place}: {self.word[:40]!r} is not {needed}; mend it, leave the field empty, or take another kind."
