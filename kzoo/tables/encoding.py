"""Columns as numbers: learned from the training rows once, and the same in training and in the graph of an export.

- number: its value, the median of the training rows where it is missing, and where some were, whether it is.
- boolean: 0 or 1; where missing, the share of ones, and where some were, whether it is.
- category: one number for each frequent word, 1 where it is that one. Missing is a word like others. Rare words share
  one number, which is 1 for words that training has not seen, too; where there are none, such a word is all zeros.
- date: days since 1970, the place in the year on a circle, the weekday as a category, and of times the place in the day
  on a circle; of times of day the last alone.
- text: one number for each frequent token, 1 where it is among those of the text.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.calendar import MONTHS, calendar, pattern_of
from kzoo.tables.columns import Column, Kind

MOST_WORDS = 64
"""Words of a category with a number of their own, at most."""

MOST_TOKENS = 128
"""Tokens of a text with a number of their own, at most."""

FEWEST = 5
"""Training rows that a word or token with a number of its own is in, at least."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEAR, DAY = 365.25, 24.0

MISSING = ""
"""The word for a missing one."""


@dataclasses.dataclass(frozen=True)
class EncodedColumn:
    """What was learned of a column.

    Attributes:
        name: Its name.
        kind: What it holds: "number", "boolean", "category", "date" or "text".
        words: Of a boolean, that for 0 and that for 1; of a category or text, those with a number of their own.
        rest: Whether other words of a category share a number.
        fill: What stands for a missing one: of a number its median, of a boolean the share of ones, of a date the
            median of its days.
        missing: Whether a number says that it is missing.
        date_format: How dates are written, in directives of `datetime.strptime`.
        missing_words: Text that stands for a missing one, besides the empty text.
    """

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    rest: bool = False
    fill: float = 0.0
    missing: bool = False
    date_format: str = ""
    missing_words: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it comes as text; else it comes as float32, NaN where missing."""
        return self.kind != "number"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its numbers."""
        missing = (f"{self.name} is missing",) if self.missing else ()
        if self.kind == "category":
            words = [f"{self.name}={word}" if word else f"{self.name} is missing" for word in self.words]
            return (*words, *((f"{self.name}=other",) if self.rest else ()))
        if self.kind == "text":
            return tuple(f"{self.name}~{word}" for word in self.words)
        if self.kind == "date":
            pattern = pattern_of(self.date_format)
            parts = ["days", "year sin", "year cos", *WEEKDAYS] if pattern.has_date else []
            parts += ["day sin", "day cos"] if pattern.has_time else []
            return (*(f"{self.name} {part}" for part in parts), *missing)
        return (self.name, *missing)


