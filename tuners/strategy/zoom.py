"""The coarse-to-fine zoom: from the history of a search to candidates for the next trial.

Pure: it knows points in the unit cube and scores to maximise, no files and no Keras. The state of the box is a fold
over the trials in the order of their numbers, so that it does not matter in which order parallel results came in.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

REFINING = (0.15, 0.05, 0.02)
"""Standard deviations of the moves of a local search, round by round."""

REFINED, NEIGHBOURS, REDRAWN = 8, 16, 0.1
"""Points that each round goes on with, moves from each, and the chance that a choice is redrawn."""


@dataclasses.dataclass(frozen=True)
class ZoomSettings:
    """How the box moves.

    Attributes:
        coarse: Trials of the coarse stage, spread over the whole space.
        opening: Trials up to which most candidates come from the whole space, where a model ranks them.
        start: Half-width of the box when the zoom begins, in unit lengths of the scales.
        widen: Factor of the half-width on an improvement.
        shrink: Factor of the half-width after `patience` trials in a row without one.
        patience: Those trials.
        smallest: Half-width below which the box is exhausted and opens again.
        move: Chance that a coordinate moves at all, so that what is good already is kept.
        few: Share of candidates that move one or two coordinates only.
        along: Share of candidates that move along the difference of two good points.
        everywhere: Share of candidates from the whole space after that; it fades with the number of trials.
        everywhere_at_first: The same in the opening.
        redraw: Chance that a choice that moves is redrawn.
        leaders: Number of best points that box sides and differences are taken from.
    """

    coarse: int = 8
    opening: int = 16
    start: float = 0.7
    widen: float = 1.3
    shrink: float = 0.5
    patience: int = 8
    smallest: float = 0.05
    move: float = 0.7
    few: float = 0.3
    along: float = 0.2
    everywhere: float = 0.05
    everywhere_at_first: float = 0.7
    redraw: float = 0.35
    leaders: int = 8


@dataclasses.dataclass(frozen=True)
class Box:
    """State of the zoom after some trials.

    Attributes:
        width: Half-width of the box, in unit lengths.
        failures: Trials in a row that improved nothing.
        best: Best score so far.
        seen: Trials folded in.
        restarts: Times that the box was exhausted and opened again.
    """

    width: float
    failures: int = 0
    best: float = -np.inf
    seen: int = 0
    restarts: int = 0

    def after(self, score: float, settings: ZoomSettings) -> Box:
        """The state after one more trial.

        Args:
            score: What it reached, more is better; -inf where it was infeasible or failed.
            settings: How the box moves.

        Returns:
            A new state.
        """
        seen = self.seen + 1
        better = score > self.best
        if seen <= settings.coarse:
            return dataclasses.replace(self, seen=seen, best=max(score, self.best))
        if better:
            width = min(self.width * settings.widen, settings.start)
            return dataclasses.replace(self, width=width, failures=0, best=score, seen=seen)
        if self.failures + 1 < settings.patience:
            return dataclasses.replace(self, failures=self.failures + 1, seen=seen)
        width, restarts = self.width * settings.shrink, self.restarts
        if width < settings.smallest:
            width, restarts = settings.start, restarts + 1
        return dataclasses.replace(self, width=width, failures=0, seen=seen, restarts=restarts)


@dataclasses.dataclass(frozen=True)
class History:
    """Finished trials, in the order of their numbers.

    Attributes:
        points: Where they were, [trials, dimensions].
        scores: What they reached, [trials], more is better; -inf where infeasible.
        active: Which dimensions applied, [trials, dimensions].
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    active: NDArray[np.bool_]

    @property
    def finite(self) -> int:
        """Number of trials with a score."""
        return int(np.isfinite(self.scores).sum())

    @functools.cached_property
    def order(self) -> NDArray[np.intp]:
        """Trials with a score, best first, the earlier of equals first."""
        ranked = np.argsort(-self.scores, kind="stable")
        return ranked[: self.finite]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """What the zoom has to know of the space.

    Attributes:
        choices: Dimensions without an order, [dimensions].
        steps: Distance between neighbouring values, [dimensions]; 0 where continuous.
        free: Dimensions with more than one value, [dimensions].
    """

    choices: NDArray[np.bool_]
    steps: NDArray[np.float64]
    free: NDArray[np.bool_]


def box_sides(history: History, geometry: Geometry, leaders: int) -> NDArray[np.float64]:
    """Relative sides of the box, from how far apart the best points lie.

    Args:
        history: Finished trials.
        geometry: The space.
        leaders: Number of best points to look at.

    Returns:
        One factor per dimension in [0.5, 1.6], with geometric mean 1 over the ordered dimensions: a dimension in which
        the best points agree is narrow.
    """
    ordered = geometry.free & ~geometry.choices
    sides = np.ones(len(geometry.steps))
    best = history.order[:leaders]
    if len(best) < 3 or not ordered.any():
        return sides
    spread = history.points[best][:, ordered].std(axis=0) + 0.05
    sides[ordered] = np.clip(spread / np.exp(np.log(spread).mean()), 0.5, 1.6)
    return sides


