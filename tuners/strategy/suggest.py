"""The next trial of a search: a coarse stage, then the zoom, its candidates ranked by a model where asked for."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.space.dimensions import Cube, undecided_by_default
from tuners.strategy import neighbours, ranking
from tuners.strategy.coarse_stage import Priorities, starting_points
from tuners.strategy.features import features_of
from tuners.strategy.transfer import Source, SourceModels, TaughtModel, kernel_for
from tuners.strategy.zoom import Box, Geometry, History, ZoomSettings, draw_candidates, refined
from tuners.threads import one_thread

RANKED = 512
"""Candidates that the model ranks."""

RANKED_AT_FIRST = 1536
"""The same while they come from the whole space."""

EDGE, WITHIN = 0.2, 5
"""How far the first trials stay from the ends of a range, and how many do.

A model of few trials is most curious about corners. They tell much where the best lies at an end, little where it is
inside, and training takes longest and diverges there.
"""

RATED = 12
"""Candidates that are rated by their nearest trials where there is no model."""

MARGIN = 0.6
"""Improvement that is asked for on top of the best while the box is wide, in standard deviations of the scores.

Without it the zoom stays where it is, for small and certain gains. It falls with the root of the box's width, so that
the fine stage is fine. Measured on the tasks of LCBench that the protocol leaves for checking: a quarter less regret.
"""

TAKING_TURNS = 30
"""Trials after which every other one is chosen by its neighbours even where there is a model.

