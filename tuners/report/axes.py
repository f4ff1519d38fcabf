"""Hyperparameters as axes of pictures: positions in [0, 1] on their own scale, under the names that people use."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from tuners.space.shown import number, shown_name, shown_value

if TYPE_CHECKING:
    from tuners.space.dimensions import Dimension

MOST_TICKS = 5


@dataclasses.dataclass(frozen=True)
class Axis:
    """One hyperparameter.

    Attributes:
        name: What people call it.
        ticks: Positions in [0, 1], ascending, and what stands at them.
        ordered: Whether its values have an order.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    ordered: bool = True


def axis_of(dimension: Dimension) -> Axis:
    """The axis of a dimension of the search space."""
    marks = {position_of(dimension, value): _label(dimension, value) for value in _tick_values(dimension)}
    return Axis(shown_name(dimension.name), tuple(sorted(marks.items())), dimension.kind != "choice")


def position_of(dimension: Dimension, value: Any) -> float:
    """Where a value stands on the axis, in [0, 1]; values that are shown as 1 - x ascend as they are shown."""
    position = dimension.to_unit(value)
    return 1.0 - position if shown_name(dimension.name) != dimension.name else position


def _label(dimension: Dimension, value: Any) -> str:
    return number(shown_value(dimension.name, value))


def _tick_values(dimension: Dimension) -> list[Any]:
    if dimension.values:
        stride = 1 if dimension.kind == "choice" else math.ceil(len(dimension.values) / MOST_TICKS)
        return list(dimension.values[::stride])
    if not dimension.whole:
        decades = _decades(dimension)
        if len(decades) > 1:
            return decades[:: math.ceil(len(decades) / MOST_TICKS)]
    return [dimension.to_value(position) for position in (0.0, 0.5, 1.0)]


def _decades(dimension: Dimension) -> list[float]:
    """Powers of ten in the range of a log scale, or what is that far from 1."""
    if dimension.scale == "log":
        low, high = dimension.low, dimension.high
    elif dimension.scale == "one_minus_log":
        low, high = 1 - dimension.high, 1 - dimension.low
    else:
        return []
    exponents = range(math.ceil(math.log10(low) - 1e-6), math.floor(math.log10(high) + 1e-6) + 1)
    powers = [10.0**exponent for exponent in exponents]
    return powers if dimension.scale == "log" else [1 - power for power in powers]
