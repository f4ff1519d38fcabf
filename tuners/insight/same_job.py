"""Hyperparameters that do the same job: what one of them loses, the other makes up for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy import special

from tuners.insight.finding import Finding
from tuners.insight.response import Response, tail_of
from tuners.space.dimensions import Dimension
from tuners.space.shown import number, shown_name, shown_value

STRENGTH = {
    "dropout": 1,
    "dropout_rate": 1,
    "weight_decay": 1,
    "l1": 1,
    "l2": 1,
    "label_smoothing": 1,
    "batch_size": -1,
}
"""Endings of the names of what keeps a model from overfitting, and whether it does so more where it is higher. The
gradients of small batches are noisy."""

CHANCE = 5e-4
"""Chance of so large a product of two hyperparameters, by luck alone, above which nothing is told."""

SAME = 0.5
"""What may be lost over `PLACES`, as a share of what the one makes up for."""

PLACES = (0.25, 0.5, 0.75)
"""Where in its range the hyperparameter is looked at that may be held fixed."""


@dataclasses.dataclass(frozen=True)
class _Pair:
    """The response to two hyperparameters: a + b x + c y + d x^2 / 2 + e y^2 / 2 + f x y over their places x and y.

    Attributes:
        slopes: b and c.
        curvatures: d and e.
        product: f.
        chance: Of so large a product where there is none.
    """

    slopes: tuple[float, float]
    curvatures: tuple[float, float]
    product: float
    chance: float

    def answer(self, x: float) -> float:
        """Where y is best, in [0, 1]."""
        return float(np.clip(-(self.slopes[1] + self.product * x) / self.curvatures[1], 0.0, 1.0))

    def at(self, x: float, y: float) -> float:
        """The response, but for a."""
        squares = self.curvatures[0] * x**2 + self.curvatures[1] * y**2
        return self.slopes[0] * x + self.slopes[1] * y + squares / 2 + self.product * x * y

    def makes_up(self) -> bool:
        """Whether the response is about the same wherever x is, if y follows, and falls if it does not."""
        answers = [self.answer(x) for x in PLACES]
        kept = [self.at(x, y) for x, y in zip(PLACES, answers, strict=True)]
        left = [self.at(x, y) for x, y in zip(PLACES, reversed(answers), strict=True)]
        made_up = max(one - other for one, other in zip(kept, left, strict=True))
        return max(kept) - min(kept) < SAME * made_up


def same_job(response: Response) -> Iterator[Finding]:
    """Pairs of hyperparameters of regularisation of which one would do.

    A regression of the scores on all hyperparameters, their squares and the product of the two tells them: where the
    product surely counts, and where the one moves the score stays if the other weakens as it strengthens.

    Args:
        response: The model of the study.
    """
    best = response.study.best[0]
    regularisers = [
        index
        for index, each in enumerate(response.cube.dimensions)
        if response.cube.free[index] and _squared(each) and each.name in best.values and _strength(each)
    ]
    for one, two in combinations(regularisers, 2):
        # What is held fixed is the size of the batches, which is there for speed.
        held, tuned = sorted((one, two), key=lambda index: _strength(response.cube.dimensions[index]))
        pair = _regressed(response, held, tuned)
        if pair is None or pair.chance > CHANCE or not pair.makes_up():
            continue
        stronger = _strength(response.cube.dimensions[held]) * _strength(response.cube.dimensions[tuned])
        if stronger * (pair.answer(PLACES[0]) - pair.answer(PLACES[-1])) > 0:
            yield _finding(response, pair, held, tuned)


def _squared(dimension: Dimension) -> bool:
    """Whether there is a curve over it: neither a choice nor one of two numbers."""
    return dimension.kind != "choice" and len(dimension.values) != 2


def _strength(dimension: Dimension) -> int:
    tail = tail_of(dimension).split("/")[-1].lower()
    return STRENGTH.get(tail, STRENGTH.get(tail.rstrip("_0123456789"), 0))


def _regressed(response: Response, held: int, tuned: int) -> _Pair | None:
    """The response as a quadratic, or None where there are too few trials."""
    applied = response.cube.active_at(response.points)[:, [held, tuned]].all(axis=1)
    points, targets = response.points[applied], response.targets[applied]
    columns, first = [np.ones(len(points))], {}
    for index, each in enumerate(response.cube.dimensions):
        place = points[:, index]
        if each.kind == "choice":
            chosen = np.minimum((place * len(each.values)).astype(int), len(each.values) - 1)
            columns += [chosen == value for value in range(1, len(each.values))]
        else:
            first[index] = len(columns)
            columns += [place, place**2 / 2]
    terms = np.column_stack([*columns, points[:, held] * points[:, tuned]]).astype(float)
    found, _, rank, _ = np.linalg.lstsq(terms, targets, rcond=None)
    if len(points) <= rank:
        return None
    free = len(points) - rank
    spread = np.sum((targets - terms @ found) ** 2) / free
    # What is held fixed has columns of one value, so that only a pseudo-inverse is there.
    error = math.sqrt(spread * np.linalg.pinv(terms.T @ terms)[-1, -1])
    slopes, curvatures = ((found[first[held] + k], found[first[tuned] + k]) for k in (0, 1))
    return _Pair(
        slopes, curvatures, float(found[-1]), float(2 * special.stdtr(free, -abs(found[-1]) / max(error, 1e-12)))
    )


def _finding(response: Response, pair: _Pair, held: int, tuned: int) -> Finding:
    fixed, other = response.cube.dimensions[held], response.cube.dimensions[tuned]
    name, with_name = shown_name(fixed.name), shown_name(other.name)
    (small, with_small), (large, with_large) = (
        (shown_value(fixed.name, fixed.to_value(at)), shown_value(other.name, other.to_value(pair.answer(at))))
        for at in (PLACES[0], PLACES[-1])
    )
    words = (
        f"{with_name} and {name} do the same job: the best {with_name} is about {number(with_small, 2)} where {name} "
        f"is {number(small, 2)}, and {number(with_large, 2)} where it is {number(large, 2)}, at about the same score. "
        f"Hold {name} fixed and tune {with_name} alone."
    )
    evidence = {
        "names": [with_name, name],
        "best": [[small, with_small], [large, with_large]],
        "chance": pair.chance,
    }
    return Finding("same job", "advice", words, evidence, {"fix": {name: response.study.best[0].shown[name]}})
