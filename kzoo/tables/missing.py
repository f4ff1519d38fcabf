"""Words for a missing value in one file, such as -999 or "not measured", beside those that everybody uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells
from kzoo.tables.numbers import numbers_among, plain_numbers
from kzoo.tables.sources import Opened

Missing = str | float | Sequence[Any] | Mapping[str, Any]
"""Words, which are text or numbers, for every column; or by the name of a column, where "" is every column."""


def words_by_column(opened: Opened, missing: Missing | None) -> dict[str, tuple[str, ...]]:
    """The words of each column that has any.

    Raises:
        DataError: A column is not there, or a word is neither text nor a number.
    """
    by_name = missing if isinstance(missing, Mapping) else {"": () if missing is None else missing}
    found: dict[str, tuple[str, ...]] = {}
    for name, words in by_name.items():
        names = opened.names if name == "" else opened.named(name, "missing: ")
        for each in names:
            found[each] = (*found.get(each, ()), *_words(opened, words))
    return {name: tuple(dict.fromkeys(words)) for name, words in found.items() if words}


def _words(opened: Opened, given: Any) -> list[str]:
    words = [given] if isinstance(given, str | int | float) else list(given)
    for word in words:
        if isinstance(word, bool) or not isinstance(word, str | int | float | np.number):
            raise DataError(f"{opened.where}: missing: {word!r} is a {type(word).__name__}; expected text or a number.")
        if not str(word).strip():
            raise DataError(f"{opened.where}: missing: a word is empty; empty fields are missing anyway.")
    return [str(word).strip() for word in words]


def fields_meant(cells: Cells, words: Collection[str]) -> dict[str, tuple[str, ...]]:
    """By word, the fields of a column that are this word or the same number: -999.0 where -999 is."""
    values = _values(cells) if numbers_among(words) else np.full(len(cells.words), np.nan)
    found = {}
    for word in words:
        same = cells.words == word
        for number in numbers_among([word]):
            same = same | (values == number)
        found[word] = tuple(cells.words[same])
    return found


def _values(cells: Cells) -> NDArray[np.float64]:
    """The number that each word of a column is, NaN where it is none."""
    values = plain_numbers(list(cells.words))
    if values is not None:
        return values
    each = (plain_numbers([word]) for word in cells.words)
    return np.array([np.nan if number is None else number[0] for number in each], dtype=np.float64)
