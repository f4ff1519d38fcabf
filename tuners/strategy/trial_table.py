"""The trials of an oracle as the suggester sees them: points, scores and the dimensions that applied, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.space.dimensions import Cube
from tuners.strategy.zoom import History


class TrialTable:
    """Trials by number, in a cube that may grow while the search runs.

    Args:
        cube: The space.
    """

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self._points: dict[int, dict[str, float]] = {}
        self._values: dict[int, Mapping[str, Any]] = {}
        self._coordinates = np.empty((64, cube.size))
        self._active = np.empty((64, cube.size), dtype=bool)
        self._scores = np.full(64, np.nan)
        self._outside = np.zeros(64, dtype=bool)
        self._end = 0

    @property
    def outside(self) -> int:
        """Number of trials that no longer lie in the cube; they are as if they had not been."""
        return int(self._outside[: self._end].sum())

    def reshape(self, cube: Cube) -> None:
        """Take over a cube that has changed; trials are where their values are in it, if it holds them."""
        self.cube = cube
        self._coordinates = np.empty((len(self._scores), cube.size))
        self._active = np.empty((len(self._scores), cube.size), dtype=bool)
        for number, values in self._values.items():
            self._outside[number] = not cube.holds(values)
            if not self._outside[number]:
                self._points[number].update(cube.placed(values))
            self._place(number)

    def add(self, number: int, values: Mapping[str, Any], point: Mapping[str, float]) -> None:
        """A trial has started.

        Args:
            number: Its number, from 0.
            values: Its values.
            point: Its coordinates by name, those that do not apply included.
        """
        if self._values.get(number) == values:
            return
        while number >= len(self._scores):
            self._coordinates = np.concatenate([self._coordinates, np.empty_like(self._coordinates)])
            self._active = np.concatenate([self._active, np.empty_like(self._active)])
            self._scores = np.concatenate([self._scores, np.full(len(self._scores), np.nan)])
            self._outside = np.concatenate([self._outside, np.zeros_like(self._outside)])
        self._points[number], self._values[number] = dict(point), dict(values)
        self._outside[number] = not self.cube.holds(values)
        self._end = max(self._end, number + 1)
        self._place(number)

    def finish(self, number: int, score: float) -> None:
        """A trial has ended: its score, more is better, -inf where it was infeasible or failed."""
        self._scores[number] = score

    def planned(self, number: int) -> tuple[dict[str, Any], dict[str, float]]:
        """Values of a trial, and its coordinates by name."""
        return dict(self._values[number]), dict(self._points[number])

    def leader(self) -> int | None:
        """Number of the best trial, the earlier of equals; None where none has a score."""
        scores = np.where(self._outside | np.isnan(self._scores), -np.inf, self._scores)[: self._end]
        best = int(np.argmax(scores)) if self._end else -1
        return best if best >= 0 and np.isfinite(scores[best]) else None

    def history(self) -> History:
        """The finished trials, in the order of their numbers."""
        ended = np.flatnonzero(~np.isnan(self._scores[: self._end]) & ~self._outside[: self._end])
        if len(ended) == self._end:
            # Views cost nothing where every trial has ended, as in a search by one worker.
            part = slice(0, self._end)
            return History(self._coordinates[part], self._scores[part], self._active[part])
        return History(self._coordinates[ended], self._scores[ended], self._active[ended])

    def pending(self) -> NDArray[np.float64]:
        """Points of the trials that run, [pending, dimensions]."""
        waiting = np.flatnonzero(np.isnan(self._scores[: self._end]) & ~self._outside[: self._end])
        return self._coordinates[[number for number in waiting if number in self._points]]

    def _place(self, number: int) -> None:
        values, point = self._values[number], self._points[number]
        # Hyperparameters that have turned up since are where the trial had them, or at their default.
        places = [point.get(each.name, np.nan) for each in self.cube.dimensions]
        self._coordinates[number] = places
        if np.isnan(places).any():
            missing = [each.to_unit(each.default) for each in self.cube.dimensions]
            rest = np.where(np.isnan(places), missing, places)
            inside = {} if self._outside[number] else values
            self._coordinates[number] = self.cube.to_point(inside, rest)
        self._active[number] = self.cube.active(values)
