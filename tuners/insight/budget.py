"""What more trials would bring, and where the search could have stopped."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.insight.response import Response
from tuners.strategy import ranking
from tuners.strategy.luck import is_rate
from tuners.strategy.scores import gain_of

AHEAD = (10, 30, 100)
CANDIDATES = 384
DRAWS = 256


@dataclasses.dataclass(frozen=True)
class Outlook:
    """What a number of further trials is expected to bring.

    Attributes:
        trials: How many.
        gain: Expected gain of the best over the best so far, in units of the score, luck taken out; at least 0.
        low: Lower end of an interval of 80 %.
        high: Its upper end.
    """

    trials: int
    gain: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Budget:
    """What more trials would bring.

    Attributes:
        outlooks: For 10, 30 and 100 more trials.
        enough: Number of the trial after which the best has grown by no more than luck does to a score.
        noise: What luck does to a score: its standard deviation.
    """

    outlooks: tuple[Outlook, ...]
    enough: int
    noise: float


def budget_of(response: Response) -> Budget:
    """What more trials would bring, by draws from the model of the response.

    Further trials are taken to go where the model promises most: to the best of many points, near the leaders and
    over the whole space, in the order of their expected improvement. What the search learns on the way is left out,
    and what the model cannot see is, too: it is a guide, not a promise.

    Args:
        response: The model of the study.
    """
    rng = np.random.default_rng(0)
    leader = response.point(response.study.best[0].values)
    features = response.features_at(np.vstack([leader, _candidates(response, rng)]))
    mean, deviation = response.model.predict(features[1:])
    promise = ranking.log_expected_improvement(mean, deviation, float(response.model.predict(features[:1])[0][0]))
    order = np.argsort(-promise, kind="stable")[: max(AHEAD)]
    features = features[np.concatenate([[0], 1 + order])]
    draws = response.scale * _posterior(response, features, rng)
    gains = np.maximum.accumulate(np.clip(draws[:, 1:] - draws[:, :1], 0.0, _most(response)), axis=1)
    outlooks = [Outlook(count, *_summary(gains[:, min(count, gains.shape[1]) - 1])) for count in AHEAD]
    return Budget(tuple(outlooks), _enough(response), response.deviation_of_noise)


def _most(response: Response) -> float:
    """What there is left to gain: an accuracy ends at 1, an error at 0."""
    study = response.study
    score = float(study.best[0].score or 0.0)
    if study.direction == "max":
        return max(1.0 - score, 0.0) if is_rate(study.objective) else math.inf
    return score if score >= 0 and all((trial.score or 0.0) >= 0 for trial in study.completed) else math.inf


def _summary(gains: NDArray[np.float64]) -> tuple[float, float, float]:
    low, high = np.quantile(gains, [0.1, 0.9])
    return float(gains.mean()), float(low), float(high)


def _candidates(response: Response, rng: np.random.Generator) -> NDArray[np.float64]:
    """Half near the leaders, half anywhere."""
    size = response.cube.size
    finite = np.flatnonzero(np.isfinite(response.gains))
    leaders = finite[np.argsort(-response.gains[finite], kind="stable")[:5]]
    near = response.points[rng.choice(leaders, CANDIDATES // 2)]
    moves = rng.random(near.shape) < max(0.3, 1.0 / size)
    near = np.clip(near + np.where(moves, rng.normal(0, 0.2, near.shape), 0.0), 0.0, 1.0)
    return np.vstack([near, rng.random((CANDIDATES - len(near), size))])


def _posterior(response: Response, features: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws [draws, points] of the noiseless response."""
    mean, covariance = response.model.joint(features)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    draws: NDArray[np.float64] = mean + rng.standard_normal((DRAWS, len(mean))) @ root.T
    return draws


def _enough(response: Response) -> int:
    """The first trial whose best so far lies within the noise of the final best."""
    study = response.study
    best = list(itertools.accumulate((gain_of(trial.score, study.direction) for trial in study.completed), max))
    reached = next(index for index, gain in enumerate(best) if gain >= best[-1] - response.deviation_of_noise)
    return study.completed[reached].number
