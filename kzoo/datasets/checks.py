"""Checks of numbers that several readers share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.statistics import CHUNK_VALUES

FLOAT32_MAX = float(np.finfo(np.float32).max)


def first_unusable(values: NDArray[Any]) -> tuple[int, ...] | None:
    """Finds NaN, infinity, or a number that float32 cannot hold.

    Args:
        values: Numbers of any dtype, [rows, ...].

    Returns:
        The index of the first one, or None.
    """
    if values.dtype.kind in "biu":
        return None
    step = max(1, CHUNK_VALUES // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), step):
        # Written so that NaN, for which every comparison is false, counts as bad.
        bad = ~(np.abs(values[start : start + step]) <= FLOAT32_MAX)
        if bad.any():
            row, *rest = (int(i) for i in np.argwhere(bad)[0])
            return (start + row, *rest)
    return None


def number_problem(value: float) -> str:
    """What is wrong with a number that `first_unusable` found, as the end of a sentence."""
    if np.isnan(value):
        return "is NaN; fill in or leave out what is missing"
    if np.isinf(value):
        return f"is {value}; a finite number is needed"
    return f"is {value}, more than float32 can hold; rescale it"


def plural(count: int, noun: str) -> str:
    """The count and its noun: "1 row", "3 rows", "2 classes"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"
