"""Configurations that were trained again from other seeds: what they reach without the luck of being chosen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tuners.insight.response import Contrast
from tuners.strategy.configurations import alike
from tuners.strategy.scores import gain_of

if TYPE_CHECKING:
    from tuners.study import Study

FEWEST = 3
"""Degrees of freedom below which the noise is not known well enough."""


@dataclasses.dataclass(frozen=True)
class Again:
    """Trainings of configurations, each several times.

    Attributes:
        configurations: Values of the hyperparameters, and the gain of each training; more is better.
        deviation: Standard deviation of a gain by the seed, pooled over the configurations.
        freedom: Its degrees of freedom.
    """

    configurations: tuple[tuple[Mapping[str, Any], tuple[float, ...]], ...]
    deviation: float
    freedom: int

    def gains(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """What a configuration reached each time; nothing where it was not trained again."""
        return next((gains for known, gains in self.configurations if same(known, values)), ())

    def contrast(self, here: Mapping[str, Any], there: Mapping[str, Any], rows: float = 0.0) -> Contrast | None:
        """The difference of two configurations; None where one was not trained again.

        Args:
            here: Values of the one that counts as more.
            there: Values of the other.
            rows: Standard deviation of a score by the rows of validation, which are the same every time.
        """
        first, second = self.gains(here), self.gains(there)
        if not first or not second or self.freedom < FEWEST:
            return None
        # Of Student's distribution, since the deviation is an estimate itself.
        spread = self.freedom / (self.freedom - 2) * self.deviation**2
        variance = spread * (1 / len(first) + 1 / len(second)) + 2 * rows**2
        return Contrast(((1.0, float(np.mean(first) - np.mean(second)), math.sqrt(variance)),))


def again_of(studies: Iterable[Study]) -> Again | None:
    """What was trained again; None where nothing was.

    Args:
        studies: Of trials with several executions each; of a configuration that several have the most trained counts.
    """
    found: list[tuple[Mapping[str, Any], tuple[float, ...]]] = []
    for study in studies:
        for trial in study.completed:
            gains = tuple(gain_of(each, study.direction) for each in trial.executions)
            if len(gains) < 2 or not np.isfinite(gains).all():
                continue
            others = [each for each in found if same(each[0], trial.values)]
            if all(len(each[1]) < len(gains) for each in others):
                found = [*(each for each in found if each not in others), (trial.values, gains)]
    freedom = sum(len(gains) - 1 for _, gains in found)
    if not freedom:
        return None
    squares = sum(float(np.var(gains, ddof=1)) * (len(gains) - 1) for _, gains in found)
    return Again(tuple(found), math.sqrt(squares / freedom), freedom)


def same(values: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether two configurations are one; numbers may differ in their last digits."""
    return values.keys() == others.keys() and all(alike(values[name], others[name]) for name in values)
