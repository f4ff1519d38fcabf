"""When a search ends, and which of its last trials compare the leaders and the defaults."""

from __future__ import annotations

import dataclasses

from tuners.strategy.scores import BestSoFar

RERUN_SHARE = 0.1
"""Of the trials, or of the time: spent at the end on comparing the leaders and the defaults by further runs."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How far a search goes; None for no limit.

    Attributes:
        trials: Trials in all.
        seconds: After which no further trial starts.
        patience: Trials in a row without a new best, those that run others again aside.
        reruns: Trials at the end that run others again; None for a share of all.
    """

    trials: int | None
    seconds: float | None
    patience: int | None
    reruns: int | None

    def reruns_of(self, trials: int) -> int:
        """Of so many trials, those at the end that may run others again."""
        return int(RERUN_SHARE * trials) if self.reruns is None else self.reruns

    def worn_out(self, best: BestSoFar) -> bool:
        """Whether there was no new best in as many trials as `patience` says."""
        return self.patience is not None and best.found and best.since >= self.patience

    def closing(self, started: int, elapsed: float, best: BestSoFar, reruns: int) -> bool:
        """Whether the next trial is one of the last, in which the leaders and the defaults are run again.

        Args:
            started: Trials so far.
            elapsed: Seconds so far.
            best: The best so far.
            reruns: Trials so far that have run others again.
        """
        over = self.worn_out(best)
        allowed = self.reruns_of(started if self.trials is None or over else self.trials)
        if reruns >= allowed:
            return False
        late = self.seconds is not None and elapsed >= (1 - RERUN_SHARE) * self.seconds
        return late or over or (self.trials is not None and started >= self.trials - allowed)

    def undecided(self, started: int, ended: int) -> int:
        """Trials that may still change which is the best, where it is known that they come.

        Args:
            started: Trials so far.
            ended: Those of them that have ended.
        """
        if self.trials is not None:
            return min(self.reruns_of(self.trials), self.trials - ended)
        return 0 if self.seconds is None and self.patience is None else self.reruns_of(started)

    def reached(self, started: int, elapsed: float, best: BestSoFar, comparing: bool) -> str:
        """Why no further trial starts, in words, or "".

        Args:
            started: Trials so far.
            elapsed: Seconds so far.
            best: The best so far.
            comparing: Whether the next trial compares leaders, for which `patience` waits.
        """
        if self.trials is not None and started >= self.trials:
            return "All trials are done."
        if self.seconds is not None and elapsed >= self.seconds:
            return f"The time is used up ({self.seconds:g} s)."
        if self.worn_out(best) and not comparing:
            return f"The search no longer improves: no new best in {best.since} trials."
        return ""
