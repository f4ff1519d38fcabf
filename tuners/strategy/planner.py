"""Plans the trials of an oracle: given configurations first, then what the suggester suggests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from tuners.space.dimensions import Cube, check_names, cube_from_space
from tuners.strategy.configurations import Configurations
from tuners.strategy.suggest import Strategy, Suggester
from tuners.strategy.trial_table import TrialTable
from tuners.strategy.warm_start import Known, fitting

TRIES = 50
"""Points asked for, at most, to find values that have not been tried."""

Plan = tuple[dict[str, Any], dict[str, float]]


class Planner:
    """Chooses the values of each trial and keeps what came of it.

    The trials of an earlier search come before its own in the table, as if they had been the first of this search.

    Args:
        strategy: How trials are chosen.
        scales: Scales by hyperparameter name in place of the declared ones.
        initial: Values to try first.
        earlier: Trials of an earlier search; their score stands without their being run again.
        reevaluate: Times that a leading configuration is tried again.
    """

    def __init__(
        self,
        strategy: Strategy,
        scales: Mapping[str, str],
        initial: Sequence[Mapping[str, Any]],
        earlier: Sequence[Known] = (),
        reevaluate: int = 0,
    ) -> None:
        self.strategy, self.scales, self.initial = strategy, scales, initial
        self.earlier, self.reevaluate = earlier, reevaluate
        self.cube = Cube(())
        self.table = TrialTable(self.cube)
        self._suggester = Suggester(self.cube, strategy)
        self._configurations = -1
        self._repeats = Configurations()
        self._before = 0

    def take_space(self, space: Sequence[Mapping[str, Any]]) -> None:
        """Use this search space from now on; cheap where it has not grown.

        Args:
            space: Configurations of the hyperparameters, as keras-tuner writes them.

        Raises:
            ValueError: `scales`, `priorities`, `initial` or `earlier` does not fit it.
        """
        if len(space) == self._configurations:
            return
        self.cube = cube_from_space(space, self.scales)
        self._check_names("priorities", self.strategy.priorities)
        for values in self.initial:
            self._check(values)
        self._suggester = Suggester(self.cube, self.strategy)
        self.table.reshape(self.cube)
        if not self._before:
            self._learn()
        self._configurations = len(space)

    def plan(self, number: int) -> Plan | None:
        """Values of the next trial.

        Args:
            number: Its number, from 0.

        Returns:
            Values of the hyperparameters that apply, and the coordinates of all, by name; None where every
            configuration of the space has been tried.
        """
        if number < len(self.initial):
            return self._named(self.cube.to_point(self.initial[number]))
        leader = self._to_repeat()
        if leader is not None:
            return self.table.planned(leader)
        history, pending = self.table.history(), self.table.pending()
        for attempt in range(TRIES):
            point = self._suggester.suggest(self._before + number, history, pending, attempt)
            planned = self._named(point)
            if planned[0] not in self._repeats:
                return planned
        return None

    def start(self, number: int, values: Mapping[str, Any], point: Mapping[str, float]) -> None:
        """A trial has started, or has found new hyperparameters while it was built."""
        row = self._before + number
        # One that repeats another adds no point.
        if self._repeats.start(row, values).first == row:
            self.table.add(row, values, point)

    def finish(self, number: int, score: float) -> None:
        """A trial has ended; its score, more is better, -inf where there is none."""
        configuration = self._repeats.finish(self._before + number, score)
        self.table.finish(configuration.first, configuration.mean)

    def best(self) -> Iterator[int]:
        """Numbers of the best trials, one per configuration: its latest, which was not picked for a lucky score."""
        for configuration in self._repeats.best():
            if configuration.first >= self._before:
                yield max(configuration.scores) - self._before

    def _learn(self) -> None:
        inside = fitting(self.earlier, self.cube)
        for number, trial in enumerate(inside):
            values, point = self._named(self.cube.to_point(trial.values))
            self.start(number, values, point)
            self.finish(number, -math.inf if trial.score is None else trial.score)
        self._before = len(inside)

    def _to_repeat(self) -> int | None:
        """The best trial, where its values are to be run again before its score is trusted."""
        leader = self.table.leader() if self.reevaluate else None
        if leader is None or leader < self._before:
            return None
        return leader if len(self._repeats.of(leader).numbers) <= self.reevaluate else None

    def _named(self, point: NDArray) -> Plan:
        values = self.cube.to_values(point)
        snapped = self.cube.to_point(values, point)
        names = [each.name for each in self.cube.dimensions]
        return values, dict(zip(names, snapped.tolist(), strict=True))

    def _check(self, values: Mapping[str, Any]) -> None:
        self._check_names("initial", values)
        for each in self.cube.dimensions:
            if each.name in values and not each.holds(values[each.name]):
                raise ValueError(f"initial: {each.name}: {values[each.name]!r} is not {each.range}.")

    def _check_names(self, argument: str, given: Mapping[str, Any]) -> None:
        check_names(argument, given, [each.name for each in self.cube.dimensions])
