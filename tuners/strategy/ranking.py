"""A small Gaussian process that ranks the zoom's candidates by what they promise.

References:
    Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", chapters 2 and 5.
    Ament et al. (2023), "Unexpected Improvements to Expected Improvement for Bayesian Optimization" (log EI).
    Hvarfner et al. (2024), "Vanilla Bayesian Optimization Performs Great in High Dimensions" (lengths).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

SQRT5 = np.sqrt(5.0)
MOST_POINTS = 160
"""Trials that the model is fitted to; a suggestion then costs the same at trial 10,000."""


def typical_length(features: int) -> float:
    """Length scale that is expected of a feature in [0, 1] before anything is known.

    0.6 in seven dimensions, and growing with the root of their number as distances do, so that a model of many
    features lets points inform each other as much as one of few does (Hvarfner et al.).
    """
    return 0.6 * float(np.sqrt(features / 7))


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Logarithms of the parameters: one length scale per feature, the signal's and the noise's variance."""

    log_lengths: NDArray[np.float64]
    log_signal: float
    log_noise: float

    @classmethod
    def initial(cls, features: int) -> Kernel:
        """Length scales that are typical of this number of features, and a little noise."""
        return cls(np.full(features, np.log(typical_length(features))), 0.0, np.log(0.02))

    def pack(self) -> NDArray[np.float64]:
        """All parameters in one array."""
        return np.concatenate([self.log_lengths, [self.log_signal, self.log_noise]])

    @classmethod
    def unpack(cls, packed: NDArray[np.float64]) -> Kernel:
        """The inverse of `pack`."""
        return cls(packed[:-2], float(packed[-2]), float(packed[-1]))


def standardised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores with the bad tail drawn in, mean 0 and deviation 1.

    What is far below the median says only that it is bad; its distance would take the model's attention from the
    differences among the good.

    Args:
        scores: [trials], more is better; -inf where infeasible.

    Returns:
        [trials], finite.
    """
    finite = scores[np.isfinite(scores)]
    top, middle = finite.max(), np.median(finite)
    # Where most are alike, or there is but one, the others still differ from it by more than its last digits.
    floor = middle - 1.5 * max(top - middle, 1e-9 * abs(top), 1e-12)
    drawn_in = np.maximum(np.where(np.isfinite(scores), scores, floor), floor)
    standard: NDArray[np.float64] = (drawn_in - drawn_in.mean()) / (drawn_in.std() + 1e-12)
    return standard


def _correlation(left: NDArray[Any], right: NDArray[Any], lengths: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Matern 5/2 correlation, and its derivative by the squared distance times -2."""
    a, b = left / lengths, right / lengths
    squares = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0)
    distance = SQRT5 * np.sqrt(squares)
    decay = np.exp(-distance)
    return (1 + distance + distance**2 / 3) * decay, (5.0 / 3.0) * (1 + distance) * decay


