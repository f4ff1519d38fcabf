"""Targets with several labels a row: columns of yes and no, or the labels in one field with a sign between them."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.kinds import YES_AND_NO

SURE_SIGNS = ("|", ";")
"""Signs that names hold seldom: they are taken to part labels without being asked."""

SIGNS = (*SURE_SIGNS, ",", "/", "+", " ")

LEAST_JOINED = 0.1
"""A share of the rows; where fewer hold the sign it is part of a name."""

_YES = frozenset(("true", "yes", "y", "t", "on", "1"))


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """Several labels a row.

    Attributes:
        names: Of the labels.
        given: Which of them each row has, 0 or 1, float32 [rows, labels].
        sign: What stands between them in a field, or "" where each has a column.
    """

    names: tuple[str, ...]
    given: NDArray[np.float32]
    sign: str = ""


def in_fields(values: NDArray[Any], kind: str | None = None) -> Labels | None:
    """Labels in one field, such as "Action|Comedy"; None where there are none, or something else is asked for.

    Args:
        values: The target, [rows].
        kind: The kind of task, None to go by the data: then only `SURE_SIGNS` part labels, and only where these are
            fewer than half of the fields that they make.
    """
    asked = kind == "multi-label"
    if values.dtype.kind not in "OU" or (kind and not asked):
        return None
    counts = collections.Counter(map(str, values))
    for sign in SIGNS if asked else SURE_SIGNS:
        joined = sum(count for word, count in counts.items() if sign in word.strip(sign))
        parts = {word: [part.strip() for part in word.split(sign) if part.strip()] for word in counts}
        names = sorted({part for found in parts.values() for part in found})
        few = len(names) <= len(counts) / 2
        if joined >= (1 if asked else LEAST_JOINED * len(values)) and len(names) > 1 and (asked or few):
            place = {name: index for index, name in enumerate(names)}
            given = np.zeros((len(values), len(names)), np.float32)
            for row, word in enumerate(values):
                given[row, [place[part] for part in parts[str(word)]]] = 1
            return Labels(tuple(names), given, sign)
    return None


def in_columns(values: NDArray[Any], names: Sequence[str]) -> Labels | None:
    """Columns of 0 and 1, or of yes and no; None where one holds something else.

    Args:
        values: Numbers or text [rows, labels].
        names: Of the columns; numbers from 0 where there are none.
    """
    names = tuple(names) or tuple(map(str, range(values.shape[1])))
    if values.dtype.kind in "biuf":
        return Labels(names, values.astype(np.float32)) if np.isin(values, (0, 1)).all() else None
    given = np.zeros(values.shape, np.float32)
    for index, column in enumerate(values.T):
        words = {str(word).casefold() for word in column}
        if not any(words <= {*pair, "0", "1"} for pair in YES_AND_NO):
            return None
        given[:, index] = [str(word).casefold() in _YES for word in column]
    return Labels(names, given)
