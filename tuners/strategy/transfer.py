"""What searches on other data teach a new one: where the good configurations lie, as far as its own results agree.

Each earlier search is a model of its own scores. A weighted sum of what these models predict is the mean that the new
search's Gaussian process starts from; the weights are fitted to its results, and where these are better explained
without the earlier searches, those are left out. Scores are standardised, so that metric and scale may differ.

References:
    Feurer, Letham, Hutter and Bakshy (2018), "Practical Transfer Learning for Bayesian Optimization" (a sum of models,
    one per search, weighted by how well they order the new results).
    Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 2.7 (explicit basis functions).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from tuners.space.dimensions import Cube
from tuners.strategy import ranking
from tuners.strategy.warm_start import Known

LEAST = 2
"""Trials with a score that a search must have to teach anything."""

LEADERS = 3
"""Best configurations of each search that are candidates for every trial."""

BELIEF = 0.7
"""Sum of the weights before there are results. Below 1: scores of other data regress to the mean."""

SPREAD = 1.0
"""Standard deviation of the sum of the weights before there are results."""

CONSTANT_SPREAD = 10.0
"""The same of the constant: scores are centred on the trials of their search, which may be better or worse ones."""

UNEXPLAINED = 0.1
"""Variance of standardised scores about the weighted sum, for the fit of the weights."""

TESTED_FROM = 3
"""Results from which on it is asked whether they are better explained without the earlier searches."""

LONGEST = math.log(20.0)
"""Length scale of what an earlier search did not vary: its results say nothing of it."""


@dataclasses.dataclass(frozen=True)
class Source:
    """An earlier search, on whatever data.

    Attributes:
        name: What people know it by.
        trials: Its trials.
    """

    name: str
    trials: tuple[Known, ...]


def usable(source: Source, cube: Cube) -> list[Known]:
    """The trials of an earlier search that say something of a space.

    A number outside its range counts as the nearest end; a trial with a choice that the space does not have is left
    out.

    Args:
        source: The search.
        cube: The space of the new one.

    Returns:
        The trials, each with those of its values that the space has; none where they are too few, or where all have the
        same of these values.
    """
    by_name = {each.name: each for each in cube.dimensions}
    found = []
    for trial in source.trials:
        values = {name: value for name, value in trial.values.items() if name in by_name}
        if all(by_name[name].has_place_for(value) for name, value in values.items()):
            found.append(Known(values, trial.score))
    scored = [each for each in found if each.score is not None]
    return found if len(scored) >= LEAST and any(each.values != scored[0].values for each in scored) else []


class SourceModels:
    """Models of the scores of earlier searches.

    Args:
        sources: The searches; those that say nothing of the space are left out.
        cube: The space of the new search.
        features_of: What the models see of points: from points [points, dimensions] to [points, features].

    Attributes:
        used: Names of the searches that a model was made of.
        leaders: The best configurations of each, [points, dimensions].
    """

    def __init__(
        self, sources: Sequence[Source], cube: Cube, features_of: Callable[[NDArray[Any]], NDArray[np.float64]]
    ) -> None:
        self.used: list[str] = []
        self._models: list[ranking.Model] = []
        leaders = [np.empty((0, cube.size))]
        for source in sources:
            trials = usable(source, cube)
            if not trials:
                continue
            points = np.array([cube.to_point(each.values) for each in trials])
            scores = np.array([-math.inf if each.score is None else each.score for each in trials])
            chosen = ranking.informative(points, scores)
            points, scores = points[chosen], scores[chosen]
            self.used.append(source.name)
            self._models.append(_model(features_of(points), ranking.standardised(scores)))
            leaders.append(points[np.argsort(-scores, kind="stable")[:LEADERS]])
        self.leaders: NDArray[np.float64] = np.concatenate(leaders)

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised scores that each search would expect, [points, searches], at features [points, features]."""
        return np.column_stack([np.empty((len(features), 0)), *(each.mean(features) for each in self._models)])

    def portfolio(self, features: NDArray[np.float64], count: int) -> list[int]:
        """Points that together suit the earlier searches: the first is the best in the mean, the next add most to it.

        Args:
            features: Of the points to choose from, [points, features].
            count: How many, at most.

        Returns:
            Indices of the points, the first first.
        """
        expected = self.predict(features)
        best, chosen = np.full(expected.shape[1], -math.inf), list[int]()
        while len(chosen) < min(count, len(features)):
            worth = np.maximum(expected, best).mean(axis=1)
            worth[chosen] = -math.inf
            chosen.append(int(np.argmax(worth)))
            best = np.maximum(best, expected[chosen[-1]])
        return chosen


