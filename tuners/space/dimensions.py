"""The unit cube of a search space: one dimension per hyperparameter, each on its own scale.

Declarations come in as the plain configurations that keras-tuner writes, so that a study can be read without it.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.space.scales import get_scale

Value = float | int | str | bool
Condition = tuple[str, tuple[Value, ...]]


@dataclasses.dataclass(frozen=True)
class Dimension:
    """One hyperparameter as a coordinate in [0, 1].

    Attributes:
        name: Its name.
        kind: "real", "ordered" (numbers or ranks in even bins) or "choice" (bins without an order).
        default: Value where nothing better is known.
        conditions: Under which it applies: all of these others have one of these values.
        values: Values of the bins; empty for "real" and for whole numbers without a step.
        low: Lower bound where there are no bins.
        high: Upper bound where there are no bins.
        scale: Name of the scale between them.
        whole: Whether values without bins are whole numbers; each then covers [value, value + 1) of the scale.
    """

    name: str
    kind: str
    default: Value
    conditions: tuple[Condition, ...] = ()
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 1.0
    scale: str = "linear"
    whole: bool = False

    @property
    def step(self) -> float:
        """Distance between neighbouring values in [0, 1]; 0 where they are as good as continuous."""
        return 1.0 / len(self.values) if self.values else 0.0

    @property
    def range(self) -> str:
        """The values there are, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(map(str, self.values))}"
        low, high = (min(self.values), max(self.values)) if self.values else (self.low, self.high)
        return f"between {low:g} and {high:g}"

    def applies(self, values: Mapping[str, Value]) -> bool:
        """Whether the hyperparameter applies beside the values of those before it."""
        return not self.conditions or all(
            name in values and values[name] in allowed for name, allowed in self.conditions
        )

    def to_value(self, position: float) -> Value:
        """The value at a position in [0, 1]."""
        if self.values:
            return self.values[min(int(position * len(self.values)), len(self.values) - 1)]
        scale = get_scale(self.scale)
        if not self.whole:
            return float(scale.to_value(position, self.low, self.high))
        return min(int(scale.to_value(position, self.low, self.high + 1)), int(self.high))

    def to_unit(self, value: Value) -> float:
        """The position of a value, the middle of its bin; values out of range move to the nearest end."""
        if self.values:
            return (self._nearest(value) + 0.5) / len(self.values)
        scale, number = get_scale(self.scale), float(value)
        if not self.whole:
            return float(scale.to_unit(min(max(number, self.low), self.high), self.low, self.high))
        number = min(max(number, self.low), self.high)
        ends = scale.to_unit([number, number + 1], self.low, self.high + 1)
        return float(np.mean(ends))

    def holds(self, value: Value) -> bool:
        """Whether a value lies in the range, or is one of the choices."""
        if not self.has_place_for(value):
            return False
        if self.values and (self.kind == "choice" or isinstance(self.values[0], str)):
            return True
        low, high = (min(self.values), max(self.values)) if self.values else (self.low, self.high)
        slack = 1e-9 * max(abs(float(low)), abs(float(high)))
        return float(low) - slack <= float(value) <= float(high) + slack

    def has_place_for(self, value: Value) -> bool:
        """Whether a value has a position: a choice that there is, or any number where there are numbers."""
        if self.values and (self.kind == "choice" or isinstance(self.values[0], str)):
            return value in self.values
        return not isinstance(value, str)

    @property
    def of(self) -> str:
        """What its values are, in words."""
        if isinstance(self.default, bool):
            return "truth values"
        return "words" if isinstance(self.default, str) else "numbers"

    def _nearest(self, value: Value) -> int:
        if value in self.values:
            return self.values.index(value)
        if self.kind == "choice" or isinstance(value, str):
            raise ValueError(f"{self.name}: {value!r} is not one of {', '.join(map(str, self.values))}.")
        return int(np.argmin([abs(float(each) - float(value)) for each in self.values]))


