"""The way from the default to the best: which change, one after the other, brings how much by the model.

References:
    Fawcett and Hoos (2016), "Analysing differences between algorithm configurations through ablation".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuners.insight.again import Again
from tuners.insight.response import Contrast, Response
from tuners.space.shown import shown_name, shown_value

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord


@dataclasses.dataclass(frozen=True)
class Step:
    """One change on the way.

    Attributes:
        name: What people call the hyperparameter.
        before: Its value at the default; None where it does not apply there.
        after: Its value in the best trial.
        gain: Expected gain of the change after those before it, in units of the score; more is better.
        deviation: Standard deviation of the doubt.
        measured: What the change brought where both sides were trained again, else None.
        measured_deviation: Standard deviation of the doubt of that.
    """

    name: str
    before: Any
    after: Any
    gain: float
    deviation: float
    measured: float | None = None
    measured_deviation: float | None = None


def path_of(response: Response, again: Again | None = None) -> tuple[Step, ...]:
    """The changes from the default to the best trial, each time the one that brings most by the model.

    A hyperparameter that belongs to a choice is changed once its choice is made.

    Args:
        response: The model of the study.
        again: What was trained again, or None.
    """
    steps, values = [], _default(response.study)
    for name, after, contrast in _changes(response):
        shown = (shown_value(name, values[name]), shown_value(name, after[name]))
        found = again.contrast(after, values, response.noise.rows) if again else None
        measured = (found.mean, found.deviation) if found else (None, None)
        steps.append(Step(shown_name(name), *shown, contrast.mean, contrast.deviation, *measured))
        values = after
    return tuple(steps)


def configurations(study: Study, response: Response | None = None) -> list[dict[str, Any]]:
    """The configurations on the way: the default first, the best last; both alone where there is no model.

    Args:
        study: A study with a score and a space.
        response: Its model, or None.
    """
    between = [after for _, after, _ in _changes(response)][:-1] if response else []
    return [_default(study), *between, dict(study.best[0].values)]


def to_train_again(study: Study, response: Response | None = None) -> list[dict[str, Any]]:
    """The configurations on the way, and the runner-up, which may be the better one.

    Args:
        study: A study with a score and a space.
        response: Its model, or None.
    """
    way, second = configurations(study, response), runner_up(study)
    way = way[:-1] if way[0] == way[-1] else way
    return [*way, *([dict(second.values)] if second is not None and second.values not in way else [])]


def runner_up(study: Study) -> TrialRecord | None:
    """The best trial of another configuration than the best."""
    return next((trial for trial in study.best[1:] if trial.values != study.best[0].values), None)


def _default(study: Study) -> dict[str, Any]:
    cube = study.cube()
    return cube.to_values(cube.to_point({}))


def _changes(response: Response) -> Iterator[tuple[str, dict[str, Any], Contrast]]:
    """Name of each hyperparameter that is changed, the values after it, and what the model expects of it."""
    best, values = response.study.best[0].values, _default(response.study)
    for _ in range(response.cube.size + 1):
        open_ = [name for name in values if name in best and best[name] != values[name]]
        if not open_:
            return
        tried = {name: _changed(response, values, name, best[name]) for name in open_}
        name = max(tried, key=lambda each: tried[each][1].mean)
        values, contrast = tried[name]
        yield name, values, contrast


def _changed(response: Response, values: Mapping[str, Any], name: str, value: Any) -> tuple[dict[str, Any], Contrast]:
    cube = response.cube
    # What comes to apply by the change starts at its default.
    after = cube.completed({**values, name: value}, cube.to_point({}))
    return after, response.contrast(response.point(after), response.point(values))
