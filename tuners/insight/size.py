"""Smaller models: which trials are as good as any with at most as many weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tuners.strategy.configurations import Key, key_of
from tuners.strategy.scores import gain_of

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord


def front(study: Study) -> list[TrialRecord]:
    """The trials that no trial with at most as many weights is better than (the Pareto front), the best first.

    Args:
        study: A study; trials whose number of weights is not known are left out, and of a configuration that was run
            several times there is one.
    """
    found: list[TrialRecord] = []
    for trial in _configurations(study):
        if trial.parameters is not None and (not found or trial.parameters < (found[-1].parameters or 0)):
            found.append(trial)
    return found


def smallest_within(study: Study, share: float, among: Iterable[str] | None = None) -> TrialRecord:
    """The trial with the fewest weights whose score is close to the best one's.

    Args:
        study: A study with a score.
        share: How far behind the best score it may be, as a share of that, such as 0.005.
        among: Ids of the trials to choose from; all where None.

    Raises:
        ValueError: No trial is there to choose from whose number of weights is known.
    """
    best = _score(study, study.best[0])
    enough = gain_of(best, study.direction) - share * abs(best)
    trials = [
        trial
        for trial in _configurations(study)
        if trial.parameters is not None
        and (among is None or trial.trial_id in among)
        and gain_of(_score(study, trial), study.direction) >= enough
    ]
    if not trials:
        raise ValueError("no trial that is so close to the best has weights that are known and kept")
    return min(trials, key=lambda trial: trial.parameters or 0)


def _configurations(study: Study) -> list[TrialRecord]:
    """The best trials, one per configuration."""
    found: dict[Key, TrialRecord] = {}
    for trial in study.best:
        found.setdefault(key_of(trial.values), trial)
    return list(found.values())


def _score(study: Study, trial: TrialRecord) -> float:
    """The mean score of a configuration."""
    scores = [each.score for each in study.runs_of(trial) if each.score is not None]
    return sum(scores) / len(scores)
