"""Ending trials early that fall behind the others at the same epoch.

References:
    Golovin et al., 2017: Google Vizier: A Service for Black-Box Optimization (the median stopping rule).
    Li et al., 2020: A System for Massively Parallel Hyperparameter Tuning (ASHA), in the form that stops trials rather
    than promoting them.
    Domhan et al., 2015: Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by Extrapolation of
    Learning Curves.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuners.strategy.scores import gain_of, score_of

if TYPE_CHECKING:
    from tuners.strategy.curves import CurveModel

EARLIEST = 3
"""Epochs before which the median rule decides nothing."""

FEWEST = 2
"""Other trials that have to have got as far before it decides."""


@dataclasses.dataclass(frozen=True)
class MedianStopping:
    """Stops a trial that is in the worse half of those that got as far, after some shares of its epochs.

    A third of the epochs is saved. In whole searches the best of as many trials has a tenth more loss than without,
    that of as many epochs a little less: see `tests/benchmarks/pruning.md`.

    Attributes:
        at: Shares of a trial's epochs after which there is a decision, above 0 and below 1.

    Raises:
        ValueError: A share is out of range.
    """

    at: Sequence[float] = (1 / 3, 2 / 3)

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", tuple(self.at))
        if not self.at or not all(0 < share < 1 for share in self.at):
            raise ValueError(f"at is {self.at!r}; expected shares above 0 and below 1.")

    def is_rung(self, epoch: int, epochs: int) -> bool:
        """Whether there is a decision after so many epochs, of so many in all."""
        return EARLIEST <= epoch < epochs and epoch in {round(share * epochs) for share in self.at}

    def stops(self, value: float, reached: Sequence[float]) -> bool:
        """Whether a trial should end.

        Args:
            value: Its best epoch so far; more is better.
            reached: The same of all other trials that got as far, when they were there.
        """
        better = sum(other > value for other in reached)
        return len(reached) >= FEWEST and better >= (len(reached) + 1) // 2


@dataclasses.dataclass(frozen=True)
class SuccessiveHalving:
    """Stops a trial at a rung where it is not among the best share of those that got there.

    The rungs are at epochs first, first * factor, first * factor^2, ... It decides from what there is, without waiting
    for other trials: as long as fewer than `factor` have reached a rung, only the best of them goes on from it. Puts
    two to four times as many trials into the same epochs, each with a chance to be ended too soon.

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

    def is_rung(self, epoch: int, epochs: int) -> bool:
        """Whether there is a decision after so many epochs, of so many in all."""
        rung = self.first
        while rung < epoch:
            rung *= self.factor
        return rung == epoch < epochs

    def stops(self, value: float, reached: Sequence[float]) -> bool:
        """Whether a trial should end; arguments as for `MedianStopping.stops`."""
        better = sum(other > value for other in reached)
        return better >= max(1, (len(reached) + 1) // self.factor)


@dataclasses.dataclass(frozen=True)
class CurveStopping:
    """Stops a trial that will hardly pass the best one, by a model of the curves of all trials.

    The model knows the hyperparameters: what trials like this one have become counts as well. It decides after epochs
    2, 3, 4, 6, 9, 14, ... as soon as another trial has got to its last epoch. The search goes on with what the trials
    that were stopped have promised, in place of what they had reached. See `tuners.strategy.curves`.

    Attributes:
        chance: Of passing the best, below which a trial is stopped, above 0 and below 1.

    Raises:
        ValueError: The chance is out of range.
    """

    chance: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1:
            raise ValueError(f"chance is {self.chance!r}; expected a number above 0 and below 1.")

    def is_rung(self, epoch: int, epochs: int) -> bool:
        """Whether there is a decision after so many epochs, of so many in all."""
        rung = 2
        while rung < epoch:
            rung = max(rung + 1, round(1.5 * rung))
        return rung == epoch < epochs


Rule = MedianStopping | SuccessiveHalving | CurveStopping

RULES: dict[str, type[Rule]] = {kind.__name__: kind for kind in (MedianStopping, SuccessiveHalving, CurveStopping)}

Features = Callable[[Sequence[str]], Mapping[str, NDArray[np.float64]]]
"""Features of some trials, each [features] in [0, 1], by their ids; without those that are in no space any more."""


def rule_config(rule: Rule) -> dict[str, Any]:
    """A rule as plain data."""
    return {"rule": type(rule).__name__, **dataclasses.asdict(rule)}


def rule_from_config(config: Mapping[str, Any]) -> Rule:
    """What `rule_config` gave.

    Raises:
        ValueError: It is of no rule.
    """
    fields = dict(config)
    kind = RULES.get(fields.pop("rule", ""))
    if kind is None:
        raise ValueError(f"{config!r} is of no rule; expected one of {', '.join(RULES)}.")
    return kind(**fields)


class Race:
    """What the trials of a search have reached, epoch by epoch.

    Args:
        rule: What ends trials.
        objective: A `keras_tuner.Objective`.
        features: Of trials, for `CurveStopping`; where they are not known, all trials are alike.
    """

    def __init__(self, rule: Rule, objective: Any, features: Features | None = None) -> None:
        self.rule, self.objective = rule, objective
        self._features = features or (lambda trial_ids: dict.fromkeys(trial_ids, np.zeros(1)))
        self._best: dict[str, list[float]] = {}
        self._model: CurveModel | None = None
        self._promised: dict[str, float] = {}

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
        # By the best epoch so far: after those that told nothing of the objective, or that are told once more.
        best = self._best.setdefault(trial_id, [])[: epoch - 1]
        before = best[-1] if best else -math.inf
        best += [before] * (epoch - 1 - len(best)) + [max(before, gain) if math.isfinite(gain) else before]
        self._best[trial_id] = best
        if not self.rule.is_rung(epoch, epochs):
            return False
        others = {other: each for other, each in self._best.items() if other != trial_id}
        if isinstance(self.rule, CurveStopping):
            return self._has_no_chance(self.rule, trial_id, others, epochs)
        return self.rule.stops(best[-1], [each[epoch - 1] for each in others.values() if len(each) >= epoch])

    def promised(self, trial_id: str) -> float | None:
        """What a trial that was stopped by its curve would have reached, by the objective; None for all others."""
        return self._promised.get(trial_id)

    def _has_no_chance(
        self, rule: CurveStopping, trial_id: str, others: Mapping[str, list[float]], epochs: int
    ) -> bool:
        if not any(len(each) >= epochs for each in others.values()):
            return False
        features = self._features([*others, trial_id])
        known = [each for each in others if each in features]
        if not known or trial_id not in features:
            return False
        known.append(trial_id)
        curves = [np.array(self._best[each]) for each in known]
        if self._model is None:
            # Here, since scipy takes a worker half a second, which has the rule and never judges by it.
            from tuners.strategy.curves import CurveModel

            self._model = CurveModel()
        outlook = self._model.outlook(np.array([features[each] for each in known]), curves, epochs)
        if outlook.chance >= rule.chance:
            return False
        if math.isfinite(outlook.promise):
            self._promised[trial_id] = score_of(outlook.promise, self.objective.direction)
        return True

    def take(self, trial_id: str, values: Iterable[float]) -> None:
        """A trial that has ended already, by the values of its objective, epoch by epoch."""
        for epoch, value in enumerate(values, start=1):
            self.falls_behind(trial_id, epoch, epoch, {self.objective.name: value})

    def forget(self, trial_id: str) -> None:
        """Take a trial out of the race: it raised, or is run again."""
        self._best.pop(trial_id, None)
        self._promised.pop(trial_id, None)
