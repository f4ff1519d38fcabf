"""The report of a study as lines of text, for terminals of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuners.insight.conclusions import Conclusions
from tuners.insight.finding import Finding
from tuners.insight.path import Step
from tuners.report.actions import in_a_script
from tuners.report.facts import best_line, compared, counts, facts, smaller, troubles
from tuners.report.plot import best_so_far
from tuners.space.shown import cell, columns, number, shown_name

if TYPE_CHECKING:
    from tuners.report.plain import Command
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

NARROWEST, WIDEST = 40, 200
FIRST = ("optimizer", "learning_rate", "batch_size")
BRIEF = ("model", "data", "rows", "epochs", "seed", "time")
"""Facts that the head has; the page has all."""


def report_lines(
    title: str,
    study: Study,
    conclusions: Conclusions,
    given: Mapping[str, Any],
    *,
    width: int = 80,
    top: int = 10,
    plain: bool = False,
) -> list[str]:
    """What was found.

    Args:
        title: What the study is called.
        study: The study.
        conclusions: What it teaches.
        given: What whoever ran the search knows, such as model and data.
        width: Columns of the terminal; what is narrower than 40 gets 40, what is wider than 200 gets 200.
        top: Trials in the table.
        plain: Whether to use ASCII alone.
    """
    width = min(max(width, NARROWEST), WIDEST)
    return [*_head(title, study, given, width), *_body(study, conclusions, width, top, plain)]


def _head(title: str, study: Study, given: Mapping[str, Any], width: int) -> Iterator[str]:
    best = f"; best {study.objective} {number(study.best[0].score, 4)}" if study.best else ""
    yield from wrapped(f"{title}: {counts(study)}{best}", width)
    known = facts(study, given)
    yield from wrapped("; ".join(f"{name} {known[name]}" for name in BRIEF if name in known), width)


def _body(study: Study, conclusions: Conclusions, width: int, top: int, plain: bool) -> Iterator[str]:
    if conclusions.main:
        yield ""
    for each in conclusions.main:
        yield from wrapped(each, width, "- ")
    drawn = best_so_far(study, width, plain=plain)
    if drawn:
        yield from ["", *wrapped(f"{study.objective}: each trial, and the best so far", width), *drawn]
    if study.best:
        yield from ["", *trial_table(study.best[:top], study, width)]
        yield from ["", *_best(study, width)]
    lines = [*smaller(study), *troubles(study)]
    if lines:
        yield ""
    for each in lines:
        yield from wrapped(each, width)


def wrapped(text: str, width: int, mark: str = "") -> list[str]:
    """A text in lines; those after the first are indented by the mark's width."""
    indent = " " * len(mark)
    return textwrap.wrap(text, width, initial_indent=mark, subsequent_indent=indent, break_on_hyphens=False) or [""]


def trial_table(trials: Sequence[TrialRecord], study: Study, width: int) -> list[str]:
    """Trials as a table with as many hyperparameters as fit, and a line that names those that did not."""
    # Sub-hyperparameters of other choices are for few rows and would push the shared ones off the screen.
    wanted = sorted(columns(trials), key=lambda name: (name not in FIRST, "/" in name))
    made = [_column("trial", [str(trial.number) for trial in trials])]
    made.append(_column(study.objective, [number(trial.score, 4) for trial in trials]))
    left_out = []
    for name in wanted:
        column = _column(shown_name(name), [cell(name, trial.values) for trial in trials])
        if sum(len(each[0]) + 2 for each in [*made, column]) - 2 <= width:
            made.append(column)
        else:
            left_out.append(shown_name(name))
    lines = ["  ".join(parts).rstrip() for parts in zip(*made, strict=True)]
    if left_out:
        lines += wrapped(f"Left out at this width: {', '.join(left_out)}.", width)
    return lines


def _column(name: str, cells: Sequence[str]) -> list[str]:
    size = max(len(name), *map(len, cells))
    return [each.rjust(size) for each in (name, *cells)]


def _best(study: Study, width: int) -> Iterator[str]:
    rows = [("", "best", "default"), *compared(study)]
    sizes = [max(len(row[at]) for row in rows) for at in range(3)]
    yield from wrapped(best_line(study), width)
    for name, best, default in rows:
        line = f"{name.ljust(sizes[0])}  {best.rjust(sizes[1])}  {default.rjust(sizes[2])}"
        yield line.rstrip()[:width]


def audit_lines(conclusions: Conclusions, command: Command = in_a_script, *, width: int = 80) -> list[str]:
    """What a careful practitioner would say of the search: each finding with the command that acts on it.

    Args:
        conclusions: What the study teaches.
        command: Makes a command of an action.
        width: Columns of the terminal.
    """
    width = min(max(width, NARROWEST), WIDEST)
    lines: list[str] = []
    if conclusions.verdict is not None:
        lines += wrapped(conclusions.verdict.words, width)
    lines += _steps(conclusions.path, width)
    for each in conclusions.findings:
        lines += ["", *_finding(each, command, width)]
    if not conclusions.findings:
        lines += ["", "Nothing to remark."]
    return lines


def _steps(path: Sequence[Step], width: int) -> list[str]:
    """The changes on the way to the best whose gain was measured."""
    lines = []
    for each in path:
        if each.measured is not None and each.measured_deviation is not None:
            change = f"{each.name} from {number(each.before)} to {number(each.after)}: {each.measured:+.2g}"
            doubt = number(1.645 * each.measured_deviation, 2)
            lines += wrapped(f"{change}, give or take {doubt} (expected {each.gain:+.2g})", width, "  ")
    return ["", "Step by step:", *lines] if lines else []


def _finding(finding: Finding, command: Command, width: int) -> list[str]:
    asked = command(finding.action)
    lines = wrapped(f"{finding.level}, {finding.rule}: {finding.words}", width, "- ")
    # Not wrapped, so that it can be copied.
    return [*lines, f"  {asked}"] if asked else lines
