"""How far apart scores of one configuration lie by luck alone: the seed, and the rows that happen to validate."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from tuners.strategy.configurations import Key, key_of
from tuners.strategy.luck import is_rate, luck_of_rows

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

ENOUGH = 4
"""Degrees of freedom from which repeats are trusted over what the curves and the model say."""


@dataclasses.dataclass(frozen=True)
class Noise:
    """Standard deviations of a score, in its units.

    Attributes:
        seeds: By the seed of the training; 0 where nothing tells.
        rows: By the rows of validation, as far as they move one configuration and not the others; 0 where unknown.
        source: What `seeds` was measured by: "repeats", "curves", or "" for nothing.
        repeats: Degrees of freedom of the repeats.
    """

    seeds: float
    rows: float
    source: str
    repeats: int = 0

    @property
    def total(self) -> float:
        """Of a score, by both."""
        return math.hypot(self.seeds, self.rows)


def noise_of(study: Study) -> Noise:
    """The noise of a study's scores, from its repeats or curves and its rows of validation."""
    repeated, freedom = _by_repeats(study)
    rows = _by_rows(study)
    if freedom >= ENOUGH:
        return Noise(repeated, rows, "repeats", freedom)
    curves = _by_curves(study)
    seeds = max(repeated, curves) if freedom else curves
    return Noise(seeds, rows, "curves" if curves else ("repeats" if freedom else ""), freedom)


def _by_repeats(study: Study) -> tuple[float, int]:
    """Standard deviation of one trial's score over executions and trials of the same values; degrees of freedom."""
    squares, freedom = 0.0, 0
    groups: dict[Key, list[float]] = {}
    for trial in study.completed:
        assert trial.score is not None
        groups.setdefault(key_of(trial.values), []).append(trial.score)
        count = len(trial.executions)
        if count > 1 and np.isfinite(trial.executions).all() and not study.fact("folds"):
            # The score is their mean.
            squares += float(np.var(trial.executions, ddof=1)) / count * (count - 1)
            freedom += count - 1
    for scores in groups.values():
        if len(scores) > 1:
            squares += float(np.var(scores, ddof=1)) * (len(scores) - 1)
            freedom += len(scores) - 1
    return (math.sqrt(squares / freedom) if freedom else 0.0), freedom


def _by_rows(study: Study) -> float:
    """Of an accuracy: binomial, less what models that are validated on the same rows share."""
    rows = study.fact("validation_rows")
    if not rows or not is_rate(study.objective) or not study.best:
        return 0.0
    score = study.best[0].score
    assert score is not None
    return luck_of_rows(float(score), rows)


def _by_curves(study: Study) -> float:
    """Median over the better half of the trials of how far an epoch's score jumps off its neighbours'.

    A second difference of values with independent errors has six times their variance.
    """
    better = study.best[: max(4, len(study.best) // 2)]
    longest = max((len(trial.history.get(study.objective, ())) for trial in better), default=0)
    # Trials that were ended early still move fast where they end.
    late = (trial for trial in better if 2 * len(trial.history.get(study.objective, ())) >= longest)
    found = [jump for trial in late if (jump := late_jump(trial, study.objective))]
    return float(np.median(found)) if found else 0.0


def late_jump(trial: TrialRecord, objective: str) -> float | None:
    """Standard deviation of an epoch about its neighbours in the second half of a trial; None where it is too short."""
    curve = np.asarray(trial.history.get(objective, ()), float)
    late = curve[len(curve) // 2 :]
    if len(late) < 4 or not np.isfinite(late).all():
        return None
    return float(np.sqrt(np.mean(np.diff(late, 2) ** 2) / 6))
