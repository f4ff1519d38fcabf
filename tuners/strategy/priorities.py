"""Which hyperparameters the coarse stage moves: the more important ones first, the others when those have been seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


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
        return self._ranks > self._levels[level]
