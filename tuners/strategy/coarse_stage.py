"""The coarse stage: points spread over the whole space, the more important hyperparameters moved first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc


class Priorities:
    """The order in which the dimensions of a cube are opened to the search.

    The first half of the coarse stage moves the first priority only, most often the learning rate; the second half
    moves the first and the second. What is not open yet stays where the best trial so far has it, or at the defaults.
    The zoom moves everything.

    Args:
        names: Hyperparameters, in the order of the dimensions.
        free: Which of them have more than one value, [dimensions].
        given: Priorities by name, 1 first; what is not named comes last. Empty to have all open from the beginning.
    """

    def __init__(self, names: Sequence[str], free: NDArray[np.bool_], given: Mapping[str, int]) -> None:
        last = 1 + max(given.values(), default=0)
        ranks = np.array([given.get(name, last) for name in names], dtype=int)
        self._ranks, self._levels = ranks, np.unique(ranks[free])

    def held(self, number: int, coarse: int) -> NDArray[np.bool_]:
        """Which dimensions a trial is not to move.

        Args:
            number: Number of the trial, from 0.
            coarse: Trials of the coarse stage.

        Returns:
            [dimensions].
        """
        level = 2 * number // max(coarse, 1)
        if number >= coarse or level + 1 >= len(self._levels):
            return np.zeros(len(self._ranks), dtype=bool)
        closed: NDArray[np.bool_] = self._ranks > self._levels[level]
        return closed


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
        points: NDArray[np.float64] = qmc.Sobol(size, scramble=True, seed=rng).random(count)
        return points
