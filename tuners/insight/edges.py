"""Ranges that hold the good trials back, and ranges that are wider than anything good."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tuners.insight.finding import Finding
from tuners.insight.response import Response
from tuners.space.dimensions import Dimension
from tuners.space.shown import number, shown_name, shown_value

NEAR = 0.12
"""Share of a range that counts as its end."""

SURE = 2.0
"""Standard deviations by which the end has to be better than further inside."""

INSIDE = (0.3, 0.5)
"""Distances from the end that it is compared with."""

WASTED = 0.8
"""Share of a range in which nothing is good, from which it is too wide."""

STEPS = 41
"""Places of a range that are compared with its best."""


def edges(response: Response) -> Iterator[Finding]:
    """Hyperparameters whose best values lie at an end of their range.

    Found where the best trial and most of the leaders stand at the end, and the model says that the end is better than
    places further inside. Ends that are none of the range's making, such as a dropout of 0, are passed over.

    Args:
        response: The model of the study.
    """
    study = response.study
    best = response.point(study.best[0].values)
    for index, each in enumerate(response.cube.dimensions):
        if each.kind == "choice" or each.name not in study.best[0].values or not response.cube.free[index]:
            continue
        at_high = best[index] > 0.5
        away = 1 - best[index] if at_high else best[index]
        if away > max(NEAR, 0.6 * each.step) or _natural(each, at_high) or (each.values and len(each.values) < 3):
            continue
        leaders = _leading_positions(response, each, index)
        close = np.mean((1 - leaders if at_high else leaders) < max(2 * NEAR, 0.6 * each.step))
        if len(leaders) < 3 or close < 0.6:
            continue
        found = _surely_better(response, best, index, at_high)
        if found is not None:
            yield _finding(response, each, at_high, float(close), found)


def too_wide(response: Response) -> Iterator[Finding]:
    """Hyperparameters of whose range nearly all is wasted.

    Found where the model says that four fifths of it are surely worse than its best place, and the leaders stand in
    the rest, away from the ends.

    Args:
        response: The model of the study.
    """
    best = response.point(response.study.best[0].values)
    for index, each in enumerate(response.cube.dimensions):
        # A handful of values is no range to speak of.
        tuned = response.cube.free[index] and each.kind != "choice" and not each.values
        if not tuned or each.name not in response.study.best[0].values:
            continue
        places = np.linspace(0, 1, STEPS)
        line = np.tile(best, (STEPS, 1))
        line[:, index] = places
        top = int(np.argmax(response.expected(line)[0]))
        far = np.abs(places - places[top]) > 1 - WASTED
        # Mostly the first of them tells that there is nothing to tell.
        if not all(_surely_worse(response, line[top], other) for other in line[far]):
            continue
        good = [not _surely_worse(response, line[top], other) for other in line]
        held = [*places[good], *_leading_positions(response, each, index)]
        low, high = min(held) - 0.05, max(held) + 0.05
        # At an end there may be more of it beyond.
        if low > 0 and high < 1 and high - low <= 1 - WASTED:
            yield _narrowed(response, each, low, high)


def _surely_worse(response: Response, best: np.ndarray, other: np.ndarray) -> bool:
    contrast = response.contrast(best, other)
    return contrast.mean >= SURE * contrast.deviation


def _narrowed(response: Response, dimension: Dimension, low: float, high: float) -> Finding:
    ends = [shown_value(dimension.name, dimension.to_value(each)) for each in (low, high)]
    shown = sorted(each if isinstance(each, int) else float(f"{each:.3g}") for each in ends)
    name = shown_name(dimension.name)
    words = (
        f"{name}: nothing outside {number(shown[0])} to {number(shown[1])} is any good, which is "
        f"{100 * (high - low):.0f} % of its range ({_range(dimension)}). A search of that part alone wastes no trials."
    )
    return Finding("too wide", "advice", words, {"share": high - low}, {"range": {name: shown}})


def _leading_positions(response: Response, dimension: Dimension, index: int) -> np.ndarray:
    """Where the best fifth of the trials that it applied to stand, at least 4."""
    applied = [trial for trial in response.study.best if dimension.name in trial.values]
    count = max(4, len(response.study.completed) // 5)
    return np.array([response.point(trial.values)[index] for trial in applied[:count]])


def _surely_better(response: Response, best: np.ndarray, index: int, at_high: bool) -> float | None:
    """By how many deviations the end is better than each place inside, the least; None where it is not."""
    end = best.copy()
    end[index] = 1.0 if at_high else 0.0
    z = []
    for distance in INSIDE:
        inside = best.copy()
        inside[index] = 1 - distance if at_high else distance
        contrast = response.contrast(end, inside)
        z.append(contrast.mean / max(contrast.deviation, 1e-12))
    return min(z) if min(z) >= SURE else None


def _natural(dimension: Dimension, at_high: bool) -> bool:
    """Whether there is nothing beyond this end: shares and counts begin at 0 or 1, shares end at 1."""
    low, high = (min(dimension.values), max(dimension.values)) if dimension.values else (dimension.low, dimension.high)
    if isinstance(low, str) or isinstance(high, str):
        return True
    if shown_name(dimension.name) != dimension.name:
        return False
    whole = dimension.whole or isinstance(low, int)
    share = dimension.scale == "linear" and not whole
    return (float(high) == 1.0 and share) if at_high else (float(low) == 0.0 or (whole and float(low) <= 1))


def _finding(response: Response, dimension: Dimension, at_high: bool, share: float, z: float) -> Finding:
    study = response.study
    name, value = shown_name(dimension.name), study.best[0].values[dimension.name]
    low, high = _widened(dimension, at_high)
    shown = sorted(shown_value(dimension.name, each) for each in (low, high))
    upper = at_high == (name == dimension.name)
    words = (
        f"{name}: the best trials lie at the {'upper' if upper else 'lower'} end of its range "
        f"({_range(dimension)}; the best at {number(shown_value(dimension.name, value))}). "
        f"Search again with {number(shown[0])} to {number(shown[1])}."
    )
    evidence = {"share_of_leaders": share, "deviations": z, "best": shown_value(dimension.name, value)}
    numbers = tuple(trial.number for trial in study.best[:4])
    return Finding("edge", "important", words, evidence, {"range": {name: shown}}, numbers)


def _ends(dimension: Dimension) -> tuple[float, float]:
    if dimension.values:
        return float(min(dimension.values)), float(max(dimension.values))
    return dimension.low, dimension.high


def _range(dimension: Dimension) -> str:
    ends = sorted(shown_value(dimension.name, each) for each in _ends(dimension))
    return f"{number(ends[0])} to {number(ends[1])}"


def _widened(dimension: Dimension, at_high: bool) -> tuple[float, float]:
    """A decade more, or a factor of 4 for whole numbers on a log scale, or half of the range."""
    low, high = _ends(dimension)
    whole = dimension.whole or (bool(dimension.values) and all(isinstance(each, int) for each in dimension.values))
    if dimension.scale in ("log", "one_minus_log") and not dimension.values and low > 0:
        factor = 4.0 if whole else 10.0
        low, high = (low, high * factor) if at_high else (low / factor, high)
        if shown_name(dimension.name) != dimension.name:
            high = min(high, 0.9)
        elif dimension.scale == "one_minus_log":
            high = min(high, 1 - (1 - dimension.high) / 10)
    else:
        more = 0.5 * (high - low)
        low, high = (low, high + more) if at_high else (max(low - more, 0.0) if low >= 0 else low - more, high)
    if whole:
        return max(1, math.floor(low)), math.ceil(high)
    return float(f"{low:.3g}"), float(f"{high:.3g}")