Where the model is wrong it stays wrong; measured on the same tasks, a sixth less regret after 100 trials.
"""

GIVE_UP = 10
"""Attempts at a trial after which it is drawn from the whole space: what is near the best has been tried."""


@dataclasses.dataclass(frozen=True)
class Strategy:
    """How trials are chosen.

    Attributes:
        seed: Seed of all draws.
        ranking: Whether a Gaussian process ranks the zoom's candidates.
        start: Kind of the starting points, "quasi" or "independent".
        zoom: How the box moves.
        priorities: Priorities of hyperparameters by name, 1 first; empty where all are alike.
    """

    seed: int
    ranking: bool = True
    start: str = "quasi"
    zoom: ZoomSettings = ZoomSettings()
    priorities: Mapping[str, int] = dataclasses.field(default_factory=dict)


class Suggester:
    """Suggests points of a cube from the trials so far.

    A suggestion depends on the seed, the number of the trial and the trials that are finished or pending, on nothing
    else: what is kept between calls saves time only.

    Args:
        cube: The space.
        strategy: How trials are chosen.
        sources: Searches on other data, which are learned from as far as the trials agree with them.
    """

    def __init__(self, cube: Cube, strategy: Strategy, sources: Sequence[Source] = ()) -> None:
        self.cube = cube
        self.strategy = strategy
        self._given = sources
        self.geometry = Geometry(cube.choices, cube.steps, cube.free)
        self._priorities = Priorities([each.name for each in cube.dimensions], cube.free, strategy.priorities)
        self._fitted_to: tuple[int, bytes] | None = None
        self._boxes: list[Box] = [Box(strategy.zoom.start)]
        self._scores = np.empty(0)

    def suggest(
        self, number: int, history: History, pending: NDArray[np.float64], attempt: int = 0
    ) -> NDArray[np.float64]:
        """A point for the next trial.

        Args:
            number: Number of the trial, from 0.
            history: Finished trials in the order of their numbers.
            pending: Points of trials that run, [pending, dimensions].
            attempt: Number of the attempt, from 0; each gives another point, for when the values of the one before
                have been tried already.

        Returns:
            A point [dimensions].
        """
        if attempt == 0 and number in (1, 2) and self._begins_undecided(history, pending):
            # The model alone would take the corner that is farthest from the defaults, and stay there.
            if number == 1:
                held = self._priorities.held(number, self.strategy.zoom.coarse)
                return np.where(held, self._defaults, self._middle)
            history = History(history.points[:1], history.scores[:1], history.active[:1])
        rng = np.random.default_rng([self.strategy.seed, number, attempt])
        coarse = number < self.strategy.zoom.coarse
        if history.finite == 0 or attempt >= GIVE_UP or (coarse and not self.strategy.ranking):
            return self._coarse(number, history, attempt, rng)
        box = self.box(history.scores)
        by_neighbours = number >= TAKING_TURNS and number % 2 == 1
        if not self.strategy.ranking or by_neighbours:
            return self._unranked(history, box, rng, pending)
        # The matrices are small: with several threads on them a suggestion costs up to ten times the CPU time.
        with one_thread():
            return self._ranked(number, history, box, rng, pending)

    def box(self, scores: NDArray[np.float64]) -> Box:
        """State of the zoom after these scores, worked out only from where they differ from those of the last call."""
        length = min(len(self._scores), len(scores))
        different = np.flatnonzero(self._scores[:length] != scores[:length])
        same = int(different[0]) if len(different) else length
        del self._boxes[same + 1 :]
        for score in scores[same:]:
            self._boxes.append(self._boxes[-1].after(float(score), self.strategy.zoom))
        self._scores = scores.copy()
        return self._boxes[-1]

    def _coarse(self, number: int, history: History, attempt: int, rng: np.random.Generator) -> NDArray[np.float64]:
        rows: NDArray[np.float64] = self._starting_points
        if not history.finite and len(self._portfolio):
            rows = self._portfolio  # The first trials of several workers.
        point = rows[number] if attempt == 0 and number < len(rows) else rng.random(self.cube.size)
        if attempt >= GIVE_UP:
            return point
        leader = history.points[history.order[0]] if history.finite else self._defaults
        return np.where(self._priorities.held(number, self.strategy.zoom.coarse), leader, point)

    @functools.cached_property
    def sources(self) -> SourceModels:
        """Models of the searches on other data."""
        with one_thread():
            return SourceModels(self._given, self.cube, self._seen)

    @functools.cached_property
    def _portfolio(self) -> NDArray[np.float64]:
        """The defaults, then the leaders of the searches on other data, those first that suit most of them."""
        if not self.sources.used:
            return np.empty((0, self.cube.size))
        leaders = self.sources.leaders
        best = self.sources.portfolio(self._seen(leaders), self.strategy.zoom.coarse)
        return np.vstack([self._defaults, leaders[best]])

    @functools.cached_property
    def _defaults(self) -> NDArray[np.float64]:
        return self.cube.to_point({})

    @functools.cached_property
    def _middle(self) -> NDArray[np.float64]:
        """The defaults, but for the middle of the logarithmic ranges whose default is an end."""
        return np.where(undecided_by_default(self.cube), 0.5, self._defaults)

    def _begins_undecided(self, history: History, pending: NDArray[np.float64]) -> bool:
        """Whether the first trial was at defaults that nobody has chosen, and nothing better is known of."""
        first = np.vstack([history.points, pending])[:1]
        at_defaults = len(first) == 1 and np.array_equal(first[0], self._defaults)
        undecided = undecided_by_default(self.cube)
        # Who has chosen one of them has thought of the others.
        logarithmic = [each.scale == "log" and not each.values for each in self.cube.dimensions]
        nobody = undecided.any() and np.array_equal(undecided, logarithmic)
        return bool(at_defaults and nobody and not self.sources.used)

    @functools.cached_property
    def _starting_points(self) -> NDArray[np.float64]:
        rng = np.random.default_rng(self.strategy.seed)
        return starting_points(self.strategy.start, self.strategy.zoom.coarse, self.cube.size, rng)

    def _unranked(
        self, history: History, box: Box, rng: np.random.Generator, pending: NDArray[Any]
    ) -> NDArray[np.float64]:
        chosen = ranking.informative(history.points, history.scores)
        part = History(history.points[chosen], history.scores[chosen], history.active[chosen])
        points = draw_candidates(part, box, self.geometry, self.strategy.zoom, rng, RATED)
        tried, standings = self.features(part.points, part.active), neighbours.standing(part.scores)
        if len(pending):
            tried = np.vstack([tried, self._seen(pending)])
            standings = np.concatenate([standings, np.full(len(pending), 0.5)])
        promise = neighbours.promise(self._seen(points), tried, standings)
        best: NDArray[np.float64] = points[int(np.argmax(promise))]
        return best

    def _ranked(
        self, number: int, history: History, box: Box, rng: np.random.Generator, pending: NDArray[Any]
    ) -> NDArray[np.float64]:
        chosen = ranking.informative(history.points, history.scores)
        part = History(history.points[chosen], ranking.standardised(history.scores[chosen]), history.active[chosen])
        model = self._model(history, part, pending)
        smoothed = model.mean(self.features(part.points, part.active))
        wanted = float(smoothed.max()) + MARGIN * np.sqrt(box.width / self.strategy.zoom.start)

        def promise(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return ranking.log_expected_improvement(*model.predict(self._seen(points)), wanted)

        opening = number < self.strategy.zoom.opening
        count = RANKED_AT_FIRST if opening else RANKED
        points = draw_candidates(part, box, self.geometry, self.strategy.zoom, rng, count, merit=smoothed)
        if model.taught is not None:
            points = np.vstack([points, self.sources.leaders])
        if not opening:
            best: NDArray[np.float64] = points[int(np.argmax(promise(points)))]
            return best
        edge = EDGE if number < WITHIN and model.taught is None else 0.0
        points = np.where(self.geometry.choices, points, np.clip(points, edge, 1 - edge))
        held = self._priorities.held(number, self.strategy.zoom.coarse)
        points = np.where(held, history.points[history.order[0]], points)
        return refined(points, promise, self.geometry, held, edge, rng)

    def _model(self, history: History, part: History, pending: NDArray[Any]) -> TaughtModel:
        """The model of the standardised scores of `part`, the informative trials of the history."""
        features = self.features(part.points, part.active)
        kernel, helped = self._kernel(history)
        sources = self.sources if helped else None
        model = TaughtModel(kernel, features, part.scores, sources)
        if len(pending):
            waiting = self._seen(pending)
            # What runs is taken to end as predicted, so that no second trial goes to the same spot (the kriging
            # believer of Ginsbourger et al., 2010).
            expected = np.concatenate([part.scores, model.mean(waiting)])
            model = TaughtModel(kernel, np.vstack([features, waiting]), expected, sources)
        return model

    def _kernel(self, history: History) -> tuple[ranking.Kernel, bool]:
        # Fitted at certain lengths of the history only, always from the same start, so that a resumed search has the
        # same kernel as the unbroken one.
        length = last_refit(len(history.scores))
        points, scores = history.points[:length], history.scores[:length]
        if not np.isfinite(scores).any():
            length, points, scores = len(history.scores), history.points, history.scores
        return self._fitted(length, points, scores, history.active[:length])

    def _fitted(
        self, length: int, points: NDArray[Any], scores: NDArray[Any], active: NDArray[Any]
    ) -> tuple[ranking.Kernel, bool]:
        """The kernel, and whether the searches on other data help to explain these scores."""
        key = (length, scores.tobytes())
        if self._fitted_to != key:
            chosen = ranking.informative(points, scores)
            features = self.features(points[chosen], active[chosen])
            targets = ranking.standardised(scores[chosen])
            self._fitted_to, self._fit = key, kernel_for(features, self.sources.predict(features), targets)
        return self._fit

    def _seen(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.features(points, self.cube.active_at(points))

    def features(self, points: NDArray[np.float64], active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the model sees of points; see `features_of`."""
        return features_of(self.cube, self.geometry.free, points, active)


def last_refit(length: int) -> int:
    """The last length of a history, up to this one, at which the kernel is fitted: each 7 % longer than the last."""
    at = 4
    while (further := at + max(1, round(0.07 * at))) <= length:
        at = further
    return at
