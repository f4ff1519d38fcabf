"""How a search stands: what its trials have come to, the best so far, and how long ago that was."""

from __future__ import annotations

import collections
import math
from typing import Any

from keras_tuner.engine.trial import Trial

from tuners.verdict import directions, divergence


class Tally:
    """Judges trials and counts them.

    Args:
        objective: A `keras_tuner.Objective`, or several in one.

    Attributes:
        runs: Times that each trial was run to an end, by id.
        failures: Failed trials in a row.
        best: Best score so far, more is better; -inf where there is none.
        since_best: Trials since the best.
    """

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self.runs: collections.Counter[str] = collections.Counter()
        self.failures = 0
        self.best = -math.inf
        self.since_best = 0

    def judge(self, trial: Trial, retries: int) -> bool:
        """Settle the status of a trial that was run to an end.

        Args:
            trial: The trial.
            retries: Times that a trial that raised is run again.

        Returns:
            Whether it is to be run again.
        """
        self.runs[trial.trial_id] += 1
        if trial.status == "COMPLETED":
            diverged = divergence(trial, directions(self.objective))
            if diverged:
                trial.status, trial.message = "INVALID", f"infeasible: {diverged}"
            return False
        if trial.status == "INVALID" and self.runs[trial.trial_id] > retries:
            trial.status = "FAILED"
        return trial.status == "INVALID"

    def count(self, trial: Trial) -> float:
        """Count a trial with its final status; its score, more is better, -inf where it has none."""
        self.failures = self.failures + 1 if trial.status == "FAILED" else 0
        score = -math.inf
        if trial.status == "COMPLETED":
            score = float(trial.score) if self.objective.direction == "max" else -float(trial.score)
        self.since_best = 0 if score > self.best else self.since_best + 1
        self.best = max(self.best, score)
        return score
