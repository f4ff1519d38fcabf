"""Early ends of trials that fall behind: asynchronous successive halving.

References:
    Li et al., 2020: A System for Massively Parallel Hyperparameter Tuning (ASHA), in the form that stops trials rather
    than promoting them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class SuccessiveHalving:
    """Stops a trial at a rung where it is not among the best share of those that got there.

    The rungs are at epochs first, first * factor, first * factor^2, ... It decides from what there is, without waiting
    for other trials: as long as fewer than `factor` have reached a rung, only the best of them goes on from it.

    Attributes:
        factor: One trial in so many goes on from a rung, >= 2.
        first: Epoch of the first rung, >= 1.

    Raises:
        ValueError: A number is out of range.
    """

    factor: int = 3
    first: int = 1

    def __post_init__(self) -> None:
        if self.factor < 2 or self.first < 1:
            raise ValueError(
                f"factor is {self.factor!r} and first {self.first!r}; expected whole numbers of 2 and 1 or more."
            )

    def is_rung(self, epochs: int) -> bool:
        """Whether there is a decision after so many epochs."""
        rung = self.first
        while rung < epochs:
            rung *= self.factor
        return rung == epochs

    def stops(self, history: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
        """Whether a trial should end here.

        Args:
            history: Its objective, epoch by epoch; more is better.
            others: The same of all other trials that are known, whether they have ended or not.
        """
        epochs = len(history)
        if not self.is_rung(epochs):
            return False
        own = _best(history)
        reached = [_best(each[:epochs]) for each in others if len(each) >= epochs]
        better = sum(value > own for value in reached)
        return better >= max(1, (len(reached) + 1) // self.factor)


def _best(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=-math.inf)