def draw_candidates(
    history: History,
    box: Box,
    geometry: Geometry,
    settings: ZoomSettings,
    rng: np.random.Generator,
    count: int,
    merit: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Candidates for the next trial.

    Args:
        history: Finished trials, at least one of them with a score.
        box: State of the zoom after them.
        geometry: The space.
        settings: How the box moves.
        rng: Source of the draws.
        count: Number of candidates.
        merit: What to take the centres by instead of the scores (a model's smoothed ones), [trials].

    Returns:
        Points in the unit cube, [count, dimensions]; proposals past a bound are clipped to it, since the optimum lies
        at a bound in most dimensions.
    """
    ranked = history if merit is None else dataclasses.replace(history, scores=merit)
    size = len(geometry.steps)
    centres = _centres(ranked, rng, count)
    points = history.points[centres].copy()
    moves = _moving(geometry, settings, rng, count)
    half = box.width * box_sides(ranked, geometry, settings.leaders)
    # A shift of less than one value's width would change nothing.
    half = np.maximum(half, 0.75 * geometry.steps)
    shift = rng.uniform(-1.0, 1.0, (count, size)) * half
    differences = _differences(ranked, settings, rng, count)
    along = (rng.random(count) < settings.along) & differences.any(axis=1)
    shift[along] = differences[along]
    ordered = ~geometry.choices
    points += np.where(moves & ordered, shift, 0.0)
    points = np.clip(points, 0.0, 1.0)
    redrawn = moves & geometry.choices & (rng.random((count, size)) < settings.redraw)
    points[redrawn] = rng.random(int(redrawn.sum()))
    anywhere = rng.random(count) < _everywhere(settings, len(history.scores))
    points[anywhere] = rng.random((int(anywhere.sum()), size))
    return points


def refined(
    points: NDArray[np.float64],
    promise: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    geometry: Geometry,
    held: NDArray[np.bool_],
    edge: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The best of some candidates after a local search around the most promising ones.

    Args:
        points: Candidates, [candidates, dimensions].
        promise: How much points promise, more is better: from [points, dimensions] to [points].
        geometry: The space.
        held: Dimensions that are not to be moved, [dimensions].
        edge: How far what is moved stays from 0 and 1.
        rng: Source of the draws.

    Returns:
        A point [dimensions] in the unit cube.
    """
    found = promise(points)
    moving = geometry.free & ~held & ~geometry.choices
    for width in REFINING:
        best = np.argsort(-found, kind="stable")[:REFINED]
        around = np.repeat(points[best], NEIGHBOURS, axis=0)
        around = np.where(moving, np.clip(around + rng.normal(0.0, width, around.shape), edge, 1 - edge), around)
        redrawn = geometry.choices & ~held & (rng.random(around.shape) < REDRAWN)
        around = np.where(redrawn, rng.random(around.shape), around)
        points = np.concatenate([points[best], around])
        found = np.concatenate([found[best], promise(around)])
    chosen: NDArray[np.float64] = points[int(np.argmax(found))]
    return chosen


def _everywhere(settings: ZoomSettings, trials: int) -> float:
    if trials < settings.opening:
        return settings.everywhere_at_first
    return settings.everywhere * settings.coarse / max(settings.coarse, trials)


def _centres(history: History, rng: np.random.Generator, count: int) -> NDArray[np.intp]:
    best = history.order[:3]
    weights = np.array([0.6, 0.25, 0.15])[: len(best)]
    return rng.choice(best, size=count, p=weights / weights.sum())


def _moving(geometry: Geometry, settings: ZoomSettings, rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    size = len(geometry.steps)
    moves = rng.random((count, size)) < settings.move
    keys = np.where(geometry.free, rng.random((count, size)), np.inf)
    ranks = keys.argsort(axis=1).argsort(axis=1)
    few = rng.random(count) < settings.few
    moves[few] = ranks[few] < rng.integers(1, 3, count)[few, None]
    # Nothing moved would be the same trial again.
    moved: NDArray[np.bool_] = (moves | (ranks == 0)) & geometry.free
    return moved


def _differences(history: History, settings: ZoomSettings, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    best = history.order[: settings.leaders]
    ends = history.points[rng.choice(best, size=(2, count))]
    steps: NDArray[np.float64] = (ends[0] - ends[1]) * rng.uniform(0.4, 1.0, (count, 1))
    return steps
