"""Mean and variance of inputs and targets, in one pass over chunks of rows that is easy on memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_VALUES = 1 << 19
"""Values converted to float64 at a time: 4 MB."""


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of each entry of the last axis; `constant` marks those that never change (variance 0)."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    constant: NDArray[np.bool_]


def moments(values: NDArray[Any]) -> Moments:
    """Population mean and variance over all axes but the last.

    Chunks are merged by their means, so that data far from zero lose no digits.

    Args:
        values: At least one row, [rows, ..., entries], of any numeric dtype.

    Returns:
        One value per entry, [entries].

    References:
        Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance", eq. 2.1.
    """
    flat = values.reshape(-1, values.shape[-1])
    step = max(1, CHUNK_VALUES // flat.shape[1])
    count, mean, squares = 0, np.zeros(flat.shape[1]), np.zeros(flat.shape[1])
    constant = np.ones(flat.shape[1], dtype=bool)
    for start in range(0, len(flat), step):
        part = flat[start : start + step]
        constant &= (part == flat[0]).all(axis=0)
        chunk = part.astype(np.float64)
        chunk_mean = chunk.mean(axis=0)
        apart, total = chunk_mean - mean, count + len(chunk)
        squares += ((chunk - chunk_mean) ** 2).sum(axis=0) + apart**2 * count * len(chunk) / total
        mean += apart * len(chunk) / total
        count = total
    mean[constant] = flat[0][constant]
    return Moments(mean, np.where(constant, 0.0, squares / count), constant)
