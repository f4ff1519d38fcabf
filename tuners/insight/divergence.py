"""From which learning rate on trials diverge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from tuners.insight.finding import Finding
from tuners.insight.response import tail_of
from tuners.space.dimensions import Cube, Dimension
from tuners.space.shown import number

if TYPE_CHECKING:
    from tuners.study import Study

RATES = ("learning_rate", "lr")
CLEAR = 0.05
"""Probability of as clear a boundary by chance, over all boundaries tried, up to which one is told of."""


def is_learning_rate(name: str) -> bool:
    """Whether a hyperparameter is a learning rate, by its name."""
    tail = name.split("/")[-1].lower()
    return tail in RATES or tail.endswith(tuple(f"_{each}" for each in RATES))


def divergence(study: Study, cube: Cube) -> Iterator[Finding]:
    """Learning rates above which trials diverge, for each optimizer that has one of its own.

    Args:
        study: The study.
        cube: Its space.
    """
    for dimension in cube.dimensions:
        if is_learning_rate(dimension.name) and not dimension.values:
            found = _boundary(study, dimension)
            if found is not None:
                yield found


def _boundary(study: Study, dimension: Dimension) -> Finding | None:
    name = dimension.name
    ended = [trial for trial in study.trials if trial.status in ("COMPLETED", "INVALID") and name in trial.values]
    rates = np.array([float(trial.values[name]) for trial in ended])
    bad = np.array([trial.status == "INVALID" for trial in ended], dtype=bool)
    if not bad.any() or bad.all():
        return None
    cuts = np.unique(rates[bad])
    tables = [_table(rates, bad, cut) for cut in cuts]
    chances = [_by_chance(table) for table in tables]
    at = int(np.argmin(chances))
    # Bonferroni over the boundaries.
    chance, cut, table = min(1.0, chances[at] * len(cuts)), float(cuts[at]), tables[at]
    above = table[0][0] / max(sum(table[0]), 1)
    if chance > CLEAR or above < 0.5 or cut <= 1.05 * dimension.low:
        return None
    good = rates[~bad]
    safe = float(good[good < cut].max()) if (good < cut).any() else cut / 3
    level = "important" if bad.mean() >= 0.2 else "advice"
    owner = f" with {name.rpartition('/')[0]}" if tail_of(dimension) != name else ""
    words = (
        f"{name}: {table[0][0]} of {sum(table[0])} trials{owner} diverged at {number(cut)} and above, "
        f"{table[1][0]} of {sum(table[1])} below. End its range at {number(safe)}."
    )
    evidence = {"from": cut, "diverged_above": above, "chance": chance, "diverged": int(bad.sum())}
    numbers = tuple(trial.number for trial, one in zip(ended, bad, strict=True) if one)
    return Finding(
        "divergence", level, words, evidence, {"range": {name: [dimension.low, float(f"{safe:.3g}")]}}, numbers
    )


def _by_chance(table: list[list[int]]) -> float:
    """Probability of as many or more of the diverged above the cut by chance: Fisher's exact test, one-sided."""
    (above, sound_above), (below, sound_below) = table
    bad, drawn, size = above + below, above + sound_above, above + sound_above + below + sound_below

    def ways(of: int, chosen: int) -> float:
        return float(gammaln(of + 1) - gammaln(chosen + 1) - gammaln(of - chosen + 1))

    most = min(bad, drawn)
    logs = [ways(bad, k) + ways(size - bad, drawn - k) - ways(size, drawn) for k in range(above, most + 1)]
    return float(min(1.0, np.exp(logs).sum()))


def _table(rates: np.ndarray, bad: np.ndarray, cut: float) -> list[list[int]]:
    """Diverged and sound trials, at the cut and above, then below."""
    above = rates >= cut
    return [[int((bad & part).sum()), int((~bad & part).sum())] for part in (above, ~above)]
