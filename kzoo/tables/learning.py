"""What is learned of the columns of a table from its training rows."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kzoo.tables.calendar import calendar, pattern_of
from kzoo.tables.columns import MISSING_NUMBERS, Column
from kzoo.tables.encoders import MISSING, InNumpy, texts, tokens
from kzoo.tables.encoding import EncodedColumn, TableEncoding
from kzoo.tables.topics import learn_topics

MOST_ONE_HOT = 10
"""Words of a category with a number of their own, at most; where more are frequent, their code is the number."""

MOST_WORDS = 256
"""Words of a category that are told apart, at most."""

MOST_OWN = 128
"""Tokens of a text with a number of their own, at most; where more are frequent, the numbers are its topics."""

MOST_TOKENS = 4_000
"""Tokens of a text that are told apart, at most."""

FEWEST = 5
"""Training rows that a word or token that is told apart is in, at least."""


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
        own = tuple(word for word in column.missing_words if word not in MISSING_NUMBERS)
        return EncodedColumn(name, kind, fill=fill, missing=len(known) < len(numbers), missing_words=own)
    return dataclasses.replace(
        _learned_text(column, texts(values, column.missing_words)), missing_words=column.missing_words
    )


def _learned_text(column: Column, held: list[str]) -> EncodedColumn:
    name, kind = column.name, column.kind
    if kind == "text":
        counts = collections.Counter(token for text in held for token in set(tokens(text)) if token)
        words = _frequent(counts, MOST_TOKENS)
        topics = learn_topics(held, words) if len(words) > MOST_OWN else ""
        return EncodedColumn(name, kind, words=words, topics=topics)
    if kind == "date":
        return _learned_date(column, held)
    counts = collections.Counter(held)
    if kind == "boolean":
        two = sorted(word for word in counts if word != MISSING)
        if len(two) == 2:
            share = counts[two[1]] / (counts[two[0]] + counts[two[1]])
            return EncodedColumn(name, kind, words=tuple(two), fill=share, missing=MISSING in counts)
    words_kept = _frequent(counts, MOST_WORDS)
    coded, rest = len(words_kept) > MOST_ONE_HOT, len(words_kept) < len(counts)
    return EncodedColumn(name, "category", words=words_kept, rest=rest, coded=coded)


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
