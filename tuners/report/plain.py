"""A study and its conclusions as plain data: everything that `--json` prints and other programs read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tuners.insight.conclusions import Conclusions
from tuners.insight.finding import Finding
from tuners.insight.size import front
from tuners.report.facts import compared
from tuners.space.shown import shown_name, shown_value

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

Command = Callable[[Mapping[str, Any]], str]
"""Makes a command of an action; see `Finding.action`."""


def record_of(study: Study, conclusions: Conclusions, given: Mapping[str, Any], command: Command) -> dict[str, Any]:
    """A study as JSON has it.

    Args:
        study: The study.
        conclusions: What it teaches.
        given: What whoever ran the search knows, such as model and data.
        command: Makes a command of an action.
    """
    return {
        "about": {**given, **study.about, "seed": study.seed, "seconds": study.elapsed, "stopped": study.stopped},
        "objective": study.objective,
        "direction": study.direction,
        "best": study.best[0].number if study.best else None,
        "best_beside_default": [
            {"name": name, "best": best, "default": default} for name, best, default in compared(study)
        ],
        **conclusions_record(conclusions, command),
        "smaller": [trial.number for trial in front(study)],
        "ranges": _ranges(study),
        "trials": [trial_record(trial) for trial in study.trials],
    }


def conclusions_record(conclusions: Conclusions, command: Command) -> dict[str, Any]:
    """Conclusions as JSON has them."""
    verdict, budget = conclusions.verdict, conclusions.budget
    return {
        "main": list(conclusions.main),
        "verdict": None if verdict is None else {**_plain(verdict), "command": command(verdict.action)},
        "findings": [finding_record(each, command) for each in conclusions.findings],
        "importances": [_plain(each) for each in conclusions.importances],
        "path_from_default": [_plain(each) for each in conclusions.path],
        "more_trials": None if budget is None else _plain(budget),
    }


def finding_record(finding: Finding, command: Command) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {**_plain(finding), "command": command(finding.action)}


def trial_record(trial: TrialRecord) -> dict[str, Any]:
    """A trial as JSON has it; numbers that are not finite, which JSON cannot hold, are null."""
    return {
        "trial": trial.number,
        "status": trial.status,
        "reason": trial.reason,
        "message": trial.message,
        "score": _finite(trial.score),
        "best_epoch": trial.best_epoch,
        "hyperparameters": clean(trial.shown),
        "history": {name: [_finite(each) for each in curve] for name, curve in trial.history.items()},
        "parameters": trial.parameters,
        "promised": trial.promised,
        "executions": [_finite(each) for each in trial.executions],
        "seconds": trial.seconds,
        "ended": trial.ended,
        "worker": trial.worker,
        "seed": trial.seed,
        "engines": list(trial.engines),
        "refusals": dict(trial.refusals),
    }


def _ranges(study: Study) -> list[dict[str, Any]]:
    """Every hyperparameter with its range by the names that people use, and where its finished trials were."""
    found = []
    for each in study.cube().dimensions if study.space else ():
        tried = [
            shown_value(each.name, trial.values[each.name]) for trial in study.completed if each.name in trial.values
        ]
        ends = list(each.values) if each.values else [each.low, each.high]
        numeric = tried and not any(isinstance(one, str | bool) for one in tried)
        found.append(
            {
                "name": shown_name(each.name),
                "kind": each.kind,
                "scale": each.scale,
                "values" if each.values else "range": sorted(
                    (shown_value(each.name, one) for one in ends), key=lambda one: (isinstance(one, str), one)
                )
                if each.kind != "choice"
                else ends,
                "default": shown_value(each.name, each.default),
                "tried": [min(tried), max(tried)] if numeric else sorted(set(map(str, tried))),
                "needs": {name: list(allowed) for name, allowed in each.conditions},
            }
        )
    return found


def _plain(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = clean(dataclasses.asdict(record))
    return plain


def clean(value: Any) -> Any:
    """A value as JSON can hold it: names as text, tuples as lists, numbers that are not finite as None."""
    if isinstance(value, Mapping):
        return {str(name): clean(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    return _finite(value) if isinstance(value, float) else value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
