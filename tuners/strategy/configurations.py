"""Trials with the same values: one configuration, run again from other seeds, which counts once, by its mean score."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[Any, ...]


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
    def rank(self) -> tuple[float, float, int]:
        """What is smaller where the configuration is better."""
        return -self.mean, sum(self.losses.values()) / len(self.losses), self.first


class Configurations:
    """Trials by configuration."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Configuration] = {}
        self._by_number: dict[int, Configuration] = {}
        self._ranked: list[tuple[float, float, int]] = []

    def __contains__(self, values: Mapping[str, Any]) -> bool:
        return key_of(values) in self._by_key

    def of(self, number: int) -> Configuration:
        """The configuration of a trial."""
        return self._by_number[number]

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
        configuration.numbers.append(number)
        self._by_number[number] = configuration
        return configuration

    def finish(self, number: int, score: float, loss: float = 0.0) -> Configuration:
        """A trial has ended; its score, more is better, -inf where there is none, and its loss, which breaks ties."""
        configuration = self._by_number[number]
        if configuration.scores:
            # Kept in order rather than sorted when asked, so that the best cost the same at trial 10,000.
            del self._ranked[bisect.bisect_left(self._ranked, configuration.rank)]
        configuration.scores[number], configuration.losses[number] = score, loss
        bisect.insort(self._ranked, configuration.rank)
        return configuration

    def best(self) -> Iterator[Configuration]:
        """Configurations that were feasible whenever they were tried, the best first, the earlier of equals first."""
        for worse, _, number in self._ranked:
            if worse == math.inf:
                return
            yield self._by_number[number]