@dataclasses.dataclass(frozen=True)
class TableEncoding:
    """How rows of named columns become rows of numbers.

    Attributes:
        columns: Those that are trained on, in the order of their numbers.
    """

    columns: tuple[EncodedColumn, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of all numbers of a row, in their order."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def indicators(self) -> NDArray[np.bool_]:
        """Which numbers of a row are 0 or 1 by what they are [width]."""
        measured = (" days", " sin", " cos")
        return np.array(
            [
                not (feature == column.name and column.kind == "number")
                and not (column.kind == "date" and feature.endswith(measured))
                for column in self.columns
                for feature in column.features
            ]
        )

    def encode(self, columns: Any) -> NDArray[np.float32]:
        """Rows as numbers.

        Args:
            columns: A mapping or DataFrame, by name [rows]: floats with NaN where missing, or text, where None, NaN
                and "" are missing.

        Returns:
            [rows, width].

        Raises:
            KeyError: A column is not there.
        """
        return encode(self, columns, InNumpy())

    def decode(self, x: NDArray) -> dict[str, NDArray]:
        """Rows that are encoded as these, or nearly so: of rare words, texts and times only a part can be told.

        Args:
            x: [rows, width].

        Returns:
            Columns by name [rows]: float32, or text as objects.
        """
        found, start = {}, 0
        for column in self.columns:
            width = len(column.features)
            found[column.name] = _decoded(column, x[:, start : start + width])
            start += width
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, text and numbers, as JSON takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableEncoding:
        """What `to_dict` wrote, possibly through JSON.

        Raises:
            ValueError: It is no such description.
        """
        try:
            texts = ("words", "missing_words")
            fields = [{**each, **{name: tuple(each[name]) for name in texts}} for each in values["columns"]]
            return cls(tuple(EncodedColumn(**each) for each in fields))
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a description of a table: {error}") from None


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

    def has_token(self, values: Any, words: Sequence[str]) -> Any:
        """Float32 [rows, words], 1 where a word is among the tokens of a text."""

    def date_fields(self, values: Any, expression: str, fields: Sequence[str]) -> tuple[Any, dict[str, Any]]:
        """Whether each text matches [rows], and int64 [rows] by the names of the groups, as `calendar` takes them."""


def encode(encoding: TableEncoding, columns: Any, backend: Backend) -> Any:
    """Rows as numbers, by numpy or TensorFlow; see `TableEncoding.encode`."""
    parts = [part for column in encoding.columns for part in _parts(column, columns[column.name], backend)]
    return backend.xp.concatenate(parts, axis=1)


def _parts(column: EncodedColumn, values: Any, backend: Backend) -> list[Any]:
    """What a column becomes, each [rows, some]."""
    xp = backend.xp
    if column.kind == "number":
        value = backend.numbers(values)
        known = value == value  # not NaN
        return _filled(xp.where(known, value, xp.zeros_like(value)), known, column, xp)
    values = backend.cleaned(values, column.missing_words)
    if column.kind == "boolean":
        found = backend.is_word(values, column.words)
        return _filled(found[:, 1], xp.sum(found, axis=1) > 0, column, xp)
    if column.kind == "category":
        found = backend.is_word(values, column.words)
        return [found, 1 - xp.sum(found, axis=1, keepdims=True)] if column.rest else [found]
    if column.kind == "text":
        return [backend.has_token(values, column.words)]
    return _date_parts(column, values, backend)


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

    def numbers(self, values: Any) -> NDArray:
        """See `Backend`."""
        with np.errstate(over="ignore"):
            return np.asarray(values, dtype=np.float64).astype(np.float32)

    def cleaned(self, values: Any, missing_words: Sequence[str]) -> list[str]:
        """See `Backend`."""
        return texts(values, missing_words)

    def is_word(self, values: Sequence[str], words: Sequence[str]) -> NDArray:
        """See `Backend`."""
        import pandas

        index = pandas.Index(list(words), dtype=object).get_indexer(pandas.Index(values, dtype=object))
        found = np.zeros((len(index), len(words)), dtype=np.float32)
        rows = np.flatnonzero(index >= 0)
        found[rows, index[rows]] = 1
        return found

    def has_token(self, values: Sequence[str], words: Sequence[str]) -> NDArray:
        """See `Backend`."""
        place = {word: number for number, word in enumerate(words)}
        found = np.zeros((len(values), len(words)), dtype=np.float32)
        for row, text in enumerate(values):
            found[row, [place[token] for token in tokens(text) if token in place]] = 1
        return found

    def date_fields(
        self, values: Sequence[str], expression: str, fields: Sequence[str]
    ) -> tuple[NDArray[np.bool_], dict[str, NDArray]]:
        """See `Backend`."""
        import pandas

        found = pandas.Series(values, dtype=object).str.extract(f"^(?:{expression})$").to_numpy(dtype=object)
        matched = np.array([isinstance(each, str) for each in found[:, 0]])
        numbers = {}
        for name, group in zip(fields, found.T, strict=True):
            read = {"month_name": _month_of, "half": lambda text: int(text.lower() == "p")}.get(name, int)
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


SEPARATORS = "".join(map(chr, range(128)))
SEPARATORS = "".join(sign for sign in SEPARATORS if not sign.isalnum())
"""What stands between tokens: all of ASCII that is neither a letter nor a digit."""

_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {
    ord(sign): " " for sign in SEPARATORS
}


def tokens(text: str) -> list[str]:
    """The tokens of a text. Small letters are made of those of ASCII alone, as TensorFlow does."""
    return text.translate(_LOWER).split(" ")


def _month_of(name: str) -> int:
    """Number of a month by its name or the first three letters of it; 0 where it is none."""
    return MONTHS.index(name[:3].lower()) + 1 if name[:3].lower() in MONTHS else 0


def learn(frame: Any, columns: Sequence[Column]) -> TableEncoding:
    """What is learned of columns from the training rows.

    Args:
        frame: Columns by name, as in `Table`.
        columns: What they hold; those that are left out are.
    """
    return TableEncoding(tuple(_learned(column, frame[column.name]) for column in columns if column.kind != "left out"))


def _learned(column: Column, values: Any) -> EncodedColumn:
    name, kind = column.name, column.kind
    if kind == "number":
        numbers = InNumpy().numbers(values)
        known = numbers[np.isfinite(numbers)]
        fill = float(np.median(known)) if len(known) else 0.0
        return EncodedColumn(name, kind, fill=fill, missing=len(known) < len(numbers))
    return dataclasses.replace(
        _learned_text(column, texts(values, column.missing_words)), missing_words=column.missing_words
    )


def _learned_text(column: Column, held: list[str]) -> EncodedColumn:
    name, kind = column.name, column.kind
    if kind == "text":
        counts = collections.Counter(token for text in held for token in set(tokens(text)) if token)
        return EncodedColumn(name, kind, words=_frequent(counts, MOST_TOKENS))
    if kind == "date":
        return _learned_date(column, held)
    counts = collections.Counter(held)
    if kind == "boolean":
        words = sorted(word for word in counts if word != MISSING)
        if len(words) == 2:
            share = counts[words[1]] / (counts[words[0]] + counts[words[1]])
            return EncodedColumn(name, kind, words=tuple(words), fill=share, missing=MISSING in counts)
    words_kept = _frequent(counts, MOST_WORDS)
    return EncodedColumn(name, "category", words=words_kept, rest=len(words_kept) < len(counts))


def _learned_date(column: Column, held: list[str]) -> EncodedColumn:
    pattern = pattern_of(column.date_format)
    matched, fields = InNumpy().date_fields(held, pattern.expression, pattern.fields)
    known, days, *_ = calendar(fields, np)
    days = days[known & matched]
    fill = float(np.median(days)) if len(days) else 0.0
    return EncodedColumn(column.name, "date", fill=fill, missing=len(days) < len(held), date_format=column.date_format)


def _frequent(counts: collections.Counter[str], most: int) -> tuple[str, ...]:
    """The most frequent words, sorted; where none is frequent, the most frequent one."""
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    found = [word for word in ranked[:most] if counts[word] >= FEWEST]
    return tuple(sorted(found or ranked[:1]))


def _decoded(column: EncodedColumn, x: NDArray) -> NDArray:
    missing = x[:, -1] > 0.5 if column.missing else np.zeros(len(x), dtype=bool)
    if column.kind == "number":
        return np.where(missing, np.float32(np.nan), x[:, 0]).astype(np.float32)
    if column.kind == "boolean":
        found = np.where(x[:, 0] > 0.5, column.words[1], column.words[0]).astype(object)
    elif column.kind == "category":
        words = np.array([*column.words, _unknown(column.words)], dtype=object)
        known = x[:, : len(column.words)]
        found = words[np.where(known.max(axis=1) > 0.5, known.argmax(axis=1), len(column.words))]
    elif column.kind == "text":
        words = np.array(column.words, dtype=object)
        found = np.array([" ".join(words[row > 0.5]) for row in x], dtype=object)
    else:
        found = np.array([_date_text(column, row) for row in x], dtype=object)
    found[missing] = MISSING
    return found


def _unknown(words: Sequence[str]) -> str:
    """A word that is none of these."""
    word = "other"
    while word in words:
        word += "_"
    return word


def _date_text(column: EncodedColumn, row: NDArray) -> str:
    import datetime

    date, place = datetime.datetime(1970, 1, 1), dict(zip(column.features, row, strict=True))
    pattern = pattern_of(column.date_format)
    if pattern.has_date:
        date += datetime.timedelta(days=round(float(row[0])))
    if pattern.has_time:
        sine, cosine = place[f"{column.name} day sin"], place[f"{column.name} day cos"]
        date += datetime.timedelta(minutes=round(math.atan2(sine, cosine) / (2 * math.pi) * 24 * 60) % (24 * 60))
    return date.replace(tzinfo=datetime.UTC).strftime(column.date_format)
