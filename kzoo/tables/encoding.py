"""Columns as numbers: what is learned from the training rows once, and the same in training and in an export.

- number: its value, the median of the training rows where it is missing, and where some were, whether it is.
- boolean: 0 or 1; where missing, the share of ones, and where some were, whether it is.
- category of few frequent words: one number for each, 1 where it is that one. Missing is a word like others. Rare
  words share one number, which is 1 for words that training has not seen, too; where there are none, such a word is
  all zeros.
- category of many frequent words: one number, the code of the word, 0 to n - 1, and n for all other words. Models
  look the code up in a table of what they have learned of each word. Codes come after all other numbers of a row.
- date: days since 1970, the place in the year on a circle, the weekday as a category, and of times the place in the day
  on a circle; of times of day the last alone.
- text of few frequent tokens: one number for each, 1 where it is among those of the text.
- text of many frequent tokens: its topics, the sum of the vectors of its tokens, of length 1; all zeros where it has
  none that is known.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.calendar import WEEKDAYS, pattern_of
from kzoo.tables.columns import Kind
from kzoo.tables.decoding import decode_column
from kzoo.tables.encoders import InNumpy, encode
from kzoo.tables.numbers import numbers_among
from kzoo.tables.topics import vectors_of


@dataclasses.dataclass(frozen=True)
class EncodedColumn:
    """What was learned of a column.

    Attributes:
        name: Its name.
        kind: What it holds: "number", "boolean", "category", "date" or "text".
        words: Of a boolean, that for 0 and that for 1; of a category or text, those with a number of their own.
        rest: Whether other words of a category share a number.
        coded: Whether a category is one number, the code of its word.
        fill: What stands for a missing one: of a number its median, of a boolean the share of ones, of a date the
            median of its days.
        missing: Whether a number says that it is missing.
        date_format: How dates are written, in directives of `datetime.strptime`.
        missing_words: Text that stands for a missing one, besides the empty text; of a number, what does in the file.
        topics: Of a text, the vectors of its words, as `vectors_of` takes them; "" where each has a number of its own.
    """

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    rest: bool = False
    fill: float = 0.0
    missing: bool = False
    date_format: str = ""
    missing_words: tuple[str, ...] = ()
    coded: bool = False
    topics: str = ""

    @functools.cached_property
    def missing_numbers(self) -> tuple[np.float32, ...]:
        """Numbers that stand for a missing one."""
        return tuple(map(np.float32, numbers_among(self.missing_words))) if self.kind == "number" else ()

    @functools.cached_property
    def vectors(self) -> NDArray[np.float64]:
        """The vectors of its words [words, topics]."""
        return vectors_of(self.topics, len(self.words))

    @property
    def is_text(self) -> bool:
        """Whether it comes as text; else it comes as float32, NaN where missing."""
        return self.kind != "number"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its numbers."""
        missing = (f"{self.name} is missing",) if self.missing else ()
        if self.coded:
            return (self.name,)
        if self.kind == "category":
            words = [f"{self.name}={word}" if word else f"{self.name} is missing" for word in self.words]
            return (*words, *((f"{self.name}=other",) if self.rest else ()))
        if self.kind == "text":
            if self.topics:
                return tuple(f"{self.name} topic {number + 1}" for number in range(self.vectors.shape[1]))
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
        columns: Those that are trained on. Their numbers are in this order, but that codes come last.
    """

    columns: tuple[EncodedColumn, ...]

    @property
    def in_order(self) -> tuple[EncodedColumn, ...]:
        """The columns in the order of their numbers."""
        return tuple(sorted(self.columns, key=lambda column: column.coded))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of all numbers of a row, in their order."""
        return tuple(name for column in self.in_order for name in column.features)

    @property
    def codes(self) -> tuple[int, ...]:
        """How many values each code has; the codes are the last numbers of a row."""
        return tuple(len(column.words) + 1 for column in self.columns if column.coded)

    @property
    def indicators(self) -> NDArray[np.bool_]:
        """Which numbers of a row are 0 or 1 by what they are [width]."""
        measured = (" days", " sin", " cos")
        return np.array(
            [
                not (feature == column.name and (column.kind == "number" or column.coded))
                and not (column.kind == "date" and feature.endswith(measured))
                and not column.topics
                for column in self.in_order
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
        encoded: NDArray[np.float32] = encode(self, columns, InNumpy())
        return encoded

    def decode(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Rows that are encoded as these, or nearly so: of rare words, texts and times only a part can be told.

        Args:
            x: [rows, width].

        Returns:
            Columns by name [rows]: float32, or text as objects.
        """
        found, start = {}, 0
        for column in self.in_order:
            width = len(column.features)
            found[column.name] = decode_column(column, x[:, start : start + width])
            start += width
        return {column.name: found[column.name] for column in self.columns}

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
            columns = tuple(EncodedColumn(**each) for each in fields)
            for column in columns:
                _ = column.topics and column.vectors  # Raises where they are none.
            return cls(columns)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"not a description of a table: {error}") from None
