"""Rows drawn at random, stratified by class or not: the same ones as by scikit-learn's `train_test_split`.

Its import takes twice as long as all else that is done before a search says what it understood. numpy guarantees that
the stream of a `RandomState` never changes, so neither do the rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cut_at_random(rows: int, count: int, classes: NDArray[Any] | None, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two disjoint parts of some rows, each in random order.

    Args:
        rows: Number of rows there are.
        count: Rows of the second part, 1 to rows - 1.
        classes: Class id of each row, each of two rows or more, to keep the parts alike in their classes; or None.
        seed: Of the draw, 0 to 2**32 - 1.

    Returns:
        The row numbers of both parts; they make up all rows.
    """
    rng = np.random.RandomState(seed)
    if classes is None:
        drawn = rng.permutation(rows)
        return drawn[count:], drawn[:count]
    sizes = np.bincount(classes)
    places = np.split(np.argsort(classes, kind="stable"), np.cumsum(sizes)[:-1])
    places, sizes = [each for each in places if len(each)], sizes[sizes > 0]
    kept = _shares(sizes, rows - count, rng)
    # All that remain; drawn for the ties that are broken on the way.
    _shares(sizes - kept, count, rng)
    mixed = [place[rng.permutation(len(place))] for place in places]
    first = np.concatenate([each[:size] for each, size in zip(mixed, kept, strict=True)])
    second = np.concatenate([each[size:] for each, size in zip(mixed, kept, strict=True)])
    return rng.permutation(first), rng.permutation(second)


def _shares(sizes: NDArray[Any], count: int, rng: np.random.RandomState) -> NDArray[Any]:
    """How many of each class make so many in all: its share rounded down, and one more for the largest remainders."""
    exact = sizes / sizes.sum() * count
    shares: NDArray[Any] = np.floor(exact)
    remainders = exact - shares
    missing = int(count - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        alike = np.flatnonzero(remainders == remainder)
        chosen = rng.choice(alike, size=min(len(alike), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(np.int64)
