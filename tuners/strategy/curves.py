"""A model of learning curves: what a trial that has begun will have reached in the end.

A Gaussian process over hyperparameters and epochs. The covariance of what trials i, j have reached by epochs s, t is

    k(i, j) (1 + e(s, t)) / 2 + [i = j] own (0.1 + 0.15 e(s, t)) + e(s, t) / 2

with Matern 5/2 for k, over the features of the hyperparameters, and for e, over the logarithm of the epochs: trials
that are alike end alike and rise alike, all trials rise, and each goes its own way a little. How far its own way, and
how far what is seen early tells of what comes late, differs most from data to data: the likelihood chooses these two.

References:
    Swersky et al. (2014), "Freeze-Thaw Bayesian Optimization".
    Domhan et al. (2015), "Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by Extrapolation of
    Learning Curves" (ending what has little chance to pass the best).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special
from scipy.spatial import distance

from tuners.strategy import ranking
from tuners.strategy.suggest import last_refit
from tuners.threads import one_thread

OWN = (0.25, 1.0, 4.0)
"""How much a trial goes its own way."""

ALONG = (0.25, 0.5, 1.0)
"""Length scales along the epochs, whose logarithm runs from 0 to 1."""

NOISE = 0.003
MOST = 300
"""Points of curves that the model is given: a decision then costs the same at trial 10,000."""

POINTS = 4
"""Steps of the epochs, by equal factors, at which a curve is looked at, beside its last one."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is fitted: length scales of the features, [features], and the two above."""

    lengths: NDArray[np.float64]
    own: float = 1.0
    along: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outlook:
    """What may become of a trial.

    Attributes:
        chance: That it passes the best of the others.
        promise: What it is expected to have reached in the end, more is better; at least what it has reached, at most
            the best that was seen.
    """

    chance: float
    promise: float


class CurveModel:
    """Looks ahead; what it says depends on its arguments alone, what it keeps saves time only."""

    def __init__(self) -> None:
        self._fitted: tuple[bytes, Settings] | None = None

    def outlook(self, features: NDArray[np.float64], curves: Sequence[NDArray[np.float64]], epochs: int) -> Outlook:
        """What may become of the last of some trials.

        Args:
            features: [trials, features], in [0, 1].
            curves: For each trial its best so far after each of its epochs, [its epochs], more is better; -inf where
                there is none yet.
            epochs: Epochs that the last trial is to have.

        Returns:
            Its outlook.
        """
        others = curves[:-1]
        best, reached = max(float(curve[-1]) for curve in others), float(curves[-1][-1])
        if not math.isfinite(reached) or not math.isfinite(best):
            return Outlook(1.0 if math.isfinite(reached) else 0.0, reached)
        last = max(epochs, *(len(curve) for curve in curves))
        with one_thread():
            settings = self._settings(features[:-1], others, last)
            trials, at, scores = observed(curves, last)
            targets = ranking.standardised(scores)
            chosen = ranking.informative(targets[:, None], targets, MOST)
            mean, deviation = _end(settings, features, trials[chosen], at[chosen], targets[chosen], epochs, last)
        order = np.argsort(scores, kind="stable")
        finite = order[np.isfinite(scores[order])]
        best_target = float(np.interp(best, scores[finite], targets[finite]))
        chance = float(special.ndtr((mean - best_target) / deviation))
        promise = float(np.interp(mean, targets[finite], scores[finite]))
        return Outlook(chance, max(promise, reached))

    def _settings(self, features: NDArray[np.float64], curves: Sequence[NDArray[np.float64]], last: int) -> Settings:
        # Fitted at certain numbers of trials only, so that a search that goes on judges as the unbroken one.
        length = last_refit(len(curves))
        if length > len(curves):
            return Settings(np.exp(ranking.Kernel.initial(features.shape[1]).log_lengths))
        features, curves = features[:length], curves[:length]
        key = b"".join([features.tobytes(), *(curve.tobytes() for curve in curves)])
        if self._fitted is None or self._fitted[0] != key:
            self._fitted = key, fitted(features, curves, last)
        return self._fitted[1]


