"""Trials with the same values: one configuration, run again from other seeds, which counts once, by its mean score."""

from __future__ import annotations

import bisect
import dataclasses
import heapq
import math
from collections.abc import Iterator, Mapping
from typing import Any

from tuners.strategy.luck import luck_of_rows

Key = tuple[Any, ...]

Rank = tuple[float, float, int]

MOST_SHRUNK = 2.0
"""Runs, at most, that what is known of all configurations weighs as much as in the estimate of one."""


CLEAR = ((0.9, 0.5), (1.2, 1.0), (math.inf, 2.0))
"""Standard deviations of luck by which a configuration has to lead the default to come before it, by its loss.

Each is for losses up to so many times the default's: that a lead and a smaller loss are both luck is less probable, and
a lead with a larger loss is of a model that is surer than it is right. See `tests/benchmarks/never_worse.md`.
"""


def alike(value: object, other: object) -> bool:
    """Whether two values are one, but for the last digits of numbers."""
    if isinstance(value, float) and isinstance(other, int | float):
        return abs(value - other) <= 1e-6 * max(abs(value), abs(other))
    return value == other


def key_of(values: Mapping[str, Any]) -> Key:
    """What trials with the same values have in common, as a key."""
    return tuple(sorted(values.items()))


@dataclasses.dataclass
class Configuration:
    """The trials of one set of values.

    Attributes:
        numbers: Their numbers, in the order of their start.
        scores: What those that have ended reached, by number, more is better; -inf where infeasible.
        losses: What tells them from others with the same scores, by number, less is better.
    """

    numbers: list[int] = dataclasses.field(default_factory=list)
    scores: dict[int, float] = dataclasses.field(default_factory=dict)
    losses: dict[int, float] = dataclasses.field(default_factory=dict)

    @property
    def first(self) -> int:
        """Number of its first trial, which represents it among the points of the search."""
        return self.numbers[0]

    @property
    def mean(self) -> float:
        """Mean of its scores; -inf where one of its trials was infeasible, since that may happen again."""
        return sum(self.scores.values()) / len(self.scores)

    @property
    def loss(self) -> float:
        """Mean of its losses."""
        return sum(self.losses.values()) / len(self.losses)

    @property
    def rank(self) -> Rank:
        """What is smaller where the configuration is better, by its mean."""
        return -self.mean, self.loss, self.first