@dataclasses.dataclass(frozen=True)
class Model:
    """A fitted Gaussian process."""

    kernel: Kernel
    features: NDArray[np.float64]
    factor: NDArray[np.float64]
    weights: NDArray[np.float64]

    def predict(self, features: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and standard deviation of the noiseless response, each [points], at features [points, features]."""
        correlation, _ = _correlation(features, self.features, np.exp(self.kernel.log_lengths))
        signal = np.exp(self.kernel.log_signal)
        cross = signal * correlation
        solved = linalg.solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        variance = signal - (solved**2).sum(0)
        return cross @ self.weights, np.sqrt(np.maximum(variance, 1e-10))

    def mean(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of the response alone, [points]."""
        correlation, _ = _correlation(features, self.features, np.exp(self.kernel.log_lengths))
        mean: NDArray[np.float64] = np.exp(self.kernel.log_signal) * (correlation @ self.weights)
        return mean

    def joint(self, features: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean [points] and covariance [points, points] of the noiseless response at features [points, features]."""
        lengths, signal = np.exp(self.kernel.log_lengths), np.exp(self.kernel.log_signal)
        cross = signal * _correlation(features, self.features, lengths)[0]
        solved = linalg.solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        covariance = signal * _correlation(features, features, lengths)[0] - solved.T @ solved
        return cross @ self.weights, covariance


def condition(kernel: Kernel, features: NDArray[np.float64], targets: NDArray[np.float64]) -> Model:
    """The process given observations [trials, features] and [trials]."""
    correlation, _ = _correlation(features, features, np.exp(kernel.log_lengths))
    covariance = np.exp(kernel.log_signal) * correlation
    covariance[np.diag_indices_from(covariance)] += np.exp(kernel.log_noise) + 1e-8
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    return Model(kernel, features, factor, linalg.cho_solve((factor, True), targets, check_finite=False))


def fit_kernel(
    start: Kernel,
    features: NDArray[Any],
    targets: NDArray[Any],
    *,
    steps: int = 25,
    noise: tuple[float, float] = (1e-5, 1.0),
) -> Kernel:
    """The kernel of the highest posterior density.

    Args:
        start: Where to begin.
        features: [trials, features], in [0, 1].
        targets: [trials], standardised.
        steps: Iterations of L-BFGS-B at most.
        noise: Bounds of the noise's variance.

    Returns:
        The kernel. Priors keep it from collapsing where the data say little: lengths log-normal about
        `typical_length`, noise log-normal about 0.02, signal about 1.
    """
    size = features.shape[1]
    bounds = [(np.log(0.05), np.log(20.0))] * size + [(np.log(0.1), np.log(10.0)), tuple(np.log(noise))]
    found = optimize.minimize(
        _loss, start.pack(), args=(features, targets), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": steps},
    )  # fmt: skip
    return Kernel.unpack(found.x)


PRIOR_MEAN = (0.0, np.log(0.02))
"""Of the signal's and the noise's variance; that of the lengths is `typical_length`."""

PRIOR_DEVIATION = (1.0, 1.0, 1.5)


def log_posterior(kernel: Kernel, features: NDArray[Any], targets: NDArray[Any]) -> float:
    """Logarithm of the density of a kernel given the trials, but for a constant."""
    return -_loss(kernel.pack(), features, targets)[0]


def log_evidence(
    kernel: Kernel, features: NDArray[Any], targets: NDArray[Any], more: NDArray[Any] | float = 0.0
) -> float:
    """Logarithm of the density of results given a kernel, but for a constant.

    Args:
        kernel: The kernel.
        features: [trials, features].
        targets: [trials].
        more: Covariance that comes on top of the kernel's, [trials, trials].
    """
    correlation, _ = _correlation(features, features, np.exp(kernel.log_lengths))
    covariance = np.exp(kernel.log_signal) * correlation + more
    covariance[np.diag_indices_from(covariance)] += np.exp(kernel.log_noise) + 1e-8
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    explained = linalg.cho_solve((factor, True), targets, check_finite=False)
    return float(-0.5 * targets @ explained - np.log(np.diag(factor)).sum())


def log_prior_of_variances(kernel: Kernel) -> float:
    """The part of `log_posterior` that the signal's and the noise's variance have by themselves, without the trials."""
    found = np.array([kernel.log_signal, kernel.log_noise])
    z = (found - np.array(PRIOR_MEAN)) / np.array(PRIOR_DEVIATION[1:])
    return -0.5 * float(z @ z)


def _loss(packed: NDArray[Any], features: NDArray[Any], targets: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """Negative log posterior and its gradient."""
    kernel = Kernel.unpack(packed)
    lengths, signal, noise = np.exp(kernel.log_lengths), np.exp(kernel.log_signal), np.exp(kernel.log_noise)
    correlation, slope = _correlation(features, features, lengths)
    covariance = signal * correlation
    covariance[np.diag_indices_from(covariance)] += noise + 1e-8
    factor = linalg.cholesky(covariance, lower=True, check_finite=False)
    inverse = linalg.cho_solve((factor, True), np.eye(len(targets)), check_finite=False)
    weights = inverse @ targets
    value = 0.5 * targets @ weights + np.log(np.diag(factor)).sum()
    outer = np.outer(weights, weights) - inverse
    # d covariance / d log length_j = signal * slope * (x_j - x'_j)^2 / length_j^2
    weighted = outer * slope * signal
    scaled = features / lengths
    totals = weighted.sum(1)
    by_length = (totals @ scaled**2) * 2 - 2 * np.einsum("ij,ij->j", scaled, weighted @ scaled)
    gradient = -0.5 * np.concatenate([by_length, [(outer * signal * correlation).sum(), noise * np.trace(outer)]])
    return _with_prior(float(value), gradient, packed)


def _with_prior(value: float, gradient: NDArray[Any], packed: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    size = len(packed) - 2
    mean = np.concatenate([np.full(size, np.log(typical_length(size))), PRIOR_MEAN])
    deviation = np.concatenate([np.full(size, PRIOR_DEVIATION[0]), PRIOR_DEVIATION[1:]])
    z = (packed - mean) / deviation
    return value + 0.5 * float(z @ z), gradient + z / deviation


def log_expected_improvement(mean: NDArray[Any], deviation: NDArray[Any], best: float) -> NDArray[np.float64]:
    """Logarithm of the expected improvement over `best`, finite where the improvement itself underflows to 0."""
    z = (mean - best) / deviation
    log_density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    # phi(z) + z Phi(z) = phi(z) (1 + z Phi(z) / phi(z)); far below zero the bracket tends to 1 / z^2.
    # Where z > 0 the sum is taken as it stands, since the bracket would overflow.
    low = np.minimum(z, 0.0)
    ratio = np.exp(special.log_ndtr(low) + 0.5 * low**2 + 0.5 * np.log(2 * np.pi))
    bracket = np.where(low > -30, 1 + low * ratio, 1 / np.maximum(low**2, 1))
    below = -0.5 * low**2 - 0.5 * np.log(2 * np.pi) + np.log(np.maximum(bracket, 1e-300))
    above = np.log(np.exp(log_density) + np.maximum(z, 0.0) * special.ndtr(z) + 1e-300)
    logarithms: NDArray[np.float64] = np.where(z > 0, above, below) + np.log(deviation)
    return logarithms


def informative(points: NDArray[Any], scores: NDArray[Any], most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Trials to fit the model to: the best half of the allowance, and the latest.

    Args:
        points: [trials, dimensions].
        scores: [trials].
        most: Number of trials at most.

    Returns:
        Indices, ascending.
    """
    if len(points) <= most:
        return np.arange(len(points))
    kept = most // 2
    # No full sort: a suggestion is to cost the same after 10,000 trials.
    good = np.flatnonzero(scores >= np.partition(scores, -kept)[-kept])
    best = good[np.argsort(-scores[good], kind="stable")[:kept]]
    rest = np.ones(len(points), dtype=bool)
    rest[best] = False
    return np.sort(np.concatenate([best, np.flatnonzero(rest)[-(most - kept) :]]))
