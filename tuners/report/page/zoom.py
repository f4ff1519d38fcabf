"""The boxes that the trials of a search were drawn from, as the zoom moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuners.report.axes import position_of
from tuners.report.page.axes import PageAxis
from tuners.space.dimensions import Cube
from tuners.strategy.scores import gain_of
from tuners.strategy.zoom import Box, Geometry, History, ZoomSettings, box_sides

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

ZOOMED = 4
"""Hyperparameters whose boxes are shown."""


def zoom_boxes(study: Study, cube: Cube, axes: Sequence[PageAxis]) -> list[dict[str, Any]]:
    """The box of every trial along the most important hyperparameters; none where another oracle has searched.

    Args:
        study: A study with a score.
        cube: Its space.
        axes: Axes of the page, the most important first.
    """
    if study.about.get("tuner"):
        return []
    ended = [trial for trial in study.trials if trial.status != "RUNNING"]
    best = study.best[0].values
    ordered = [axis for axis in axes if axis.dimension.kind != "choice" and axis.member(best)][:ZOOMED]
    centres, halves = _boxes(study, cube, ended)
    names = [each.name for each in cube.dimensions]
    shown = []
    for axis in ordered:
        low, high = [], []
        for centre, half in zip(centres, halves, strict=True):
            if half is None:
                low.append(0.0)
                high.append(1.0)
                continue
            columns = [names.index(name) for name in axis.members]
            place = next((each for each in columns if cube.dimensions[each].name in centre[1]), columns[0])
            ends = [_moved(axis, cube.dimensions[place], centre[0][place] + sign * half[place]) for sign in (-1, 1)]
            low.append(min(ends))
            high.append(max(ends))
        shown.append({"axis": axes.index(axis), "low": low, "high": high, "numbers": [each.number for each in ended]})
    return shown


def _moved(axis: PageAxis, dimension: Any, unit: float) -> float:
    """A position on a dimension as one on the axis."""
    return round(position_of(axis.dimension, dimension.to_value(min(max(unit, 0.0), 1.0))), 4)


def _boxes(study: Study, cube: Cube, ended: Sequence[TrialRecord]) -> tuple[list[Any], list[Any]]:
    """Centre (point and values of the leader) and half-widths of the box that each trial was drawn from."""
    settings, geometry = ZoomSettings(), Geometry(cube.choices, cube.steps, cube.free)
    points = np.array([cube.to_point({k: v for k, v in trial.values.items() if _holds(cube, k, v)}) for trial in ended])
    gains = np.array([gain_of(trial.score, study.direction) for trial in ended])
    box = Box(settings.start)
    centres: list[Any] = []
    halves: list[Any] = []
    for index in range(len(ended)):
        if index < settings.coarse or not np.isfinite(gains[:index]).any():
            centres.append(None)
            halves.append(None)
        else:
            history = History(points[:index], gains[:index], np.ones_like(points[:index], dtype=bool))
            leader = int(history.order[0])
            centres.append((points[leader], ended[leader].values))
            sides = box.width * box_sides(history, geometry, settings.leaders)
            halves.append(np.maximum(sides, 0.75 * geometry.steps))
        box = box.after(float(gains[index]), settings)
    return centres, halves


def _holds(cube: Cube, name: str, value: Any) -> bool:
    return any(each.name == name and each.holds(value) for each in cube.dimensions)
