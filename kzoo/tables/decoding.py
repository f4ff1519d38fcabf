"""Encoded rows as columns again, as near as it can be told from the numbers."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.calendar import pattern_of
from kzoo.tables.encoders import MISSING

if TYPE_CHECKING:
    from kzoo.tables.encoding import EncodedColumn


NEAR = 10
"""Words that stand for a text of which only topics are known."""


def decode_column(column: EncodedColumn, x: NDArray[Any]) -> NDArray[Any]:
    """A column again from its numbers; see `TableEncoding.decode`.

    Args:
        column: What was learned of it.
        x: Its numbers [rows, width].

    Returns:
        [rows], float32, or text as objects.
    """
    missing = x[:, -1] > 0.5 if column.missing else np.zeros(len(x), dtype=bool)
    if column.kind == "number":
        return np.where(missing, np.float32(np.nan), x[:, 0]).astype(np.float32)
    if column.kind == "boolean":
        found = np.where(x[:, 0] > 0.5, column.words[1], column.words[0]).astype(object)
    elif column.kind == "category":
        words = np.array([*column.words, _unknown(column.words)], dtype=object)
        found = words[_places(column, x)]
    elif column.kind == "text":
        words = np.array(column.words, dtype=object)
        held = _near_words(column, x) if column.topics else x > 0.5
        found = np.array([" ".join(words[row]) for row in held], dtype=object)
    else:
        found = np.array([_date_text(column, row) for row in x], dtype=object)
    found[missing] = MISSING
    return found


def _near_words(column: EncodedColumn, x: NDArray[Any]) -> NDArray[np.bool_]:
    """The words whose vectors point to where a row does more than most, none where it points nowhere."""
    near = x @ column.vectors.T
    found: NDArray[np.bool_] = near > np.partition(near, -NEAR - 1, axis=1)[:, -NEAR - 1, None]
    return found


def _places(column: EncodedColumn, x: NDArray[Any]) -> NDArray[Any]:
    count = len(column.words)
    if column.coded:
        places: NDArray[Any] = np.clip(np.rint(x[:, 0]), 0, count).astype(int)
        return places
    known = x[:, :count]
    return np.where(known.max(axis=1) > 0.5, known.argmax(axis=1), count)


def _unknown(words: Sequence[str]) -> str:
    """A word that is none of these."""
    word = "other"
    while word in words:
        word += "_"
    return word


def _date_text(column: EncodedColumn, row: NDArray[Any]) -> str:
    date, place = datetime.datetime(1970, 1, 1), dict(zip(column.features, row, strict=True))
    pattern = pattern_of(column.date_format)
    if pattern.has_date:
        date += datetime.timedelta(days=round(float(row[0])))
    if pattern.has_time:
        sine, cosine = place[f"{column.name} day sin"], place[f"{column.name} day cos"]
        date += datetime.timedelta(minutes=round(math.atan2(sine, cosine) / (2 * math.pi) * 24 * 60) % (24 * 60))
    return date.replace(tzinfo=datetime.UTC).strftime(column.date_format)
