"""The fields of one column: its different words, and which of them stands in each row."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """The fields of one column.

    Attributes:
        codes: Index in `words` for each row; -1 where the field is empty.
        words: The different fields, in the order of the rows: Python text without spaces around it, never empty.
        problem: Why these fields can be no inputs ("lists"), or "".
    """

    codes: NDArray[np.int64]
    words: NDArray[np.object_]
    problem: str = ""

    @functools.cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each word is there."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))

    def without(self, missing: Collection[str]) -> Cells:
        """The same with some words as empty fields."""
        missing = frozenset(missing)
        # Sets make short work of columns whose words are all different.
        if missing.isdisjoint(self.words):
            return self
        keep = np.array([word not in missing for word in self.words], dtype=bool)
        place = np.append(np.where(keep, keep.cumsum() - 1, -1), -1)
        return Cells(place[self.codes], self.words[keep], self.problem)

    def of_rows(self, rows: NDArray[np.bool_]) -> Cells:
        """The same for some of the rows, with the words that are left in these."""
        codes = self.codes[rows]
        left = np.bincount(codes[codes >= 0], minlength=len(self.words)) > 0
        place = np.append(np.where(left, left.cumsum() - 1, -1), -1)
        return Cells(place[codes], self.words[left], self.problem)

    def rows_of(self, word: str) -> NDArray[np.int64]:
        """Rows, from 0, that a word stands in."""
        return np.flatnonzero(self.codes == np.flatnonzero(self.words == word)[0])

    def text(self) -> NDArray[np.object_]:
        """The word of each row, None where it is empty."""
        return np.append(self.words, [None])[self.codes]

    def numbers(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The number of each row, NaN where it is empty, from that of each word."""
        return np.append(values, [np.nan])[self.codes]


def cells_of(column: pandas.Series) -> Cells:
    """The fields of a column of any dtype: numbers, text, booleans, categories, dates, Python objects.

    Numbers are written so that they read back as the same float64, and whole ones without a point if all are whole.
    """
    import pandas

    if isinstance(column.dtype, pandas.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.isna().any() else object)
    if column.dtype.kind == "m":
        column = column.dt.total_seconds()
    try:
        codes, words = pandas.factorize(column, use_na_sentinel=True)
    except TypeError:  # Lists and the like have no hash.
        return Cells(np.full(len(column), -1), np.empty(0, object), "lists or records")
    if isinstance(words, pandas.PeriodIndex):
        words = words.to_timestamp()
    text = _dates(words) if isinstance(words, pandas.DatetimeIndex) else _text(list(words))
    if text == list(words) and "" not in text:
        return Cells(codes.astype(np.int64), np.array(text, dtype=object))
    # Spaces around a word do not make it another one; "" is what the words of empty fields become.
    again, different = pandas.factorize(np.array(text, dtype=object))
    return Cells(np.append(again, -1)[codes].astype(np.int64), different).without([""])


def _text(words: list[Any]) -> list[str]:
    if all(isinstance(word, float) and word.is_integer() and abs(word) < 2**53 for word in words):
        words = [int(word) for word in words]
    if all(type(word) is str for word in words):
        return list(map(str.strip, words))
    return [(word if isinstance(word, str) else _written(word)).strip() for word in words]


def _written(word: object) -> str:
    if isinstance(word, bytes):
        return word.decode("utf-8", "replace")
    return repr(float(word)) if isinstance(word, np.floating) else str(word)


def _dates(words: pandas.DatetimeIndex) -> list[str]:
    whole_days = words.tz is None and (words == words.normalize()).all()
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M:%S"
    if (words.microsecond != 0).any():
        form += ".%f"
    return list(words.strftime(form + ("%z" if words.tz is not None else "")))
