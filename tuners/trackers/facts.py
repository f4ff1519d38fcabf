"""What other programs are told of a trial beside its values and scores."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord


def facts_of(trial: TrialRecord) -> dict[str, Any]:
    """What is known of a trial, as JSON has it."""
    facts = {
        "trial": trial.number,
        "status": trial.status,
        "reason": trial.reason,
        "best_epoch": trial.best_epoch,
        "seconds": trial.seconds,
        "seed": trial.seed,
        "worker": trial.worker,
        "engines": list(trial.engines),
        "executions": list(trial.executions),
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def times_of(study: Study, trial: TrialRecord) -> tuple[datetime.datetime, datetime.datetime]:
    """When a trial started and ended, with a zone.

    Counted from when the latest part of the search began; of one that went on, earlier days are not known.
    """
    try:
        began = datetime.datetime.fromisoformat(str(study.about.get("date"))).astimezone()
    except ValueError:
        began = datetime.datetime.now().astimezone()
    ended = began + datetime.timedelta(seconds=trial.ended or 0.0)
    return ended - datetime.timedelta(seconds=trial.seconds or 0.0), ended
