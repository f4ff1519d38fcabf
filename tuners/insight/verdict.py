"""Is it real? The best trial against the default and the runner-up, with what luck does to scores."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuners.insight.again import Again
from tuners.insight.noise import Noise, noise_of
from tuners.insight.path import configurations, runner_up
from tuners.insight.response import FEWEST, Contrast, Response
from tuners.space.shown import number
from tuners.strategy.scores import gain_of, score_of

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

BETTER, NOT_SHOWN, AS_GOOD, UNKNOWN = "better", "not shown to be better", "the default is as good", "not known"

OPENINGS = {
    BETTER: "Better than the default",
    NOT_SHOWN: "Not shown to be better than the default",
    AS_GOOD: "The default is as good, use it",
}

SURE = 0.12
"""Chance of no gain up to which the best is called better; see `tests/benchmarks/verdicts.md`."""

AS_GOOD_FROM = 0.3
"""Chance of no gain from which the default is called as good."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the best trial is better than the default.

    Attributes:
        kind: "better", "not shown to be better", "the default is as good", or "not known".
        words: The verdict in a sentence or two.
        best: Number of the best trial.
        default: Number of the trial at the defaults, or None where none was.
        observed: Score of the best minus that of the default, more is better; None where the default was not tried.
        gain: What of it is expected to be real, once luck is taken out; None where not known.
        interval: Where the real gain lies with 90 %.
        chance: That the best is no better than the default.
        runner_up: Number of the second best trial, or None.
        runner_up_chance: That it is at least as good as the best.
        noise: Standard deviation of a score by luck.
        noise_source: What it was estimated by: "repeats", "curves", "model".
        action: What to do next, plain data as in `Finding`.
    """

    kind: str
    words: str
    best: int
    default: int | None = None
    observed: float | None = None
    gain: float | None = None
    interval: tuple[float, float] | None = None
    chance: float | None = None
    runner_up: int | None = None
    runner_up_chance: float | None = None
    noise: float | None = None
    noise_source: str = ""
    action: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def verdict_of(study: Study, response: Response | None, again: Again | None = None) -> Verdict | None:
    """The verdict; None where no trial has a score.

    Args:
        study: The study.
        response: Its model, or None where there is none.
        again: What was trained again, which decides where the best and the default are among it.
    """
    if not study.best:
        return None
    best, default = study.best[0], study.default
    at_default = default is not None and default.values == best.values
    known = functools.partial(Verdict, best=best.number, default=default.number if default else None)
    measured = _measured(study, again) if again and not at_default else None
    second = runner_up(study)
    rival = again.contrast(best.values, second.values, noise_of(study).rows) if again and second else None
    if again is not None and measured is not None:
        kind = _kind(measured)
        return known(
            kind, f"{OPENINGS[kind]}: {_scores_again(study, again)}, {_gain_again(measured)}{_rival(second, rival)}",
            runner_up=second.number if second else None, runner_up_chance=rival.chance if rival else None,
            observed=_observed(study, best, default) if default else None,
            gain=measured.mean, interval=measured.interval(), chance=measured.chance, noise=again.deviation,
            noise_source="repeats",
        )  # fmt: skip
    if response is None and len(study.completed) >= FEWEST and len({trial.score for trial in study.completed}) == 1:
        return known(*_all_the_same(study, best, known=default is not None))
    if response is None:
        return known(UNKNOWN, f"Too few trials ({len(study.completed)}) to tell a gain from luck.")
    against_second = response.contrast(response.point(best.values), response.point(second.values)) if second else None
    known = functools.partial(
        known,
        runner_up=second.number if second else None,
        runner_up_chance=against_second.chance if against_second else None,
        noise=response.deviation_of_noise,
        noise_source=_source(response),
    )
    if at_default:
        luck = " by more than luck explains" if study.default_stands else ""
        return known(
            AS_GOOD,
            f"No trial was better than the default (trial {best.number}){luck}: use it.{_rival(second, rival)}",
            chance=1.0,
            gain=0.0,
            observed=0.0,
        )
    gain = response.contrast(response.point(best.values), response.point({}))
    if default is None:
        return known(UNKNOWN, _without_default(gain), gain=gain.mean, interval=gain.interval(), chance=gain.chance)
    observed = _observed(study, best, default)
    kind = _kind(gain)
    return known(
        kind, _words(kind, best, default, observed, gain, study), observed=observed, gain=gain.mean,
        interval=gain.interval(), chance=gain.chance, action={} if kind == BETTER else {"executions": 3},
    )  # fmt: skip


def _all_the_same(study: Study, best: TrialRecord, *, known: bool) -> tuple[str, str]:
    words = f"all {len(study.completed)} trials have the same {study.objective} ({number(best.score, 4)})"
    return (AS_GOOD, f"{OPENINGS[AS_GOOD]}: {words}.") if known else (UNKNOWN, f"{words[0].upper()}{words[1:]}.")


def _observed(study: Study, best: TrialRecord, default: TrialRecord) -> float:
    return gain_of(best.score, study.direction) - gain_of(default.score, study.direction)


def _measured(study: Study, again: Again) -> Contrast | None:
    """The best against the default where both were trained again."""
    default = configurations(study)[0] if study.space else {}
    return again.contrast(study.best[0].values, default, noise_of(study).rows)


def _scores_again(study: Study, again: Again) -> str:
    default, best = (again.gains(each) for each in configurations(study))
    means = [number(score_of(sum(each) / len(each), study.direction), 4) for each in (best, default)]
    times = f"{len(best)} times each" if len(best) == len(default) else f"{len(best)} and {len(default)} times"
    return (
        f"trained again from other seeds, {times}, the values of trial {study.best[0].number} give a mean "
        f"{study.objective} of {means[0]}, the default {means[1]}"
    )


def _gain_again(gain: Contrast) -> str:
    return (
        f"a gain of {number(gain.mean, 2)}, give or take {number(1.645 * gain.deviation, 2)}. Chance that it is no "
        f"better: {_percent(gain.chance)}."
    )


def _rival(second: TrialRecord | None, rival: Contrast | None) -> str:
    """A sentence about the runner-up where it was trained again and may be the better one."""
    if second is None or rival is None or rival.chance <= SURE:
        return ""
    more = "was better in the mean" if rival.mean < 0 else f"is as good with a chance of {_percent(rival.chance)}"
    return f" Trial {second.number}, the runner-up, {more}."


def _percent(chance: float) -> str:
    return "below 1 %" if chance < 0.01 else f"{100 * chance:.0f} %"


def _source(response: Response) -> str:
    by_model = response.deviation_of_noise > 1.01 * response.noise.total
    return "model" if by_model or not response.noise.total else _named(response.noise)


def _named(noise: Noise) -> str:
    return noise.source if noise.seeds >= noise.rows else "rows"


def _kind(gain: Contrast) -> str:
    if gain.chance <= SURE:
        return BETTER
    return AS_GOOD if gain.chance >= AS_GOOD_FROM else NOT_SHOWN


def _without_default(gain: Contrast) -> str:
    return (
        "The default was not tried, so that nobody knows what the search has gained; the model of the other trials "
        f"expects {number(gain.mean, 2)}, give or take {number(1.645 * gain.deviation, 2)}."
    )


def _words(kind: str, best: TrialRecord, default: TrialRecord, observed: float, gain: Contrast, study: Study) -> str:
    scores = (
        f"{study.objective} {number(best.score, 4)} in trial {best.number}, {number(default.score, 4)} at the default"
    )
    chance = _percent(gain.chance)
    expected = number(max(gain.mean, 0.0), 2)
    if gain.mean <= observed:
        real = f"of the {number(observed, 2)} between them about {expected} is expected to be real"
    else:
        real = f"all trials together promise about {expected} of gain"
    if kind == BETTER:
        return f"{OPENINGS[kind]}: {scores}; {real}. Chance that it is no better: {chance}."
    if kind == NOT_SHOWN:
        return f"{OPENINGS[kind]}: {scores}; {real}, chance that it is no better {chance}."
    return f"{OPENINGS[kind]}: {scores}, which luck alone can do (chance of no gain: {chance})."