def observed(
    curves: Sequence[NDArray[np.float64]], last: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Points of curves that the model is given: their trials, their epochs from 1, and what was reached there."""
    grid = np.unique(np.round(last ** (np.arange(POINTS + 1) / POINTS)).astype(int))
    seen = [np.union1d(grid[grid < len(curve)], len(curve)) for curve in curves]
    trials = np.repeat(np.arange(len(curves)), [len(each) for each in seen])
    scores = np.concatenate([curve[each - 1] for curve, each in zip(curves, seen, strict=True)])
    return trials, np.concatenate(seen), scores


def fitted(features: NDArray[np.float64], curves: Sequence[NDArray[np.float64]], last: int) -> Settings:
    """The settings that explain some curves best: length scales by what was reached, the others by the likelihood."""
    reached = np.array([curve[-1] for curve in curves])
    initial = ranking.Kernel.initial(features.shape[1])
    if not np.isfinite(reached).any():
        return Settings(np.exp(initial.log_lengths))
    chosen = ranking.informative(features, reached)
    kernel = ranking.fit_kernel(initial, features[chosen], ranking.standardised(reached[chosen]))
    lengths = np.exp(kernel.log_lengths)
    trials, at, scores = observed(curves, last)
    targets = ranking.standardised(scores)
    chosen = ranking.informative(targets[:, None], targets, MOST)
    trials, at, targets = trials[chosen], at[chosen], targets[chosen]

    def likelihood(settings: Settings) -> float:
        factor = _factor(settings, features, trials, at, last)
        explained = linalg.cho_solve((factor, True), targets, check_finite=False)
        return float(-0.5 * targets @ explained - np.log(np.diag(factor)).sum())

    return max((Settings(lengths, *each) for each in itertools.product(OWN, ALONG)), key=likelihood)


def _end(
    settings: Settings,
    features: NDArray[np.float64],
    trials: NDArray[np.intp],
    at: NDArray[np.intp],
    targets: NDArray[np.float64],
    epochs: int,
    last: int,
) -> tuple[float, float]:
    """Mean and deviation of what the last trial will have reached after its epochs."""
    factor = _factor(settings, features, trials, at, last)
    ends = np.array([len(features) - 1]), np.array([epochs])
    cross = _covariance(settings, features, *ends, trials, at, last)[0]
    mean = cross @ linalg.cho_solve((factor, True), targets, check_finite=False)
    before = _covariance(settings, features, *ends, *ends, last)[0, 0]
    solved = linalg.solve_triangular(factor, cross, lower=True, check_finite=False)
    return float(mean), math.sqrt(max(float(before - solved @ solved), 1e-9))


def _factor(
    settings: Settings, features: NDArray[np.float64], trials: NDArray[np.intp], at: NDArray[np.intp], last: int
) -> NDArray[np.float64]:
    covariance = _covariance(settings, features, trials, at, trials, at, last)
    covariance[np.diag_indices_from(covariance)] += NOISE
    factor: NDArray[np.float64] = linalg.cholesky(covariance, lower=True, check_finite=False)
    return factor


def _covariance(
    settings: Settings,
    features: NDArray[np.float64],
    trials: NDArray[np.intp],
    at: NDArray[np.intp],
    other_trials: NDArray[np.intp],
    other_at: NDArray[np.intp],
    last: int,
) -> NDArray[np.float64]:
    """Covariance of what trials have reached by some epochs with what others have by others."""
    scaled = features / settings.lengths
    # Each trial and each epoch comes several times.
    rows, row = np.unique(trials, return_inverse=True)
    columns, column = np.unique(other_trials, return_inverse=True)
    alike = _matern(distance.cdist(scaled[rows], scaled[columns]))
    same = settings.own * (rows[:, None] == columns)
    steps = np.log(np.arange(1, last + 1)) / (math.log(max(last, 2)) * settings.along)
    between = _matern(np.abs(steps[at - 1][:, None] - steps[other_at - 1]))
    pairs = np.ix_(row, column)
    covariance: NDArray[np.float64] = (alike / 2 + 0.1 * same)[pairs]
    covariance += ((alike + 1) / 2 + 0.15 * same)[pairs] * between
    return covariance


def _matern(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matern 5/2 of distances in length scales."""
    scaled = math.sqrt(5.0) * distances
    found: NDArray[np.float64] = (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
    return found
