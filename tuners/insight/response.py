"""The model of the response: what score to expect where, with its doubt; the Gaussian process that ranks trials."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuners.insight.noise import noise_of
from tuners.space.dimensions import Cube, Dimension
from tuners.strategy import ranking
from tuners.strategy.features import features_of
from tuners.strategy.scores import gain_of
from tuners.threads import one_thread

if TYPE_CHECKING:
    from tuners.study import Study

LEVELS = 5
"""Levels of noise that a difference is averaged over."""

FEWEST = 4
"""Trials with a score below which there is no model."""


@dataclasses.dataclass(frozen=True)
class Group:
    """A hyperparameter as people see it: the learning rates of all optimizers are one.

    Attributes:
        name: What it is called.
        indices: Of its dimensions in the cube.
    """

    name: str
    indices: tuple[int, ...]


def groups_of(cube: Cube) -> list[Group]:
    """The hyperparameters with more than one value; those of several choices with the same ending are one."""
    tails: dict[str, list[int]] = {}
    for index, each in enumerate(cube.dimensions):
        if cube.free[index]:
            tails.setdefault(tail_of(each), []).append(index)
    return [
        Group(tail if len(indices) > 1 else cube.dimensions[indices[0]].name, tuple(indices))
        for tail, indices in tails.items()
    ]


def tail_of(dimension: Dimension) -> str:
    """The name without the choice that it belongs to: learning_rate of adam/learning_rate."""
    prefix, slash, tail = dimension.name.rpartition("/")
    belongs = any(prefix in map(str, allowed) for _, allowed in dimension.conditions)
    return tail if slash and belongs else dimension.name


@dataclasses.dataclass(frozen=True)
class Contrast:
    """Difference of the expected gains at two places, in units of the score; more is better.

    Attributes:
        parts: Weight, mean and standard deviation under each level of noise that the trials may have.
    """

    parts: tuple[tuple[float, float, float], ...]

    @property
    def mean(self) -> float:
        """What is expected."""
        return sum(weight * mean for weight, mean, _ in self.parts)

    @property
    def deviation(self) -> float:
        """Standard deviation of the doubt."""
        squares = sum(weight * (deviation**2 + mean**2) for weight, mean, deviation in self.parts)
        return math.sqrt(max(squares - self.mean**2, 0.0))

    @property
    def chance(self) -> float:
        """That there is no gain."""
        return sum(
            weight * 0.5 * math.erfc(mean / max(deviation, 1e-12) / math.sqrt(2))
            for weight, mean, deviation in self.parts
        )

    def interval(self, z: float = 1.645) -> tuple[float, float]:
        """Where the difference lies, with 90 % where `z` is not given."""
        return self.mean - z * self.deviation, self.mean + z * self.deviation


class Response:
    """The model of a study.

    Args:
        study: With at least `FEWEST` trials that have a score; see `response_of`.

    Attributes:
        study: The study.
        cube: Its space.
        noise: What its scores owe to luck.
        scale: Units of the score that are 1 in the model.
        model: The most probable one.
    """

    def __init__(self, study: Study) -> None:
        self.study, self.cube, self.noise = study, study.cube(), noise_of(study)
        self._free = self.cube.free
        ended = [trial for trial in study.trials if trial.status in ("COMPLETED", "INVALID")]
        points = np.array([self.cube.to_point(self._known(trial.values)) for trial in ended])
        gains = np.array([gain_of(trial.expected, study.direction) for trial in ended])
        chosen = ranking.informative(points, gains)
        self.points, self.gains = points[chosen], gains[chosen]
        drawn_in = _drawn_in(self.gains, self.noise.total)
        self.middle, self.scale = float(drawn_in.mean()), float(drawn_in.std() + 1e-12)
        self.targets = (drawn_in - self.middle) / self.scale
        self.features = self.features_at(self.points)
        self.model = self._fitted(self.features, self.targets)
        self._versions = self._with_other_noise()

    @property
    def least_noise(self) -> float:
        """Variance of the noise that is known of, in units of the model."""
        return float(np.clip((self.noise.total / self.scale) ** 2, 1e-5, 0.9))

    @property
    def deviation_of_noise(self) -> float:
        """Standard deviation of a score by luck, in its units, as the model has it."""
        return self.scale * math.exp(0.5 * self.model.kernel.log_noise)

    def features_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the model sees of points [points, dimensions]."""
        return features_of(self.cube, self._free, points, self.cube.active_at(points))

    def expected(self, points: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean and deviation of the gain, each [points], in units of the score."""
        mean, deviation = self.model.predict(self.features_at(points))
        return self.middle + self.scale * mean, self.scale * deviation

    def contrast(self, better: NDArray[np.float64], other: NDArray[np.float64]) -> Contrast:
        """What is gained at one point over another, each [dimensions]."""
        features = self.features_at(np.stack([better, other]))
        parts = [(weight, *_difference(model, features)) for weight, model in self._versions]
        return Contrast(tuple((weight, self.scale * mean, self.scale * deviation) for weight, mean, deviation in parts))

    def point(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The point of some values; the defaults where one is missing."""
        return self.cube.to_point(self._known(values))

    def resampled(self, rng: np.random.Generator) -> ranking.Model:
        """The model of a bootstrap resample of the trials."""
        rows = rng.integers(0, len(self.targets), len(self.targets))
        return self._fitted(self.features[rows], self.targets[rows], self.model.kernel, steps=6)

    def _with_other_noise(self) -> list[tuple[float, ranking.Model]]:
        """Models under several levels of noise, weighted by how probable the trials make each.

        Few trials hardly tell noise from a rugged response; the most probable level alone is too sure of itself.
        """
        fits = []
        for level in np.geomspace(self.least_noise, 0.95, LEVELS):
            start = dataclasses.replace(self.model.kernel, log_noise=float(np.log(level)))
            fits.append(ranking.fit_kernel(start, self.features, self.targets, steps=10, noise=(level, level)))
        # Every level is as probable as the next before the trials are seen: noise is what a verdict must not miss.
        logs = np.array(
            [
                ranking.log_posterior(kernel, self.features, self.targets) - ranking.log_prior_of_variances(kernel)
                for kernel in fits
            ]
        )
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        return [
            (float(weight), ranking.condition(kernel, self.features, self.targets))
            for weight, kernel in zip(weights, fits, strict=True)
            if weight > 0.01
        ]

    def _known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A space may have changed while the search ran; what it no longer holds is at its default.
        return {each.name: values[each.name] for each in self.cube.dimensions if _placed(each, values)}

    def _fitted(
        self, features: NDArray[Any], targets: NDArray[Any], start: ranking.Kernel | None = None, steps: int = 25
    ) -> ranking.Model:
        start = start or ranking.Kernel.initial(features.shape[1])
        kernel = ranking.fit_kernel(start, features, targets, steps=steps, noise=(self.least_noise, 1.0))
        return ranking.condition(kernel, features, targets)


def _placed(dimension: Dimension, values: Mapping[str, Any]) -> bool:
    value = values.get(dimension.name)
    return value is not None and dimension.holds(value)


def response_of(study: Study) -> Response | None:
    """The model of a study, or None where it has too few trials, no space, or the same score everywhere."""
    if len(study.completed) < FEWEST or not study.space:
        return None
    cube = study.cube()
    scores = {trial.score for trial in study.completed}
    if not cube.free.any() or len(scores) < 2:
        return None
    with one_thread():
        return Response(study)


def _drawn_in(gains: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """Gains with the bad tail drawn in, as `ranking.standardised` does, but never to within the noise of the best."""
    finite = gains[np.isfinite(gains)]
    top, middle = float(finite.max()), float(np.median(finite))
    # Where half of them are at the top, the others tell how far the tail reaches; else those that diverged would.
    reach = max(top - middle, 2 * noise) or 0.1 * float(finite.std()) or 1e-12
    floor = middle - 1.5 * reach
    return np.maximum(np.where(np.isfinite(gains), gains, floor), floor)


def _difference(model: ranking.Model, features: NDArray[np.float64]) -> tuple[float, float]:
    mean, covariance = model.joint(features)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(mean[0] - mean[1]), math.sqrt(max(float(variance), 0.0))


def changed(points: NDArray[np.float64], indices: Iterable[int], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points with some of their coordinates from others."""
    made = points.copy()
    made[:, list(indices)] = by[:, list(indices)]
    return made
