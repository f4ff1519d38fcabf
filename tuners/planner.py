"""Plans the trials of an oracle: given configurations first, then what the suggester suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuners.dimensions import Cube, cube_from_space
from tuners.history import TrialTable
from tuners.suggest import Strategy, Suggester

TRIES = 50
"""Points asked for, at most, to find values that have not been tried."""


class Planner:
    """Chooses the values of each trial and keeps what came of it.

    Args:
        strategy: How trials are chosen.
        scales: Scales by hyperparameter name in place of the declared ones.
        initial: Values to try first.
    """

    def __init__(self, strategy: Strategy, scales: Mapping[str, str], initial: Sequence[Mapping[str, Any]]) -> None:
        self.strategy, self.scales, self.initial = strategy, scales, initial
        self.cube = Cube(())
        self.table = TrialTable(self.cube)
        self._suggester = Suggester(self.cube, strategy)
        self._configurations = -1
        self._tried: set[tuple[Any, ...]] = set()

    def take_space(self, space: Sequence[Mapping[str, Any]]) -> None:
        """Use this search space from now on; cheap where it has not grown.

        Args:
            space: Configurations of the hyperparameters, as keras-tuner writes them.

        Raises:
            ValueError: `scales` or `initial` does not fit it.
        """
        if len(space) == self._configurations:
            return
        self._configurations = len(space)
        self.cube = cube_from_space(space, self.scales)
        self._suggester = Suggester(self.cube, self.strategy)
        self.table.reshape(self.cube)
        for values in self.initial:
            self._check(values)

    def plan(self, number: int) -> tuple[dict[str, Any], dict[str, float]] | None:
        """Values of the next trial.

        Args:
            number: Its number, from 0.

        Returns:
            Values of the hyperparameters that apply, and the coordinates of all, by name; None where every
            configuration of the space has been tried.
        """
        if number < len(self.initial):
            point = self.cube.to_point(self.initial[number])
            return self._named(point)
        history, pending = self.table.history(), self.table.pending()
        for attempt in range(TRIES):
            point = self._suggester.suggest(number, history, pending, attempt)
            planned = self._named(point)
            if _key(planned[0]) not in self._tried:
                return planned
        return None

    def start(self, number: int, values: Mapping[str, Any], point: Mapping[str, float]) -> None:
        """A trial has started, or has found new hyperparameters while it was built."""
        self._tried.add(_key(values))
        self.table.add(number, values, point)

    def finish(self, number: int, score: float) -> None:
        """A trial has ended; its score, more is better, -inf where there is none."""
        self.table.finish(number, score)

    def _named(self, point: Any) -> tuple[dict[str, Any], dict[str, float]]:
        values = self.cube.to_values(point)
        snapped = self.cube.to_point(values, point)
        names = [each.name for each in self.cube.dimensions]
        return values, dict(zip(names, snapped.tolist(), strict=True))

    def _check(self, values: Mapping[str, Any]) -> None:
        by_name = {each.name: each for each in self.cube.dimensions}
        for name, value in values.items():
            if name not in by_name:
                raise ValueError(f"initial: no hyperparameter is called {name!r}; there are {', '.join(by_name)}.")
            try:
                by_name[name].to_unit(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"initial: {error}") from None


def _key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(values.items()))
