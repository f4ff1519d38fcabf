"""What the pictures of a search show, as plain data."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuners.report.axes import Axis, axis_of, position_of

if TYPE_CHECKING:
    from tuners.space.dimensions import Dimension
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

FIRST = ("learning_rate", "optimizer", "batch_size")
"""What matters most in nearly every search, and so is shown first."""

CURVES = 5
"""Trials whose learning curves are shown."""

PARALLEL_AXES = 8
"""Hyperparameters in the picture of parallel coordinates: more cannot be told apart."""

PARALLEL_LINES = 100
"""Trials in that picture, the best."""

SQUEEZED = 10
"""How many times the range of the better half the range of a picture has at most."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """The scores in the order of the trials.

    Attributes:
        numbers: Numbers of the trials with a score, ascending.
        scores: Their scores.
        best: The best score so far after each of them.
        without: Numbers of the trials that failed or were infeasible.
    """

    numbers: tuple[int, ...]
    scores: tuple[float, ...]
    best: tuple[float, ...]
    without: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Slice:
    """The scores over one hyperparameter.

    Attributes:
        axis: The hyperparameter.
        positions: Where the trials to which it applied stand on it, in [0, 1].
        scores: Their scores.
        numbers: Their numbers.
    """

    axis: Axis
    positions: tuple[float, ...]
    scores: tuple[float, ...]
    numbers: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Parallel:
    """The best trials as lines over the hyperparameters.

    Attributes:
        axes: The hyperparameters.
        lines: Positions of each trial in [0, 1], None where a hyperparameter did not apply; the best trial last.
        scores: Score of each line.
    """

    axes: tuple[Axis, ...]
    lines: tuple[tuple[float | None, ...], ...]
    scores: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A metric over the epochs of one trial.

    Attributes:
        number: Number of the trial.
        validation: The objective, one value per epoch.
        training: The same metric on the training rows, or empty.
        best_epoch: Epoch that gave the score, from 1.
    """

    number: int
    validation: tuple[float, ...]
    training: tuple[float, ...]
    best_epoch: int


@dataclasses.dataclass(frozen=True)
class Pictures:
    """All that is drawn of a search.

    Attributes:
        objective: Name of the metric.
        maximise: Whether more is better.
        limits: Lowest and highest score that the pictures show; what lies beyond stands at the edge.
        progress: The scores in the order of the trials.
        slices: The scores over each hyperparameter that differs among the trials.
        parallel: The trials over several hyperparameters at once, or None where fewer than two differ.
        curves: Learning curves of the best trials, the best first.
    """

    objective: str
    maximise: bool
    limits: tuple[float, float]
    progress: Progress
    slices: tuple[Slice, ...]
    parallel: Parallel | None
    curves: tuple[Curve, ...]


def pictures_of(study: Study) -> Pictures | None:
    """The pictures of a search, or None where no trial has a score."""
    trials, maximise = study.completed, study.direction == "max"
    if not trials:
        return None
    dimensions = _differing(study)
    return Pictures(
        objective=study.objective,
        maximise=maximise,
        limits=score_limits([_score(trial) for trial in trials], maximise=maximise),
        progress=_progress(study, maximise),
        slices=tuple(_slice(dimension, trials) for dimension in dimensions),
        parallel=_parallel(dimensions, trials, maximise),
        curves=_curves(study),
    )


def score_limits(scores: Sequence[float], *, maximise: bool) -> tuple[float, float]:
    """The range of scores to show.

    It leaves out the worst tenth where that lies so far away that the others could not be told apart, and more of them
    where the better half would be squeezed into a tenth of the range.

    Args:
        scores: At least one score.
        maximise: Whether more is better.

    Returns:
        Lowest and highest score.
    """
    ranked = sorted(scores, reverse=maximise)
    best, worst = ranked[0], ranked[-1]
    most = ranked[max(0, int(0.9 * len(ranked)) - 1)]
    end = most if most != best and abs(worst - best) > 3 * abs(most - best) else worst
    better_half = ranked[(len(ranked) - 1) // 2] - best
    if better_half and abs(end - best) > SQUEEZED * abs(better_half):
        end = best + SQUEEZED * better_half
    return min(best, end), max(best, end)


def _score(trial: TrialRecord) -> float:
    assert trial.score is not None  # completed trials have one
    return trial.score


def _progress(study: Study, maximise: bool) -> Progress:
    scores = [_score(trial) for trial in study.completed]
    return Progress(
        numbers=tuple(trial.number for trial in study.completed),
        scores=tuple(scores),
        best=tuple(itertools.accumulate(scores, max if maximise else min)),
        without=tuple(trial.number for trial in study.trials if trial.status in ("FAILED", "INVALID")),
    )


def _differing(study: Study) -> list[Dimension]:
    """Dimensions with several values among the trials: those that applied to the best, what matters most first."""
    found = []
    for dimension in study.cube().dimensions:
        name, tail = dimension.name, dimension.name.split("/")[-1]
        if len({trial.values[name] for trial in study.completed if name in trial.values}) > 1:
            place = FIRST.index(tail) if tail in FIRST else len(FIRST)
            found.append((name not in study.best[0].values, place, dimension))
    return [dimension for _, _, dimension in sorted(found, key=lambda each: each[:2])]


def _slice(dimension: Dimension, trials: Sequence[TrialRecord]) -> Slice:
    applied = [trial for trial in trials if dimension.name in trial.values]
    return Slice(
        axis=axis_of(dimension),
        positions=tuple(position_of(dimension, trial.values[dimension.name]) for trial in applied),
        scores=tuple(_score(trial) for trial in applied),
        numbers=tuple(trial.number for trial in applied),
    )


def _parallel(dimensions: Sequence[Dimension], trials: Sequence[TrialRecord], maximise: bool) -> Parallel | None:
    # Of equals the earlier is the better one, as in the table.
    ranked = sorted(reversed(trials), key=_score, reverse=not maximise)[-PARALLEL_LINES:]
    shown = [each for each in dimensions if each.name in ranked[-1].values][:PARALLEL_AXES]
    if len(shown) < 2:
        return None
    lines = [
        tuple(position_of(each, trial.values[each.name]) if each.name in trial.values else None for each in shown)
        for trial in ranked
    ]
    return Parallel(tuple(axis_of(each) for each in shown), tuple(lines), tuple(_score(trial) for trial in ranked))


def _curves(study: Study) -> tuple[Curve, ...]:
    name = study.objective
    twin = name.removeprefix("val_")
    return tuple(
        Curve(
            number=trial.number,
            validation=trial.history[name],
            training=trial.history.get(twin, ()) if twin != name else (),
            best_epoch=trial.best_epoch or 1,
        )
        for trial in study.best[:CURVES]
        if name in trial.history
    )
