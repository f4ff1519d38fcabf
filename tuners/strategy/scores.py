"""Scores as trials are compared by them: as gains, of which more is better whatever the metric."""

from __future__ import annotations

import dataclasses
import math


def gain_of(score: float | None, direction: str) -> float:
    """The gain of a score.

    Args:
        score: The value of a metric, or None where there is none, as with a trial that was infeasible or failed.
        direction: Which way the metric is better, "min" or "max".

    Returns:
        The score, its sign changed where less is better; -inf where there is none.
    """
    if score is None:
        return -math.inf
    return float(score) if direction == "max" else -float(score)


def score_of(gain: float, direction: str) -> float:
    """The score that has a gain, which is finite."""
    return gain if direction == "max" else -gain


def tie_breaker(objective: str) -> str:
    """The loss that tells which of two epochs or trials is better where the objective is the same, or "".

    An accuracy of a few hundred rows is often the same; the loss hardly ever.

    Args:
        objective: Name of the metric that is optimised, with "val_" in front where it is of validation rows.
    """
    loss = "val_loss" if objective.startswith("val_") else "loss"
    return "" if objective == loss else loss


def goodness(score: float, loss: float | None, direction: str) -> tuple[float, float]:
    """What is larger where an epoch is better.

    Args:
        score: The value of the objective.
        loss: That of its `tie_breaker`, or None where there is none.
        direction: Which way the objective is better, "min" or "max".
    """
    return gain_of(score, direction), -math.inf if loss is None else -loss


@dataclasses.dataclass
class BestSoFar:
    """The best gain of a sequence.

    Attributes:
        gain: The best gain; -inf where there is none.
        since: Gains that have come after it.
    """

    gain: float = -math.inf
    since: int = 0

    def add(self, gain: float) -> bool:
        """Take the next gain.

        Returns:
            Whether it is a new best; an equal one is not.
        """
        better = gain > self.gain
        self.gain = gain if better else self.gain
        self.since = 0 if better else self.since + 1
        return better

    @property
    def found(self) -> bool:
        """Whether there is a best one."""
        return math.isfinite(self.gain)
