"""Plans the trials of an oracle: given configurations or the defaults first, then what the suggester suggests."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tuners.space.dimensions import Cube, Dimension, check_names, cube_from_space
from tuners.strategy.configurations import Configuration, Configurations
from tuners.strategy.suggest import Strategy, Suggester
from tuners.strategy.transfer import LEAST, Source
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
        initial: Values to try first, in place of the defaults.
        earlier: Trials of an earlier search; their score stands without their being run again.
        reevaluate: Times that a leading configuration is tried again.
        sources: Searches on other data to learn from.

    Attributes:
        rows: Rows of validation where the scores are shares of them.
    """

    def __init__(
        self,
        strategy: Strategy,
        scales: Mapping[str, str],
        initial: Sequence[Mapping[str, Any]],
        earlier: Sequence[Known] = (),
        reevaluate: int = 0,
        sources: Sequence[Source] = (),
    ) -> None:
        self.strategy, self.scales, self.initial = strategy, scales, initial
        self.earlier, self.reevaluate, self.sources = earlier, reevaluate, sources
        self.cube = Cube(())
        self.table = TrialTable(self.cube)
        self._suggester = Suggester(self.cube, strategy, sources)
        self._space: list[Mapping[str, Any]] | None = None
        self._checked = False
        self.rows: int | None = None
        self._repeats = Configurations()
        self._before = 0

    def take_space(self, space: Sequence[Mapping[str, Any]]) -> None:
        """Use this search space from now on; cheap where it has not changed.

        Trials that no longer lie in it are left out of account: neither the zoom nor the ranking sees them.

        Args:
            space: Configurations of the hyperparameters, as keras-tuner writes them.

        Raises:
            ValueError: `scales` or `earlier` does not fit it.
        """
        if space == self._space:
            return
        names = {each["config"]["name"] for each in space}
        self.cube = cube_from_space(space, {name: scale for name, scale in self.scales.items() if name in names})
        self._suggester = Suggester(self.cube, self.strategy, self.sources)
        self.table.reshape(self.cube)
        if not self._before:
            self._learn()
        self._space, self._checked = list(space), False

    def plan(self, number: int, closing: bool = False) -> Plan | None:
        """Values of the next trial.

        Args:
            number: Its number, from 0.
            closing: Whether it is one of the last, in which the leaders and the defaults are compared by further runs.

        Returns:
            Values of the hyperparameters that apply, and the coordinates of all, by name; None where every
            configuration of the space has been tried.

        Raises:
            ValueError: `scales`, `priorities` or `initial` does not fit the space.
        """
        self._check()
        if number < len(self.initial):
            return self._named(self.cube.to_point(self.initial[number]))
        if number == 0:
            default = self._named(self.cube.to_point({}))
            if default[0] not in self._repeats:
                return default
        leader = self._to_repeat() if not closing else self._to_compare()
        if leader is not None:
            return self.table.planned(leader)
        if not self.cube.free.any():
            only = self._named(self.cube.to_point({}))
            return None if only[0] in self._repeats else only
        history, pending = self.table.history(), self.table.pending()
        for attempt in range(TRIES):
            point = self._suggester.suggest(self._before + number - self.table.outside, history, pending, attempt)
            planned = self._named(point)
            if planned[0] not in self._repeats:
                return planned
        return None

    def completed(self, values: Mapping[str, Any], number: int) -> Plan:
        """Values that were chosen elsewhere, as a plan; what they leave out is as this planner would have it.

        Args:
            values: Values by name; those of hyperparameters that are not in the space are kept, and those of
                hyperparameters that do not apply are not.
            number: Number of the trial, from 0.
        """
        made = self.cube.completed(values, self.cube.to_point({}))
        if not made.keys() <= values.keys():
            planned = self.plan(number)
            rest = None if planned is None else [planned[1][each.name] for each in self.cube.dimensions]
            made = self.cube.completed(values, self.cube.to_point({}) if rest is None else np.array(rest))
        inside = {each.name: made[each.name] for each in self.cube.dimensions if _lies_in(each, made)}
        names = {each.name for each in self.cube.dimensions}
        others = {name: value for name, value in values.items() if name not in names}
        return {**made, **others}, self._named(self.cube.to_point(inside))[1]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the space, as it is now, holds these values."""
        return self.cube.holds(values)

    def start(self, number: int, values: Mapping[str, Any], point: Mapping[str, float]) -> None:
        """A trial has started, or has found new hyperparameters while it was built."""
        row = self._before + number
        # One that repeats another adds no point.
        if self._repeats.start(row, values).first == row:
            self.table.add(row, values, point)

    def finish(self, number: int, score: float, loss: float = 0.0, promise: float | None = None) -> None:
        """A trial has ended.

        Args:
            number: Its number, from 0.
            score: More is better, -inf where there is none.
            loss: Breaks ties.
            promise: The score that it would have reached, where it was stopped before its end, or None: the next trials
                are chosen by that.
        """
        configuration = self._repeats.finish(self._before + number, score, loss)
        known = configuration.mean
        if promise is not None and math.isfinite(score):
            known = promise
        self.table.finish(configuration.first, known)

    @property
    def reruns(self) -> int:
        """Trials that run the values of an earlier one again."""
        return self._repeats.reruns

    @property
    def to_compare(self) -> bool:
        """Whether further runs of the leaders and the defaults may change which is the best."""
        return self._to_compare() is not None

    def is_rerun(self, number: int) -> bool:
        """Whether a trial runs the values of an earlier one again."""
        return self._repeats.of(self._before + number).first != self._before + number

    def best(self) -> Iterator[int]:
        """Numbers of the best trials, one per configuration: its latest, which was not picked for a lucky score.

        The default comes before those that lead it by no more than luck.
        """
        for configuration in self._repeats.best(self._default(), self.rows):
            if configuration.first >= self._before:
                yield max(configuration.scores) - self._before

    def default(self) -> int | None:
        """Number of the latest trial at the defaults that has a score, or None."""
        default = self._default()
        return max(default.scores) - self._before if default is not None and default.scores else None

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

    def _to_compare(self) -> int | None:
        """What is to be run again before the best is named; None where it leads by more than luck explains.

        The leader comes first, since its score was picked for being high; then the defaults and the runner-up, as far
        as the runs so far do not tell them from it.
        """
        own = (each for each in self._repeats.best() if each.first >= self._before)
        leading = list(itertools.islice(own, 2))
        if not leading or len(leading[0].numbers) == 1:
            return leading[0].first if leading else None
        leader, *rivals = leading
        default = self._default()
        if default is not None:
            rivals.insert(0, default)
        noise, freedom = self._repeats.noise
        far = noise * special.stdtrit(freedom, 0.975) if freedom else 0.0
        close = [each for each in rivals if each is not leader and _apart(leader, each) <= far]
        return min([leader, *close], key=lambda each: len(each.numbers)).first if close else None

    def _default(self) -> Configuration | None:
        """The default, where this search has tried it."""
        default = self._repeats.with_values(self.cube.to_values(self.cube.to_point({})))
        return default if default is not None and default.first >= self._before else None

    def _named(self, point: NDArray[Any]) -> Plan:
        values = self.cube.to_values(point)
        snapped = self.cube.to_point(values, point)
        names = [each.name for each in self.cube.dimensions]
        return values, dict(zip(names, snapped.tolist(), strict=True))

    def _check(self) -> None:
        if self._checked:
            return
        self._check_names("scales", self.scales)
        self._check_names("priorities", self.strategy.priorities)
        for values in self.initial:
            self._check_names("initial", values)
            for each in self.cube.dimensions:
                if each.name in values and not each.holds(values[each.name]):
                    raise ValueError(f"initial: {each.name}: {values[each.name]!r} is not {each.range}.")
        if self.sources and not self._suggester.sources.used:
            warnings.warn(
                f"learn_from: nothing is learned, since none of the {len(self.sources)} searches has at least {LEAST} "
                "trials with a score that differ in hyperparameters of this search.",
                stacklevel=2,
            )
        self._checked = True

    def _check_names(self, argument: str, given: Mapping[str, Any]) -> None:
        check_names(argument, given, [each.name for each in self.cube.dimensions])


def _apart(leader: Configuration, other: Configuration) -> float:
    """How far the means of two lie apart, in units of the error that their numbers of runs leave."""
    if not other.scores or not math.isfinite(other.mean):
        return math.inf
    return (leader.mean - other.mean) / math.sqrt(1 / len(leader.scores) + 1 / len(other.scores))


def _lies_in(dimension: Dimension, values: Mapping[str, Any]) -> bool:
    return dimension.name in values and dimension.holds(values[dimension.name])