def _model(features: NDArray[np.float64], targets: NDArray[np.float64]) -> ranking.Model:
    kernel = ranking.fit_kernel(ranking.Kernel.initial(features.shape[1]), features, targets)
    varied = np.ptp(features, axis=0) > 0
    kernel = dataclasses.replace(kernel, log_lengths=np.where(varied, kernel.log_lengths, LONGEST))
    return ranking.condition(kernel, features, targets)


@dataclasses.dataclass(frozen=True)
class WeightedSum:
    """What is expected of points by the predictions of the earlier searches: their weights, and a constant."""

    weights: NDArray[np.float64]
    constant: float

    def at(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected standardised scores [points], by predictions [points, searches]."""
        expected: NDArray[np.float64] = predictions @ self.weights + self.constant
        return expected


def _prior(searches: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and variances of the weights and of the constant."""
    mean = np.concatenate([np.full(searches, BELIEF / searches), [0.0]])
    return mean, np.concatenate([np.full(searches, SPREAD**2 / searches), [CONSTANT_SPREAD**2]])


def weighted(predictions: NDArray[np.float64], targets: NDArray[np.float64]) -> WeightedSum:
    """The sum that fits the results so far, by ridge regression towards equal weights.

    Args:
        predictions: Of the earlier searches at the new search's trials, [trials, searches], at least one search.
        targets: The new search's standardised scores, [trials].
    """
    mean, variance = _prior(predictions.shape[1])
    basis = np.column_stack([predictions, np.ones(len(predictions))])
    precision = basis.T @ basis / UNEXPLAINED + np.diag(1 / variance)
    change = linalg.solve(precision, basis.T @ (targets - basis @ mean) / UNEXPLAINED, assume_a="pos")
    return WeightedSum(mean[:-1] + change[:-1], float(mean[-1] + change[-1]))


def kernel_for(
    features: NDArray[np.float64], predictions: NDArray[np.float64], targets: NDArray[np.float64]
) -> tuple[ranking.Kernel, bool]:
    """The kernel for the results so far, and whether the earlier searches help to explain them.

    Whether they do is decided by the evidence of the results with them and without.

    Args:
        features: Of the new search's trials, [trials, features].
        predictions: Of the earlier searches at them, [trials, searches]; there may be no search.
        targets: Their standardised scores, [trials].

    Returns:
        A kernel for what they leave unexplained where they help, else for the scores; and whether they do.
    """
    start = ranking.Kernel.initial(features.shape[1])
    if not predictions.shape[1]:
        return ranking.fit_kernel(start, features, targets), False
    left = targets - weighted(predictions, targets).at(predictions)
    taught = ranking.fit_kernel(start, features, left)
    if len(targets) < TESTED_FROM:
        return taught, True
    mean, variance = _prior(predictions.shape[1])
    basis = np.column_stack([predictions, np.ones(len(predictions))])
    # The scores are centred whether or not there are earlier searches: the constant is none of the difference.
    variance[-1] = 1.0
    with_them = ranking.log_evidence(taught, features, targets - basis @ mean, (basis * variance) @ basis.T)
    plain = ranking.fit_kernel(start, features, targets)
    helped = with_them >= ranking.log_evidence(plain, features, targets)
    return (taught, True) if helped else (plain, False)


class TaughtModel:
    """The model of a search: what earlier searches expect, and a Gaussian process of what they leave unexplained.

    Args:
        kernel: Of the process, as `kernel_for` gives it.
        features: Of the trials, [trials, features].
        targets: Their standardised scores, [trials].
        sources: Models of the earlier searches; None where they do not help.

    Attributes:
        taught: The sum that they are taken by, or None.
    """

    def __init__(
        self,
        kernel: ranking.Kernel,
        features: NDArray[np.float64],
        targets: NDArray[np.float64],
        sources: SourceModels | None = None,
    ) -> None:
        self._sources = sources
        self.taught = None if sources is None else weighted(sources.predict(features), targets)
        self._rest = ranking.condition(kernel, features, targets - self._expected(features))

    def mean(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of the response [points] at features [points, features]."""
        return self._rest.mean(features) + self._expected(features)

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and standard deviation of the noiseless response, each [points]."""
        mean, deviation = self._rest.predict(features)
        return mean + self._expected(features), deviation

    def _expected(self, features: NDArray[np.float64]) -> NDArray[np.float64] | float:
        return 0.0 if self._sources is None or self.taught is None else self.taught.at(self._sources.predict(features))
