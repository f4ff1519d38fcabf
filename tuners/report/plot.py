"""A plot of the best so far in characters."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tuners.report.pictures.data import score_limits
from tuners.space.shown import number

if TYPE_CHECKING:
    from tuners.study import Study

HEIGHT = 8


def best_so_far(study: Study, width: int, *, plain: bool = False) -> list[str]:
    """Trials as points, and the best so far as a line.

    Args:
        study: The study.
        width: Columns at most, >= 20.
        plain: Whether to use ASCII alone.

    Returns:
        Lines; none where all scores are the same.
    """
    trials, maximise = study.completed, study.direction == "max"
    scores = [float(trial.score or 0.0) for trial in trials]
    if len(set(scores)) < 2:
        return []
    low, high = score_limits(scores, maximise=maximise)
    labels = [number(each, 4) for each in (high, low)]
    margin = max(map(len, labels)) + 1
    across, last = max(8, min(width - margin - 1, 100)), trials[-1].number
    dot, line, bar = (".", "-", "|") if plain else ("·", "━", "┤")
    cells = [[" "] * across for _ in range(HEIGHT)]

    def column(trial_number: int) -> int:
        return round((trial_number - 1) / max(last - 1, 1) * (across - 1))

    def row(score: float) -> int:
        share = (min(max(score, low), high) - low) / (high - low or 1.0)
        return round((1 - share) * (HEIGHT - 1))

    best = list(itertools.accumulate(scores, max if maximise else min))
    starts = [column(trial.number) for trial in trials]
    for trial, score in zip(trials, scores, strict=True):
        cells[row(score)][column(trial.number)] = dot
    for start, end, score in zip(starts, [*starts[1:], across], best, strict=True):
        for at in range(start, max(end, start + 1)):
            cells[row(score)][at] = line
    ends = {0: labels[0], HEIGHT - 1: labels[1]}
    drawn = [f"{ends.get(at, ''):>{margin}}{bar}{''.join(each).rstrip()}" for at, each in enumerate(cells)]
    first = f"trial {trials[0].number}"
    return [*drawn, " " * (margin + 1) + first + f"{last}".rjust(across - len(first))]
