"""Several studies side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from tuners.insight.again import Again, again_of
from tuners.insight.response import response_of
from tuners.insight.verdict import verdict_of
from tuners.space.shown import number, seconds

if TYPE_CHECKING:
    from tuners.study import Study


@dataclasses.dataclass(frozen=True)
class Compared:
    """One study among others.

    Attributes:
        name: What it is called.
        objective: The metric that was optimised.
        best: Best score, or None.
        noise: Standard deviation of a score by luck, or None where it is not known.
        gain: Expected gain of the best over the default, or None.
        interval: Where that gain lies with 90 %.
        verdict: Of the study, or "".
        trials: Trials that have ended.
        seconds: Time by the clock.
    """

    name: str
    objective: str
    best: float | None
    noise: float | None
    gain: float | None
    interval: tuple[float, float] | None
    verdict: str
    trials: int
    seconds: float


def compare(
    studies: Sequence[tuple[str, Study]], again: Mapping[str, Sequence[Study]] = MappingProxyType({})
) -> list[Compared]:
    """Studies side by side, the best first.

    Args:
        studies: Names and studies; all of one objective.
        again: By the names, studies in which configurations were trained again; see `tuners.conclude`.

    Raises:
        ValueError: Their objectives differ, so that their scores cannot be compared.
    """
    objectives = {(study.objective, study.direction) for _, study in studies}
    if len(objectives) > 1:
        named = ", ".join(f"{name} by {study.objective}" for name, study in studies)
        raise ValueError(f"These searches cannot be compared, since their objectives differ: {named}.")
    sign = -1.0 if all(study.direction == "max" for _, study in studies) else 1.0
    found = [_compared(name, study, again_of(again.get(name, ()))) for name, study in studies]
    return sorted(found, key=lambda each: (each.best is None, sign * (each.best or 0.0)))


def _compared(name: str, study: Study, again: Again | None) -> Compared:
    verdict = verdict_of(study, response_of(study), again)
    best = study.best[0].score if study.best else None
    ended = sum(trial.status != "RUNNING" for trial in study.trials)
    known = (verdict.noise, verdict.gain, verdict.interval, verdict.kind) if verdict else (None, None, None, "")
    return Compared(name, study.objective, best, *known, ended, study.elapsed)


def comparison_rows(found: Sequence[Compared]) -> list[tuple[str, ...]]:
    """The comparison as a table of texts, with its head."""
    head = ("run", found[0].objective, "by luck", "gain over default", "90 % between", "verdict", "trials", "time")
    return [head, *map(_row, found)]


def _row(each: Compared) -> tuple[str, ...]:
    between = f"{number(each.interval[0], 2)} and {number(each.interval[1], 2)}" if each.interval else ""
    return (
        each.name,
        "" if each.best is None else number(float(each.best), 4),
        "" if each.noise is None else f"± {number(float(each.noise), 2)}",
        "" if each.gain is None else number(float(each.gain), 2),
        between,
        each.verdict,
        str(each.trials),
        seconds(each.seconds) if each.seconds else "",
    )
