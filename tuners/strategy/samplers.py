"""Starting points of a search: spread evenly over the unit cube, or drawn independently."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

STARTING_POINTS = ("quasi", "independent")


def starting_points(kind: str, count: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points of the coarse stage.

    Args:
        kind: "quasi" (a scrambled Sobol sequence: no two points share a slice of any one dimension) or "independent".
        count: Number of points.
        size: Number of dimensions.
        rng: Source of the draws.

    Returns:
        Points in [0, 1), [count, size].

    Raises:
        ValueError: The kind is not known.

    References:
        Owen (1998), "Scrambling Sobol' and Niederreiter-Xing points".
    """
    if kind not in STARTING_POINTS:
        raise ValueError(f"starting_points is {kind!r}; expected one of {', '.join(STARTING_POINTS)}.")
    if kind == "independent" or size == 0:
        return rng.random((count, size))
    with warnings.catch_warnings():
        # A count that is no power of 2 is not perfectly balanced; nothing here needs that it is.
        warnings.filterwarnings("ignore", message="The balance properties of Sobol", category=UserWarning)
        return qmc.Sobol(size, scramble=True, seed=rng).random(count)
