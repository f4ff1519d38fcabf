"""The way from the default to the best: which change, one after the other, brings how much by the model.

References:
    Fawcett and Hoos (2016), "Analysing differences between algorithm configurations through ablation".
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tuners.insight.response import Contrast, Response
from tuners.space.shown import shown_name, shown_value


@dataclasses.dataclass(frozen=True)
class Step:
    """One change on the way.

    Attributes:
        name: What people call the hyperparameter.
        before: Its value at the default; None where it does not apply there.
        after: Its value in the best trial.
        gain: Expected gain of the change after those before it, in units of the score; more is better.
        deviation: Standard deviation of the doubt.
    """

    name: str
    before: Any
    after: Any
    gain: float
    deviation: float


def path_of(response: Response) -> tuple[Step, ...]:
    """The changes from the default to the best trial, each time the one that brings most by the model.

    A hyperparameter that belongs to a choice is changed once its choice is made.

    Args:
        response: The model of the study.
    """
    cube = response.cube
    best, values = response.study.best[0].values, cube.to_values(cube.to_point({}))
    steps: list[Step] = []
    while len(steps) <= cube.size:
        open_ = [name for name in values if name in best and best[name] != values[name]]
        if not open_:
            break
        tried = {name: _changed(response, values, name, best[name]) for name in open_}
        name = max(tried, key=lambda each: tried[each][1].mean)
        after, contrast = tried[name]
        shown = (shown_value(name, values[name]), shown_value(name, best[name]))
        steps.append(Step(shown_name(name), *shown, contrast.mean, contrast.deviation))
        values = after
    return tuple(steps)


def _changed(response: Response, values: dict[str, Any], name: str, value: Any) -> tuple[dict[str, Any], Contrast]:
    cube = response.cube
    # What comes to apply by the change starts at its default.
    after = cube.completed({**values, name: value}, cube.to_point({}))
    return after, response.contrast(response.point(after), response.point(values))
