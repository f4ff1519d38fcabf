"""What the page shows, as JSON has it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from tuners.insight.conclusions import Conclusions
from tuners.insight.response import Response
from tuners.report.facts import WORDS, compared, facts, troubles
from tuners.report.page.axes import PageAxis, page_axes
from tuners.report.page.zoom import zoom_boxes
from tuners.report.pictures.data import score_limits
from tuners.report.plain import Command, conclusions_record
from tuners.space.dimensions import Cube
from tuners.space.shown import number, seconds, shown_name
from tuners.strategy.scores import gain_of
from tuners.threads import one_thread

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

GRID = 36
"""Points of the contour along each axis."""

POINTS = 60
"""Points of a curve; longer ones are thinned."""

MOST_CURVES = 400
"""Trials whose curves are in the page, the best."""


def page_data(
    title: str,
    study: Study,
    conclusions: Conclusions,
    given: Mapping[str, Any],
    command: Command,
) -> dict[str, Any]:
    """Everything that the page shows.

    Args:
        title: What the page is called.
        study: The study.
        conclusions: What it teaches.
        given: What whoever ran the search knows, such as model and data.
        command: Makes a command of an action.
    """
    cube, response = study.cube() if study.space else Cube(()), conclusions.response
    axes = _ranked(page_axes(cube), conclusions)
    default = study.default
    return {
        "title": title,
        "facts": list(facts(study, given).items()),
        "troubles": troubles(study),
        **conclusions_record(conclusions, command),
        "objective": study.objective,
        "maximise": study.direction == "max",
        "beside": [list(each) for each in compared(study)],
        "axes": [axis.plain() for axis in axes],
        "colour_by": _colour_axis(axes),
        "trials": [_trial(trial, axes) for trial in study.trials],
        "best": study.best[0].number if study.best else None,
        "default": default.number if default else None,
        "median": _median(study),
        "limits": list(_limits(study)),
        "progress": _progress(study),
        "zoom": zoom_boxes(study, cube, axes) if response else [],
        "contour": _contour(response, axes, cube) if response else None,
        "curves": _curves(study),
        "time": _time(study),
    }


def _ranked(axes: list[PageAxis], conclusions: Conclusions) -> list[PageAxis]:
    """The axes, the most important first, as far as that is known."""
    places = {each.name: place for place, each in enumerate(conclusions.importances)}
    return sorted(axes, key=lambda axis: places.get(axis.name, len(places)))


def _colour_axis(axes: list[PageAxis]) -> int | None:
    """The choice that decides which of several dimensions a trial has: the optimizer, mostly."""
    several = [axis for axis in axes if len(axis.members) > 1]
    parents = {name for axis in axes for name in axis.members}
    for place, axis in enumerate(axes):
        if (
            axis.dimension.kind == "choice"
            and several
            and {str(each) for each in axis.dimension.values} & {name.split("/")[0] for name in parents if "/" in name}
        ):
            return place
    return None


def _trial(trial: TrialRecord, axes: Sequence[PageAxis]) -> dict[str, Any]:
    return {
        "n": trial.number,
        "status": WORDS[trial.status],
        "score": trial.score,
        "epoch": trial.best_epoch,
        "seconds": None if trial.seconds is None else round(trial.seconds, 2),
        "weights": trial.parameters,
        "worker": trial.worker,
        "at": [axis.position(trial.values) for axis in axes],
        "shown": [_short(axis.value(trial.values)) for axis in axes],
        "reason": trial.reason[:300],
    }


def _short(value: Any) -> str:
    return "" if value is None else number(value)


def _median(study: Study) -> int | None:
    ranked = sorted(study.completed, key=lambda trial: gain_of(trial.score, study.direction))
    return ranked[len(ranked) // 2].number if len(ranked) > 2 else None


def _limits(study: Study) -> tuple[float, float]:
    scores = [trial.score for trial in study.completed if trial.score is not None and math.isfinite(trial.score)]
    return score_limits(scores, maximise=study.direction == "max") if scores else (0.0, 1.0)


def _progress(study: Study) -> dict[str, Any]:
    scores = [float(trial.score) for trial in study.completed if trial.score is not None]
    better = max if study.direction == "max" else min
    return {
        "numbers": [trial.number for trial in study.completed],
        "best": list(itertools.accumulate(scores, better)),
        "shuffled": expected_best(np.array(scores), maximise=study.direction == "max").tolist(),
    }


def expected_best(scores: NDArray[np.float64], *, maximise: bool) -> NDArray[np.float64]:
    """The expected best of the first k trials if the same trials came in random order, for k = 1, 2, ...

    Args:
        scores: [trials].
        maximise: Whether more is better.

    Returns:
        [trials]; the last is the best of all.
    """
    ranked = np.sort(scores) if maximise else np.sort(scores)[::-1]
    size = len(ranked)
    ranks, counts = np.arange(1, size + 1), np.arange(1, size + 1)[:, None]
    # The k-th draw's best has rank r in C(r - 1, k - 1) of C(n, k) ways.
    ways = np.where(
        ranks >= counts,
        gammaln(ranks) - gammaln(counts) - gammaln(np.maximum(ranks - counts + 1, 1)),
        -np.inf,
    )
    total = gammaln(size + 1) - gammaln(counts + 1) - gammaln(size - counts + 1)
    return np.asarray(np.exp(ways - total) @ ranked)


def _contour(response: Response, axes: Sequence[PageAxis], cube: Cube) -> dict[str, Any] | None:
    """The expected score over the two most important hyperparameters with an order, all others as in the best."""
    best = response.study.best[0]
    usable = [place for place, axis in enumerate(axes) if _plane_axis(axis, best)]
    if len(usable) < 2:
        return None
    across, up = usable[:2]
    names = [each.name for each in cube.dimensions]
    steps = (np.arange(GRID) + 0.5) / GRID
    points = np.tile(response.point(best.values), (GRID * GRID, 1))
    for place, grid in ((across, np.tile(steps, GRID)), (up, np.repeat(steps, GRID))):
        column = names.index(axes[place].member(best.values) or "")
        points[:, column] = grid
    with one_thread():
        mean, _ = response.expected(points)
    sign = 1.0 if response.study.direction == "max" else -1.0
    return {
        "x": across,
        "y": up,
        "x_axis": _own(axes[across], best, cube),
        "y_axis": _own(axes[up], best, cube),
        "grid": [float(f"{each:.5g}") for each in sign * mean],
        "size": GRID,
        "points": [
            [_unit(axes[across], trial, best, cube), _unit(axes[up], trial, best, cube), trial.score, trial.number]
            for trial in response.study.completed
        ],
    }


def _plane_axis(axis: PageAxis, best: TrialRecord) -> bool:
    return axis.dimension.kind != "choice" and axis.member(best.values) is not None


def _own(axis: PageAxis, best: TrialRecord, cube: Cube) -> dict[str, Any]:
    """The axis of the dimension that the best trial has: the learning rate of its optimizer."""
    member = axis.member(best.values)
    dimension = next(each for each in cube.dimensions if each.name == member)
    plain = PageAxis(shown_name(dimension.name), dimension, (dimension.name,)).plain()
    if shown_name(dimension.name) != dimension.name:  # The grid is in units of the search, which descend as shown.
        plain["ticks"] = [[1.0 - at, label] for at, label in plain["ticks"]]
    return plain


def _unit(axis: PageAxis, trial: TrialRecord, best: TrialRecord, cube: Cube) -> float | None:
    member = axis.member(best.values)
    dimension = next(each for each in cube.dimensions if each.name == member)
    value = trial.values.get(member or "")
    return None if value is None or not dimension.holds(value) else round(float(dimension.to_unit(value)), 4)


def _curves(study: Study) -> dict[str, Any]:
    """Curves of the objective by the trial's number: epochs, validation, training."""
    twin = study.objective.removeprefix("val_")
    kept = [*study.best[:MOST_CURVES], *[trial for trial in [study.default] if trial]]
    found = {}
    for trial in kept:
        held = trial.history.get(study.objective, ())
        if len(held) < 2:
            continue
        own = trial.history.get(twin, ()) if twin != study.objective else ()
        chosen = np.unique(np.linspace(0, len(held) - 1, min(POINTS, len(held))).round().astype(int))
        found[str(trial.number)] = [
            [int(each) + 1 for each in chosen],
            [_rounded(held[each]) for each in chosen],
            [_rounded(own[each]) for each in chosen if each < len(own)],
        ]
    return found


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _time(study: Study) -> str:
    """Where the time went, in words."""
    timed = [trial for trial in study.trials if trial.seconds is not None]
    if not timed:
        return ""
    taken = [float(trial.seconds or 0.0) for trial in timed]
    slowest = max(timed, key=lambda trial: trial.seconds or 0.0)
    lost = sum(float(trial.seconds or 0.0) for trial in timed if trial.score is None)
    parts = [f"{seconds(sum(taken))} of training in {len(timed)} trials"]
    if study.elapsed:
        parts[0] += f", {seconds(study.elapsed)} by the clock"
    parts.append(f"median {seconds(float(np.median(taken)))}")
    parts.append(f"the slowest, trial {slowest.number}, {seconds(max(taken))}")
    if lost > 0:
        parts.append(f"{100 * lost / max(sum(taken), 1e-9):.0f} % went to trials without a score")
    return "; ".join(parts) + "."
