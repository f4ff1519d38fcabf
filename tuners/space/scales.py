"""Scales on which hyperparameters are searched: each maps a range onto [0, 1], where draws are even."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Transform = Callable[[NDArray[Any]], NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Scale:
    """A monotone map under which equal steps matter equally.

    Attributes:
        name: Name to ask for it by.
        forward: From values to the scale.
        inverse: From the scale back to values.
        domain: Open interval in which values must lie.
    """

    name: str
    forward: _Transform
    inverse: _Transform
    domain: tuple[float, float]

    def to_unit(self, values: ArrayLike, low: float, high: float) -> NDArray[Any]:
        """Positions in the range.

        Args:
            values: Values in [low, high], any shape.
            low: Lower bound.
            high: Upper bound, > low.

        Returns:
            Numbers in [0, 1], of the same shape; decreasing where the scale counts down from 1.
        """
        start, end = self.forward(np.array([low, high], dtype=float))
        positions = (self.forward(np.asarray(values, dtype=float)) - start) / (end - start)
        inside: NDArray[Any] = np.clip(positions, 0.0, 1.0)
        return inside

    def to_value(self, positions: ArrayLike, low: float, high: float) -> NDArray[Any]:
        """Values at positions; the inverse of `to_unit`.

        Args:
            positions: Numbers in [0, 1], any shape.
            low: Lower bound.
            high: Upper bound, > low.

        Returns:
            Values in [low, high], of the same shape.
        """
        start, end = self.forward(np.array([low, high], dtype=float))
        values = self.inverse(start + np.asarray(positions, dtype=float) * (end - start))
        inside: NDArray[Any] = np.clip(values, low, high)
        return inside

    def check(self, low: float, high: float, name: str) -> None:
        """Refuse a range that the scale does not cover.

        Raises:
            ValueError: The range leaves the domain; the message names the hyperparameter.
        """
        if not self.domain[0] < low <= high < self.domain[1]:
            raise ValueError(
                f"{name}: the range [{low:g}, {high:g}] does not fit the scale {self.name!r}, which needs "
                f"{self.domain[0]:g} < low <= high < {self.domain[1]:g}."
            )


def _identity(values: NDArray[Any]) -> NDArray[Any]:
    return values


SCALES: Mapping[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("linear", _identity, _identity, (-np.inf, np.inf)),
        # alpha = 10^r with r even: each decade gets the same share of the draws.
        Scale("log", np.log, np.exp, (0.0, np.inf)),
        # 1 - beta = 10^r with r even: near 1 a small change of beta changes the averaging window 1 / (1 - beta) a lot.
        Scale("one_minus_log", lambda v: -np.log1p(-v), lambda p: -np.expm1(-p), (-np.inf, 1.0)),
    )
}
"""Every scale by name."""


def get_scale(name: str) -> Scale:
    """The scale of that name.

    Raises:
        ValueError: No scale has that name; the message lists the names.
    """
    if name not in SCALES:
        raise ValueError(f"No scale is called {name!r}; there are {', '.join(SCALES)}.")
    return SCALES[name]
