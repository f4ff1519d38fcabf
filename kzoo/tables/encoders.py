"""Columns as numbers, by numpy for training and by TensorFlow in the graph of an export: one definition for both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.calendar import DAY, MONTHS, WEEKDAYS, YEAR, calendar, pattern_of

if TYPE_CHECKING:
    from kzoo.tables.encoding import EncodedColumn, TableEncoding

MISSING = ""
"""The word for a missing one."""


class Backend(Protocol):
    """What numpy and TensorFlow do differently."""

    @property
    def xp(self) -> Any:
        """numpy, or what is written like it."""

    def numbers(self, values: Any) -> Any:
        """Float32 [rows], NaN where missing."""

    def cleaned(self, values: Any, missing_words: Sequence[str]) -> Any:
        """Text [rows] without spaces around it, "" where it is one of these words."""

    def is_word(self, values: Any, words: Sequence[str]) -> Any:
        """Float32 [rows, words], 1 where a text is a word."""

    def place(self, values: Any, words: Sequence[str]) -> Any:
        """Whole numbers [rows]: which of these words a text is, len(words) where it is none."""

    def has_token(self, values: Any, words: Sequence[str]) -> Any:
        """Float32 [rows, words], 1 where a word is among the tokens of a text."""

    def token_sum(self, values: Any, words: Sequence[str], vectors: NDArray[np.float64]) -> Any:
        """Float64 [rows, width], the sum of the vectors [words, width] of the words among the tokens of a text."""

    def date_fields(self, values: Any, expression: str, fields: Sequence[str]) -> tuple[Any, dict[str, Any]]:
        """Whether each text matches [rows], and int64 [rows] by the names of the groups, as `calendar` takes them."""


def encode(encoding: TableEncoding, columns: Any, backend: Backend) -> Any:
    """Rows as numbers, by numpy or TensorFlow; see `TableEncoding.encode`."""
    xp = backend.xp
    numbers = [column for column in encoding.in_order if column.kind == "number"]
    others = [column for column in encoding.in_order if column.kind != "number"]
    parts = [part for column in others for part in _parts(column, columns[column.name], backend)]
    if not numbers:
        return xp.concatenate(parts, axis=1)
    # Together, since a graph of a few operations for each of many columns takes long to build and to run.
    found = xp.concatenate([*_numbers(numbers, columns, backend), *parts], axis=1)
    order = _order(encoding.in_order, numbers)
    return found if order == list(range(len(order))) else xp.take(found, np.array(order), axis=1)


def _numbers(numbers: Sequence[EncodedColumn], columns: Any, backend: Backend) -> list[Any]:
    """Columns of numbers [rows, columns], and whether they are missing of those that have a number for it."""
    xp = backend.xp
    values = xp.stack([backend.numbers(columns[column.name]) for column in numbers], axis=1)
    known = values == values  # not NaN
    for place in range(max(len(column.missing_numbers) for column in numbers)):
        codes = [(*column.missing_numbers, *[np.float32(np.nan)] * (place + 1))[place] for column in numbers]
        known = known & (values != np.array(codes, dtype=np.float32))
    filled = xp.where(known, values, np.array([column.fill for column in numbers], dtype=np.float32))
    marked = [place for place, column in enumerate(numbers) if column.missing]
    if not marked:
        return [filled]
    return [filled, 1 - xp.asarray(xp.take(known, np.array(marked), axis=1), dtype=xp.float32)]


def _order(columns: Sequence[EncodedColumn], numbers: Sequence[EncodedColumn]) -> list[int]:
    """Where the numbers of a row are, in their order, among those of the columns of numbers and then of the others."""
    values = iter(range(len(numbers)))
    marks = iter(range(len(numbers), len(numbers) + sum(column.missing for column in numbers)))
    others = itertools.count(len(numbers) + sum(column.missing for column in numbers))
    order: list[int] = []
    for column in columns:
        if column.kind == "number":
            order += [next(values), *([next(marks)] if column.missing else [])]
        else:
            order += [next(others) for _ in column.features]
    return order


def _parts(column: EncodedColumn, values: Any, backend: Backend) -> list[Any]:
    """What a column that is not of numbers becomes, each [rows, some]."""
    xp = backend.xp
    values = backend.cleaned(values, column.missing_words)
    if column.kind == "boolean":
        found = backend.is_word(values, column.words)
        return _filled(found[:, 1], xp.sum(found, axis=1) > 0, column, xp)
    if column.coded:
        return [xp.asarray(backend.place(values, column.words), dtype=xp.float32)[:, None]]
    if column.kind == "category":
        found = backend.is_word(values, column.words)
        return [found, 1 - xp.sum(found, axis=1, keepdims=True)] if column.rest else [found]
    if column.kind == "text":
        return [_topics(column, values, backend) if column.topics else backend.has_token(values, column.words)]
    return _date_parts(column, values, backend)


def _topics(column: EncodedColumn, values: Any, backend: Backend) -> Any:
    """Where a text points to, whatever its length; all zeros where none of its tokens is known."""
    xp = backend.xp
    found = backend.token_sum(values, column.words, column.vectors)
    length = xp.sqrt(xp.sum(found * found, axis=1, keepdims=True))
    return xp.asarray(found / xp.where(length > 0, length, xp.ones_like(length)), dtype=xp.float32)


def _filled(value: Any, known: Any, column: EncodedColumn, xp: Any) -> list[Any]:
    value = xp.where(known, value, xp.zeros_like(value) + np.float32(column.fill))
    return [value[:, None], *([1 - xp.asarray(known, dtype=xp.float32)[:, None]] if column.missing else [])]


def _date_parts(column: EncodedColumn, values: Any, backend: Backend) -> list[Any]:
    xp, pattern = backend.xp, pattern_of(column.date_format)
    matched, fields = backend.date_fields(values, pattern.expression, pattern.fields)
    known, days, of_year, weekday, hour = calendar(fields, xp)
    known = known & matched
    here = xp.asarray(known, dtype=xp.float32)

    def circle(value: Any, period: float) -> list[Any]:
        angle = value * np.float32(2 * math.pi / period)
        return [(xp.sin(angle) * here)[:, None], (xp.cos(angle) * here)[:, None]]

    is_day = weekday[:, None] == xp.asarray(range(len(WEEKDAYS)), dtype=xp.int64)[None]
    value, *missing = _filled(xp.asarray(days, dtype=xp.float32), known, column, xp)
    parts: list[Any] = []
    if pattern.has_date:
        parts = [value, *circle(xp.asarray(of_year, dtype=xp.float32), YEAR)]
        parts.append(xp.asarray(is_day, dtype=xp.float32) * here[:, None])
    return [*parts, *(circle(hour, DAY) if pattern.has_time else []), *missing]


class InNumpy:
    """Encodes columns of pandas, or arrays."""

    xp = np

    def numbers(self, values: Any) -> NDArray[Any]:
        """See `Backend`."""
        with np.errstate(over="ignore"):
            return np.asarray(values, dtype=np.float64).astype(np.float32)

    def cleaned(self, values: Any, missing_words: Sequence[str]) -> list[str]:
        """See `Backend`."""
        return texts(values, missing_words)

    def is_word(self, values: Sequence[str], words: Sequence[str]) -> NDArray[Any]:
        """See `Backend`."""
        found = np.zeros((len(values), len(words) + 1), dtype=np.float32)
        found[np.arange(len(values)), self.place(values, words)] = 1
        return found[:, :-1]

    def place(self, values: Sequence[str], words: Sequence[str]) -> NDArray[Any]:
        """See `Backend`."""
        import pandas

        index = pandas.Index(list(words), dtype=object).get_indexer(pandas.Index(values, dtype=object))
        return np.where(index < 0, len(words), index)

    def has_token(self, values: Sequence[str], words: Sequence[str]) -> NDArray[Any]:
        """See `Backend`."""
        from kzoo.tables.topics import token_matrix

        return np.asarray(token_matrix(values, words).toarray(), dtype=np.float32)

    def token_sum(
        self, values: Sequence[str], words: Sequence[str], vectors: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """See `Backend`."""
        from kzoo.tables.topics import token_matrix

        return np.asarray(token_matrix(values, words) @ vectors)

    def date_fields(
        self, values: Sequence[str], expression: str, fields: Sequence[str]
    ) -> tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]:
        """See `Backend`."""
        import pandas

        found = pandas.Series(values, dtype=object).str.extract(f"^(?:{expression})$").to_numpy(dtype=object)
        matched = np.array([isinstance(each, str) for each in found[:, 0]])
        readers: dict[str, Callable[[str], int]]
        readers = {"month_name": _month_of, "half": lambda text: int(text.lower() == "p")}
        numbers = {}
        for name, group in zip(fields, found.T, strict=True):
            read = readers.get(name, int)
            numbers[name] = np.array([read(each) if isinstance(each, str) else 0 for each in group], dtype=np.int64)
        return matched, numbers


SPACES = " \t\n\v\f\r"


def texts(values: Any, missing_words: Sequence[str] = ()) -> list[str]:
    """Text [rows] of a column, without spaces around it: "" where it is missing, bytes as the UTF-8 that they are."""
    missing = {*missing_words}

    def cleaned(value: Any) -> str:
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if value is None or value != value:
            return MISSING
        text = str(value).strip(SPACES)
        return MISSING if text in missing else text

    return [cleaned(value) for value in values]


SEPARATORS = "".join(sign for sign in map(chr, range(128)) if not sign.isalnum())
"""What stands between tokens: all of ASCII that is neither a letter nor a digit."""

_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {
    ord(sign): " " for sign in SEPARATORS
}


def tokens(text: str) -> list[str]:
    """The tokens of a text, and "" between some. Small letters are made of those of ASCII alone, as TensorFlow does."""
    return text.translate(_LOWER).split(" ")


def _month_of(name: str) -> int:
    """Number of a month by its name or the first three letters of it; 0 where it is none."""
    return MONTHS.index(name[:3].lower()) + 1 if name[:3].lower() in MONTHS else 0
