"""What a study is of, as the heads of the page and of the terminal say it."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from tuners.insight.size import front
from tuners.space.shown import number, seconds, shown_name, shown_value

if TYPE_CHECKING:
    from tuners.study import Study

WORDS = {"COMPLETED": "finished", "INVALID": "infeasible", "FAILED": "failed", "RUNNING": "unfinished"}
"""What a status is called."""

REASONS = 4
"""Reasons that are told of trials that failed, and of those that were infeasible."""

SMALLER = 3
"""Models with fewer weights that are told of."""

LAST = ("fingerprint", "versions")
"""Facts that come last, wherever they are from."""


def counts(study: Study) -> str:
    """How many trials there are of each kind: "58 trials finished, 2 infeasible"."""
    found = collections.Counter(trial.status for trial in study.trials)
    first = f"{found['COMPLETED']} trial{'' if found['COMPLETED'] == 1 else 's'} finished"
    return ", ".join([first, *(f"{found[each]} {WORDS[each]}" for each in list(WORDS)[1:] if found[each])])


def facts(study: Study, given: Mapping[str, Any]) -> dict[str, str]:
    """Label and text of everything that is known of a search beside its trials.

    Args:
        study: The study.
        given: What whoever ran the search knows, such as model and data; it stands first.
    """
    about = study.about
    way = "less" if study.direction == "min" else "more"
    last = {name: given[name] for name in LAST if name in given}
    known = {
        **{name: value for name, value in given.items() if name not in LAST},
        # A page may be handed on: the place of a file is the affair of its machine.
        "data": PurePath(str(given.get("data") or "")).name,
        "objective": f"{study.objective}, {way} is better",
        "trials": counts(study),
        "rows": _rows(study),
        "epochs": about.get("epochs"),
        "executions": about.get("executions") if about.get("executions") != 1 else None,
        "folds": about.get("folds"),
        "seed": study.seed,
        "time": seconds(study.elapsed) if study.elapsed else None,
        "ended early": study.stopped or None,
        "date": str(about.get("date", "")).replace("T", " ").removesuffix("+00:00") + " UTC"
        if about.get("date")
        else None,
        "machine": about.get("machine"),
        **last,
        "versions": _versions(about.get("versions") or given.get("versions")),
    }
    return {name: str(value) for name, value in known.items() if value not in (None, "")}


def _rows(study: Study) -> str | None:
    rows, held = study.fact("rows"), study.fact("validation_rows")
    if rows is None:
        return None
    if study.fact("folds"):
        return f"{rows} in {study.fact('folds')} folds"
    return f"{rows} to train on" + (f", {held} to validate" if held is not None else "")


def _versions(versions: Any) -> str | None:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, dict) else None


def troubles(study: Study) -> list[str]:
    """What went wrong in the trials, one line per reason."""
    lines = []
    for status in ("INVALID", "FAILED"):
        word = WORDS[status]
        reasons: dict[str, list[int]] = collections.defaultdict(list)
        for trial in study.trials:
            if trial.status == status:
                reasons[trial.reason.removeprefix(f"{word}: ") or "no message"].append(trial.number)
        for why, numbers in list(reasons.items())[:REASONS]:
            which = f"Trial {numbers[0]}" if len(numbers) == 1 else f"Trials {_listed(numbers)}"
            lines.append(f"{which} {word}: {why}")
        if len(reasons) > REASONS:
            total = sum(map(len, reasons.values()))
            lines.append(f"{total} {word} in all; the other reasons: kzoo report with --json.")
    return lines


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")


def compared(study: Study) -> list[tuple[str, str, str]]:
    """Values of the best trial beside the defaults: name, best, default ("" where it does not apply)."""
    if not study.best:
        return []
    cube = study.cube() if study.space else None
    default = cube.to_values(cube.to_point({})) if cube else {}
    return [
        (
            shown_name(name),
            number(shown_value(name, value)),
            number(shown_value(name, default[name])) if name in default else "",
        )
        for name, value in study.best[0].values.items()
    ]


def smaller(study: Study) -> list[str]:
    """A line about models with fewer weights than the best, those that nothing so small is better than."""
    found = front(study)
    if len(found) < 2:
        return []
    best, *others = found
    named = [f"{number(trial.score, 4)} with {trial.parameters:,} (trial {trial.number})" for trial in others[:SMALLER]]
    return [f"Fewer weights than the {best.parameters:,} of trial {best.number}: {study.objective} {', '.join(named)}."]


def best_line(study: Study) -> str:
    """Which trial is the best, and by what it was chosen where its values were run again."""
    best = study.best[0]
    scores = [each.score for each in study.runs_of(best) if each.score is not None]
    if study.default_stands:
        return f"Trial {best.number}, the default, is the choice, since no other leads it by more than luck:"
    if len(scores) < 2:
        return f"Trial {best.number} is the best:"
    mean = number(sum(scores) / len(scores), 4)
    return f"Trial {best.number} is the best, chosen by {len(scores)} runs with the mean {study.objective} {mean}:"
