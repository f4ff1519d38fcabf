"""How much each hyperparameter matters: total Sobol indices of the model of the response, as functional ANOVA gives.

References:
    Hutter, Hoos and Leyton-Brown (2014), "An Efficient Approach for Assessing Hyperparameter Importance" (fANOVA).
    Jansen (1999), "Analysis of variance designs for model output" (the estimator).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.insight.response import Group, Response, changed, groups_of
from tuners.space.shown import shown_name
from tuners.strategy import ranking

SAMPLES = 1024
RESAMPLES = 12


@dataclasses.dataclass(frozen=True)
class Importance:
    """The importance of a hyperparameter.

    Attributes:
        name: What people call it; one name for what every optimizer has of its own.
        share: Of the variance of the response over the whole space, how much goes away where it is held: 0 to 1. Shares
            may sum to more than 1, since an interaction counts for both.
        low: Lower end of an interval of 80 % over resamples of the trials.
        high: Its upper end.
    """

    name: str
    share: float
    low: float
    high: float


def importances(response: Response, *, samples: int = SAMPLES, resamples: int = RESAMPLES) -> tuple[Importance, ...]:
    """The importance of each hyperparameter that is tuned, the highest first.

    Args:
        response: The model of the study.
        samples: Points over the space that the variance is taken over.
        resamples: Bootstrap resamples of the trials, each with a model of its own, for the intervals.
    """
    groups = groups_of(response.cube)
    draws = _designs(response, groups, samples)
    shares = _total_indices(response.model, draws)
    rng = np.random.default_rng(0)
    resampled = np.array([_total_indices(response.resampled(rng), draws) for _ in range(resamples)])
    low, high = np.quantile(resampled, [0.1, 0.9], axis=0)
    made = [
        Importance(shown_name(group.name), float(share), float(min(one, share)), float(max(other, share)))
        for group, share, one, other in zip(groups, shares, low, high, strict=True)
    ]
    return tuple(sorted(made, key=lambda each: -each.share))


def _designs(response: Response, groups: list[Group], samples: int) -> list[NDArray[Any]]:
    """Features of points over the whole space, then of the same with one hyperparameter drawn anew, one for each."""
    size = response.cube.size
    base, other = np.random.default_rng(0).random((2, samples, size))
    designs = [base, *(changed(base, group.indices, other) for group in groups)]
    return [response.features_at(each) for each in designs]


def _total_indices(model: ranking.Model, designs: list[NDArray[Any]]) -> NDArray[np.float64]:
    base, *others = (model.predict(each)[0] for each in designs)
    variance = max(float(np.var(base)), 1e-12)
    return np.array([0.5 * np.mean((base - each) ** 2) / variance for each in others])
