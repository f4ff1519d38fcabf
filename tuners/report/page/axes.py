"""The axes of the page's pictures: one for each hyperparameter as people see it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tuners.insight.response import Group, groups_of
from tuners.report.axes import axis_of, position_of
from tuners.space.dimensions import Cube, Dimension
from tuners.space.shown import shown_name, shown_value


@dataclasses.dataclass(frozen=True)
class PageAxis:
    """One axis.

    Attributes:
        name: What people call it.
        dimension: Its range and scale; for several dimensions that are one hyperparameter, all of their ranges.
        members: Names of its dimensions.
    """

    name: str
    dimension: Dimension
    members: tuple[str, ...]

    def position(self, values: Mapping[str, Any]) -> float | None:
        """Where a trial stands, in [0, 1]; None where the hyperparameter did not apply."""
        member = self.member(values)
        if member is None or not self.dimension.holds(values[member]):
            return None
        return round(position_of(self.dimension, values[member]), 5)

    def value(self, values: Mapping[str, Any]) -> Any:
        """The value of a trial, by the name that people use, or None."""
        member = self.member(values)
        return None if member is None else shown_value(member, values[member])

    def member(self, values: Mapping[str, Any]) -> str | None:
        """Which of its dimensions a trial has."""
        return next((name for name in self.members if name in values), None)

    def plain(self) -> dict[str, Any]:
        """Name, ticks and whether its values have an order, as JSON has it."""
        axis = axis_of(self.dimension)
        return {"name": self.name, "ticks": [list(each) for each in axis.ticks], "ordered": axis.ordered}


def page_axes(cube: Cube) -> list[PageAxis]:
    """The axes of a space."""
    return [axis for group in groups_of(cube) for axis in _of(group, cube)]


def _of(group: Group, cube: Cube) -> list[PageAxis]:
    members = [cube.dimensions[index] for index in group.indices]
    joined = _joined(members)
    if joined is not None:
        return [PageAxis(shown_name(group.name), dataclasses.replace(joined, name=group.name), _names(members))]
    return [PageAxis(shown_name(each.name), each, (each.name,)) for each in members]


def _names(members: list[Dimension]) -> tuple[str, ...]:
    return tuple(each.name for each in members)


def _joined(members: list[Dimension]) -> Dimension | None:
    """One dimension over the ranges of several on the same scale; None where they do not fit together."""
    first = members[0]
    if len(members) == 1:
        return dataclasses.replace(first, conditions=())
    alike = all((each.kind, each.scale, each.whole) == (first.kind, first.scale, first.whole) for each in members)
    if not alike or any(each.values for each in members):
        return None
    low, high = min(each.low for each in members), max(each.high for each in members)
    return dataclasses.replace(first, low=low, high=high, conditions=())
