"""All conclusions of a study in one record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tuners.insight.again import again_of
from tuners.insight.budget import Budget, budget_of
from tuners.insight.design import dead, design
from tuners.insight.divergence import divergence
from tuners.insight.edges import edges, too_wide
from tuners.insight.finding import LEVELS, Finding
from tuners.insight.importance import Importance, importances
from tuners.insight.length import length
from tuners.insight.path import Step, path_of
from tuners.insight.response import Response, response_of
from tuners.insight.same_job import same_job
from tuners.insight.scales import scales
from tuners.insight.verdict import AS_GOOD, NOT_SHOWN, Verdict, verdict_of
from tuners.space.dimensions import Cube
from tuners.threads import one_thread

if TYPE_CHECKING:
    from tuners.study import Study


@dataclasses.dataclass(frozen=True)
class Conclusions:
    """What a study has taught.

    Attributes:
        verdict: Whether the best is better than the default; None where no trial has a score.
        importances: Of the hyperparameters, the highest first; empty where there are too few trials.
        path: From the default to the best, change by change.
        budget: What more trials would bring, or None.
        findings: What somebody should act on, the most important first; empty for a clean study.
        main: The three sentences that matter most.
        response: The model of the response that they rest on, or None where there are too few trials.
    """

    verdict: Verdict | None
    importances: tuple[Importance, ...]
    path: tuple[Step, ...]
    budget: Budget | None
    findings: tuple[Finding, ...]
    main: tuple[str, ...]
    response: Response | None = dataclasses.field(default=None, repr=False, compare=False)


def conclude(study: Study, response: Response | None = None, again: Iterable[Study] = ()) -> Conclusions:
    """Everything that a study teaches, without TensorFlow.

    Args:
        study: The study; its search may still be running.
        response: Its model, where it has been made already.
        again: Studies in which configurations of this one were trained again, each several times from other seeds.
    """
    repeated = again_of(again)
    with one_thread():
        response = response or response_of(study)
        ranked = importances(response) if response else ()
        verdict = verdict_of(study, response, repeated)
        budget = budget_of(response) if response else None
        findings = _findings(study, response, ranked)
        path = path_of(response, repeated) if response else ()
    return Conclusions(verdict, ranked, path, budget, findings, _main(verdict, findings, ranked), response)


def _findings(study: Study, response: Response | None, ranked: tuple[Importance, ...]) -> tuple[Finding, ...]:
    cube = study.cube() if study.space else Cube(())
    found = [*design(study, cube), *divergence(study, cube), *scales(study, cube), *length(study, cube)]
    if response:
        found += [*edges(response), *too_wide(response), *same_job(response), *dead(response, ranked)]
    return tuple(sorted(found, key=lambda each: LEVELS.index(each.level)))


def _main(verdict: Verdict | None, findings: tuple[Finding, ...], ranked: tuple[Importance, ...]) -> tuple[str, ...]:
    """The verdict, then what changes it, then what was learned."""
    sentences = [verdict.words] if verdict else []
    sentences += [each.words for each in findings if each.level == "important"]
    if ranked and (not verdict or verdict.kind not in (AS_GOOD, NOT_SHOWN)):
        sentences.append(_what_mattered(ranked))
    sentences += [each.words for each in findings if each.level == "advice"]
    return tuple(sentences[:3])


def _what_mattered(ranked: tuple[Importance, ...]) -> str:
    leading = [
        f"{each.name} ({100 * min(each.share, 1):.0f} %)"
        for each in ranked[:3]
        if each.share > 0.05 and each.low > 0.02
    ]
    return f"What mattered most: {', '.join(leading)}." if leading else "No hyperparameter stood out."
