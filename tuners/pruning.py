"""Ending trials early that fall behind: asynchronous successive halving.

References:
    Li et al., 2020: A System for Massively Parallel Hyperparameter Tuning (ASHA), in the form that stops trials rather
    than promoting them.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tuners.strategy.scores import BestSoFar, gain_of


@dataclasses.dataclass(frozen=True)
class SuccessiveHalving:
    """Stops a trial at a rung where it is not among the best share of those that got there.

    The rungs are at epochs first, first * factor, first * factor^2, ... It decides from what there is, without waiting
    for other trials: as long as fewer than `factor` have reached a rung, only the best of them goes on from it.

    Attributes:
        factor: One in this many trials goes on from a rung, >= 2.
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

    def stops(self, value: float, reached: Sequence[float]) -> bool:
        """Whether a trial should end at a rung.

        Args:
            value: Its best epoch so far; more is better.
            reached: The same of all other trials that got to the rung, when they were there, in ascending order.
        """
        better = len(reached) - bisect.bisect_right(reached, value)
        return better >= max(1, (len(reached) + 1) // self.factor)


class Race:
    """What the trials of a search have reached at the rungs, kept in order, so that a decision looks at no history.

    Args:
        rule: What ends trials.
        objective: A `keras_tuner.Objective`.
    """

    def __init__(self, rule: SuccessiveHalving, objective: Any) -> None:
        self.rule, self.objective = rule, objective
        self._best: dict[str, BestSoFar] = {}
        self._marks: dict[str, dict[int, float]] = {}
        self._reached: dict[int, list[float]] = collections.defaultdict(list)

    def falls_behind(self, trial_id: str, epoch: int, epochs: int, logs: Mapping[str, float]) -> bool:
        """An epoch of a trial has ended; whether the trial should end with it.

        Args:
            trial_id: Its id.
            epoch: Epochs so far. At 1 a trial that was run before starts again.
            epochs: Epochs in all; the last one ends the trial anyway.
            logs: Metrics of the epoch.
        """
        if epoch == 1:
            self.forget(trial_id)
        if not self.objective.has_value(logs):
            return False
        gain = gain_of(self.objective.get_value(logs), self.objective.direction)
        best = self._best.setdefault(trial_id, BestSoFar())
        best.add(gain if math.isfinite(gain) else -math.inf)
        if not self.rule.is_rung(epoch):
            return False
        self._unmark(trial_id, epoch)
        behind = self.rule.stops(best.gain, self._reached[epoch])
        self._marks.setdefault(trial_id, {})[epoch] = best.gain
        bisect.insort(self._reached[epoch], best.gain)
        return behind and epoch < epochs

    def take(self, trial_id: str, values: Iterable[float]) -> None:
        """A trial that has ended already, by the values of its objective, epoch by epoch."""
        for epoch, value in enumerate(values, start=1):
            self.falls_behind(trial_id, epoch, epoch, {self.objective.name: value})

    def forget(self, trial_id: str) -> None:
        """Take a trial out of the race: it raised, or is run again."""
        for rung in list(self._marks.get(trial_id, ())):
            self._unmark(trial_id, rung)
        self._best.pop(trial_id, None)

    def _unmark(self, trial_id: str, rung: int) -> None:
        mark = self._marks.get(trial_id, {}).pop(rung, None)
        if mark is not None:
            del self._reached[rung][bisect.bisect_left(self._reached[rung], mark)]