class Configurations:
    """Trials by configuration.

    Attributes:
        reruns: Trials with the values of an earlier one, those that run included.
    """

    def __init__(self) -> None:
        self._by_key: dict[Key, Configuration] = {}
        self._by_number: dict[int, Configuration] = {}
        self._ranked: list[Rank] = []
        self._repeated: dict[int, Configuration] = {}
        self.reruns = 0

    def __contains__(self, values: Mapping[str, Any]) -> bool:
        return key_of(values) in self._by_key

    def of(self, number: int) -> Configuration:
        """The configuration of a trial."""
        return self._by_number[number]

    def with_values(self, values: Mapping[str, Any]) -> Configuration | None:
        """The configuration with these values, or None where none has been tried."""
        return self._by_key.get(key_of(values))

    def start(self, number: int, values: Mapping[str, Any]) -> Configuration:
        """A trial has started, or has found new hyperparameters while it was built.

        Returns:
            Its configuration; one that it shares where the values are those of an earlier trial.
        """
        known = self._by_number.get(number)
        if known is not None:
            self._by_key.setdefault(key_of(values), known)
            return known
        configuration = self._by_key.setdefault(key_of(values), Configuration())
        self.reruns += bool(configuration.numbers)
        configuration.numbers.append(number)
        self._by_number[number] = configuration
        return configuration

    def finish(self, number: int, score: float, loss: float = 0.0) -> Configuration:
        """A trial has ended; its score, more is better, -inf where there is none, and its loss, which breaks ties."""
        configuration = self._by_number[number]
        if configuration.scores:
            # Kept in order rather than sorted when asked, so that the best cost the same at trial 10,000.
            del self._ranked[bisect.bisect_left(self._ranked, configuration.rank)]
            self._repeated[configuration.first] = configuration
        configuration.scores[number], configuration.losses[number] = score, loss
        bisect.insort(self._ranked, configuration.rank)
        return configuration

    @property
    def noise(self) -> tuple[float, int]:
        """Standard deviation of a score by luck, from what was run again, and its degrees of freedom, 0 for none."""
        feasible = [each for each in self._repeated.values() if math.isfinite(each.mean)]
        freedom = sum(len(each.scores) - 1 for each in feasible)
        squares = sum((score - each.mean) ** 2 for each in feasible for score in each.scores.values())
        return math.sqrt(squares / max(freedom, 1)), freedom

    def best(self, default: Configuration | None = None, rows: int | None = None) -> Iterator[Configuration]:
        """Configurations that were feasible whenever they were tried, the best first, the earlier of equals first.

        Their means are drawn towards the median of all, which is weighed against runs (empirical Bayes): the best of
        many single runs has been lucky, the more so the more scores owe to luck, while several runs of one say more.

        Args:
            default: One that comes before those that lead it by no more than luck, or None.
            rows: Rows of validation where the scores are shares of them, which are luck that runs do not tell.

        References:
            Efron and Morris (1975), "Data Analysis Using Stein's Estimator and its Generalizations".
        """
        if default is None or not default.scores or not math.isfinite(default.mean):
            yield from self._by_mean()
            return
        by_mean, lucky = self._by_mean(), []
        for each in by_mean:
            if each is default:
                break
            luck = self._luck(each, default, rows)
            # Where nothing tells of luck, the loss has told them apart.
            if each.mean - default.mean > _clear(each.loss, default.loss) * luck or not luck:
                yield each
            else:
                lucky.append(each)
        yield from (default, *lucky)
        yield from by_mean

    def _luck(self, leader: Configuration, default: Configuration, rows: int | None) -> float:
        """Standard deviation of the lead over the default by seeds and rows, 0 where nothing tells."""
        seeds = self.noise[0] ** 2 * (1 / len(leader.scores) + 1 / len(default.scores))
        validation = 2 * luck_of_rows(abs(default.mean), rows) ** 2 if rows else 0.0
        return math.sqrt(seeds + validation)

    def _by_mean(self) -> Iterator[Configuration]:
        middle, weight = self._prior

        def shrunk(each: Configuration) -> Rank:
            runs, (_, loss, first) = len(each.scores), each.rank
            return -middle - (each.mean - middle) * runs / (runs + weight), loss, first

        again = sorted(shrunk(each) for each in self._repeated.values() if math.isfinite(each.mean))
        # Those of one run are in order already.
        for *_, number in heapq.merge(again, map(shrunk, self._single())):
            yield self._by_number[number]

    def _single(self) -> Iterator[Configuration]:
        for worse, _, number in self._ranked:
            if worse == math.inf:
                return
            if number not in self._repeated:
                yield self._by_number[number]

    @property
    def _prior(self) -> tuple[float, float]:
        """Median of the feasible means, and the number of runs that it weighs as much as."""
        noise, freedom = self.noise
        feasible = bisect.bisect_left(self._ranked, (math.inf,))
        if not freedom:
            return 0.0, 0.0
        middle, good = -self._ranked[feasible // 2][0], -self._ranked[feasible // 4][0]
        # Runs that differ by rounding alone owe nothing to luck.
        if noise <= 1e-9 * abs(middle):
            return middle, 0.0
        # The upper quartile of a normal distribution lies 0.674 deviations above its middle.
        spread = ((good - middle) / 0.674) ** 2 - noise**2
        return middle, min(noise**2 / spread, MOST_SHRUNK) if spread > 0 else MOST_SHRUNK


def _clear(loss: float, default: float) -> float:
    """Standard deviations of luck that a lead has to have."""
    if not default > 0:  # There is no loss beside the objective, or none that can be compared in shares.
        loss, default = 1.0, 1.0
    return next((deviations for most, deviations in CLEAR if loss <= most * default), CLEAR[-1][1])