@dataclasses.dataclass(frozen=True)
class Cube:
    """The unit cube of a whole space; parents come before those that depend on them."""

    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int:
        """Number of dimensions."""
        return len(self.dimensions)

    @property
    def choices(self) -> NDArray[np.bool_]:
        """Which dimensions have no order."""
        return np.array([each.kind == "choice" for each in self.dimensions], dtype=bool)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which dimensions have more than one value."""
        return np.array([len(each.values) != 1 for each in self.dimensions], dtype=bool)

    @property
    def steps(self) -> NDArray[np.float64]:
        """Distance between neighbouring values of each dimension."""
        return np.array([each.step for each in self.dimensions])

    def to_values(self, point: NDArray[Any]) -> dict[str, Value]:
        """The values of the hyperparameters that apply at a point."""
        return self.completed({}, point)

    def completed(self, values: Mapping[str, Value], point: NDArray[Any]) -> dict[str, Value]:
        """Values of the hyperparameters that apply: the given ones, and those at a point where none is given."""
        made: dict[str, Value] = {}
        for position, each in zip(point, self.dimensions, strict=True):
            if each.applies(made):
                made[each.name] = values[each.name] if each.name in values else each.to_value(float(position))
        return made

    def to_point(self, values: Mapping[str, Value], rest: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """The point of given values.

        Args:
            values: Values by name; what is missing or does not apply is taken from `rest`.
            rest: A point [size]; the defaults where none is given.

        Returns:
            The point [size], each coordinate in the middle of its bin.
        """
        point = np.empty(self.size)
        for index, each in enumerate(self.dimensions):
            if each.name in values and each.applies(values):
                point[index] = each.to_unit(values[each.name])
            else:
                point[index] = each.to_unit(each.default) if rest is None else rest[index]
        return point

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether none of these values lies outside the range of its hyperparameter."""
        return all(each.holds(values[each.name]) for each in self._given(values))

    def placed(self, values: Mapping[str, Value]) -> dict[str, float]:
        """Coordinates, by name, of those hyperparameters that have a value; the cube holds all of these."""
        return {each.name: each.to_unit(values[each.name]) for each in self._given(values)}

    def _given(self, values: Mapping[str, Value]) -> list[Dimension]:
        return [each for each in self.dimensions if each.name in values and each.applies(values)]

    def active(self, values: Mapping[str, Value]) -> NDArray[np.bool_]:
        """Which dimensions apply beside these values."""
        return np.array([each.applies(values) for each in self.dimensions], dtype=bool)

    def active_at(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which dimensions apply at points [points, dimensions]."""
        active = np.ones(points.shape, dtype=bool)
        places = {each.name: index for index, each in enumerate(self.dimensions)}
        for index, each in enumerate(self.dimensions):
            for name, allowed in each.conditions:
                if name not in places:
                    active[:, index] = False
                    continue
                parent, at = self.dimensions[places[name]], places[name]
                if not parent.values:
                    holds = np.array([parent.to_value(float(one)) in allowed for one in points[:, at]], dtype=bool)
                else:
                    bins = np.minimum((points[:, at] * len(parent.values)).astype(int), len(parent.values) - 1)
                    holds = np.isin(bins, [place for place, value in enumerate(parent.values) if value in allowed])
                active[:, index] &= active[:, at] & holds
        return active


WIDE = 100
"""Ends of a range are this many times apart where it matters much at which of them a search begins."""


def begins_at_an_end(cube: Cube) -> list[Dimension]:
    """Hyperparameters that are as good as undecided by default: at an end of a wide range on a logarithmic scale.

    keras-tuner takes the least value where none was given, for a learning rate of 1e-6 to 1 that of 1e-6.
    """
    return [
        each
        for each, undecided in zip(cube.dimensions, undecided_by_default(cube), strict=True)
        if undecided and not each.conditions and each.high >= WIDE * each.low
    ]


def undecided_by_default(cube: Cube) -> NDArray[np.bool_]:
    """Which dimensions are on a logarithmic scale and have an end of their range for a default, [dimensions]."""
    return np.array(
        [each.scale == "log" and not each.values and each.default in (each.low, each.high) for each in cube.dimensions],
        dtype=bool,
    )


def check_names(argument: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse names that no hyperparameter has.

    Args:
        argument: What they were given for.
        given: Names.
        known: Names of all hyperparameters.

    Raises:
        ValueError: One is not among them.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
            raise ValueError(f"{argument}: no hyperparameter is called {name!r}; {hint}")


def cube_from_space(space: Iterable[Mapping[str, Any]], scales: Mapping[str, str] | None = None) -> Cube:
    """The cube of a keras-tuner search space.

    Args:
        space: `HyperParameters.get_config()["space"]`: class names and configurations.
        scales: Scales by the name of a hyperparameter, instead of the declared ones.

    Returns:
        The cube.

    Raises:
        ValueError: `scales` names a hyperparameter or scale that does not exist, or one that does not fit its range.
    """
    declared = list(space)
    scales = dict(scales or {})
    names = [each["config"]["name"] for each in declared]
    check_names("scales", scales, names)
    made = [_dimension(each["class_name"], each["config"], scales.get(each["config"]["name"])) for each in declared]
    return Cube(_parents_first(made))


def _only_value(class_name: str, config: Mapping[str, Any]) -> Value | None:
    only: Value | None = None
    if class_name == "Fixed":
        only = config["value"]
    elif class_name == "Choice" and len(config["values"]) == 1:
        only = config["values"][0]
    elif class_name in ("Int", "Float") and config["min_value"] == config["max_value"]:
        only = config["min_value"]
    return only


def _dimension(class_name: str, config: Mapping[str, Any], scale: str | None) -> Dimension:
    name, conditions = config["name"], _conditions(config)
    only = _only_value(class_name, config)
    if only is not None:
        return Dimension(name, "choice", only, conditions, (only,))
    if class_name == "Boolean":
        return Dimension(name, "choice", bool(config.get("default")), conditions, (False, True))
    if class_name == "Choice":
        values = tuple(config["values"])
        default = values[0] if config.get("default") is None else config["default"]
        return Dimension(name, "ordered" if config.get("ordered") else "choice", default, conditions, values)
    if class_name not in ("Int", "Float"):
        raise ValueError(f"{name}: hyperparameters of the type {class_name} are not known.")
    return _number(class_name, config, conditions, scale)


def _number(
    class_name: str, config: Mapping[str, Any], conditions: tuple[Condition, ...], scale: str | None
) -> Dimension:
    name, low, high, step = config["name"], config["min_value"], config["max_value"], config.get("step")
    sampling = config.get("sampling") or "linear"
    whole = class_name == "Int"
    default = low if config.get("default") is None else config["default"]
    if sampling == "reverse_log" and scale is None:
        # keras-tuner's reverse_log is no scale of 1 - value: most draws fall far from the upper bound. Kept as it is.
        return Dimension(name, "ordered", default, conditions, _reversed_values(low, high, step, whole))
    if scale is None and step is not None:
        return Dimension(name, "ordered", default, conditions, _stepped(low, high, step, sampling, whole))
    chosen = scale or sampling
    get_scale(chosen).check(low, high, name)
    if whole and high - low < 16:
        values = tuple(range(int(low), int(high) + 1))
        if chosen == "linear":
            return Dimension(name, "ordered", default, conditions, values)
    return Dimension(name, "real", default, conditions, (), float(low), float(high), chosen, whole)


def _stepped(low: float, high: float, step: float, sampling: str, whole: bool) -> tuple[Value, ...]:
    if sampling == "log":
        count = int(math.log(high / low, step) + 1e-8) + 1
        values = [low * step**index for index in range(count)]
    else:
        count = int((high - low) / step + 1e-8) + 1
        values = [low + index * step for index in range(count)]
    return tuple(round(each) for each in values) if whole else tuple(float(f"{each:.12g}") for each in values)


def _reversed_values(low: float, high: float, step: float | None, whole: bool) -> tuple[Value, ...]:
    powers = np.geomspace(low, high, 256) if step is None else _stepped(low, high, step, "log", False)
    values = sorted({high + low - float(each) for each in powers})
    return tuple(sorted({round(each) for each in values})) if whole else tuple(values)


def _conditions(config: Mapping[str, Any]) -> tuple[Condition, ...]:
    parents = (each["config"] for each in config.get("conditions") or ())
    return tuple((parent["name"], tuple(parent["values"])) for parent in parents)


def _parents_first(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    # keras-tuner's protobuf reorders a space by type, so that a parent may come after what depends on it.
    names = {each.name for each in dimensions}
    placed: list[Dimension] = []
    waiting = list(dimensions)
    while waiting:
        known = {each.name for each in placed} | {
            name for each in waiting for name, _ in each.conditions if name not in names
        }
        ready = [each for each in waiting if all(name in known for name, _ in each.conditions)]
        if not ready:
            raise ValueError(f"{waiting[0].name}: its conditions depend on each other in a circle.")
        placed += ready
        waiting = [each for each in waiting if each not in ready]
    return tuple(placed)
