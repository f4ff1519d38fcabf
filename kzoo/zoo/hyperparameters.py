"""Declarations of hyperparameters: range, scale, default, priority and when each applies.

A declaration is plain data: it is listed without Keras, and registers itself with a `keras_tuner.HyperParameters`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

Value = float | int | str | bool
Scale = Literal["linear", "log"]


@dataclasses.dataclass(frozen=True)
class When:
    """The condition under which a hyperparameter applies: another one has one of these values."""

    parent: str
    values: tuple[Value, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What every declaration has.

    Attributes:
        name: Name, with the choice that it belongs to in front where it belongs to one ("adam/learning_rate").
        default: Value where nothing is given.
        priority: 1 (tune first) to 4 (leave alone unless asked).
        help: One line for people.
        when: Condition under which it applies, or None for always.
        for_codes: Whether it applies only to tables with categories that are one number, a code.
    """

    name: str
    default: Value
    priority: int
    help: str = ""
    when: When | None = None
    for_codes: bool = False

    def __post_init__(self) -> None:
        if self.priority not in (1, 2, 3, 4):
            raise ValueError(f"{self.name}: priority is {self.priority}; expected 1, 2, 3 or 4.")
        self.check(self.default)

    def check(self, value: Any) -> Value:
        """The value in its own type.

        Args:
            value: A candidate.

        Returns:
            The value.

        Raises:
            ValueError: It is not one that the hyperparameter can take.
        """
        raise NotImplementedError

    def register(self, hp: Any) -> Value | None:
        """Register with a `keras_tuner.HyperParameters` and return the value it has there, None where inactive."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Float(Hyperparameter):
    """A real number in [low, high], drawn evenly on its scale.

    1 - beta hyperparameters are declared as the complement on a log scale under a name that starts with `one_minus_`.
    With `allow_zero`, 0 can be given by hand although a log scale never draws it; `below` is what every value is below.
    """

    low: float
    high: float
    scale: Scale = "linear"
    allow_zero: bool = False
    below: float | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(f"{self.name}: [{self.low}, {self.high}] is not a range on a {self.scale} scale.")
        super().__post_init__()

    def check(self, value: Any) -> Value:
        """The value as a float; any finite number is taken, so that a fixed value may lie outside the range."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{self.name} is {value!r}; expected a number, such as {self.default}.")
        if value < 0 or (value == 0 and self.scale == "log" and not self.allow_zero):
            raise ValueError(f"{self.name} is {value!r}; expected a positive number, such as {self.default}.")
        if self.below is not None and value >= self.below:
            raise ValueError(f"{self.name} is {value!r}; expected a number below {self.below:g}.")
        return float(value)

    def register(self, hp: Any) -> Value | None:
        """See `Hyperparameter.register`."""
        value: Value | None = hp.Float(self.name, self.low, self.high, sampling=self.scale, default=self.default)
        return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Int(Hyperparameter):
    """A whole number in [low, high]; with `factor`, only low * factor ** k."""

    low: int
    high: int
    scale: Scale = "linear"
    factor: int | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(f"{self.name}: [{self.low}, {self.high}] is not a range on a {self.scale} scale.")
        super().__post_init__()

    def check(self, value: Any) -> Value:
        """The value as an int; any whole number >= 1 (0 where the range starts there) is taken."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < min(self.low, 1):
            raise ValueError(
                f"{self.name} is {value!r}; expected a whole number >= {min(self.low, 1)}, such as {self.default}."
            )
        return value

    def register(self, hp: Any) -> Value | None:
        """See `Hyperparameter.register`."""
        value: Value | None = hp.Int(
            self.name, self.low, self.high, step=self.factor, sampling=self.scale, default=self.default
        )
        return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice(Hyperparameter):
    """One of several names or numbers."""

    values: tuple[Value, ...]
    ordered: bool = False

    def check(self, value: Any) -> Value:
        """The value, which must be one of `values`."""
        if value not in self.values:
            raise ValueError(f"{self.name} is {value!r}; expected one of {', '.join(map(str, self.values))}.")
        chosen: Value = value
        return chosen

    def register(self, hp: Any) -> Value | None:
        """See `Hyperparameter.register`."""
        ordered = self.ordered if isinstance(self.values[0], int | float) else None
        value: Value | None = hp.Choice(self.name, list(self.values), default=self.default, ordered=ordered)
        return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Boolean(Hyperparameter):
    """Yes or no."""

    def check(self, value: Any) -> Value:
        """The value, which must be True or False."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.name} is {value!r}; expected True or False.")
        return value

    def register(self, hp: Any) -> Value | None:
        """See `Hyperparameter.register`."""
        value: Value | None = hp.Boolean(self.name, default=self.default)
        return value
