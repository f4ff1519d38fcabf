"""What optimizers do to weights, written out over one vector of them for each member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Numbers:
    """Settings of the members' optimizers as columns [members, 1].

    Args:
        configs: Settings by name, as Keras optimizers give them.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]]) -> None:
        def column(name: str) -> NDArray:
            return np.array([[config.get(name) or 0.0] for config in configs])

        self.exact = {name: column(name) for name in ("momentum", "rho", "beta_1", "beta_2", "epsilon")}
        self.momentum, self.rho, self.beta_1, self.beta_2, _ = (each.astype(np.float32) for each in self.exact.values())
        # The moving average of the squares is kept over 1 - beta, which saves a pass over the numbers.
        self.rmsprop_epsilon = (self.exact["epsilon"] / (1 - self.exact["rho"])).astype(np.float32)
        self.adam_epsilon = (self.exact["epsilon"] / (1 - self.exact["beta_2"]) ** 0.5).astype(np.float32)


class Update:
    """How an optimizer changes weights w by gradients g, with moments m and v, and room for as many numbers.

    All is done in place, since most of the time goes into moving numbers.
    """

    @staticmethod
    def scaled(numbers: Numbers, rates: NDArray, steps: NDArray) -> NDArray:
        """Learning rates with all factors that are constant in a step.

        Args:
            numbers: Settings.
            rates: Learning rates [steps, members, 1].
            steps: Numbers of the steps, from 1.
        """
        return rates

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """Take one step.

        Args:
            numbers: Settings.
            w: Weights [members, ...].
            g: Their gradients.
            m: Moving averages of the gradients, or velocities.
            v: Moving averages of their squares.
            room: For as many numbers.
            rate: From `scaled` [members, 1].
        """
        raise NotImplementedError


class Descent(Update):
    """keras.optimizers.SGD without momentum."""

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """See `Update`."""
        g *= rate
        w -= g


class Momentum(Update):
    """keras.optimizers.SGD with momentum."""

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """See `Update`."""
        g *= rate
        m *= numbers.momentum
        m -= g
        w += m


class Nesterov(Update):
    """keras.optimizers.SGD with Nesterov's momentum."""

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """See `Update`."""
        g *= rate
        m *= numbers.momentum
        m -= g
        w -= g
        np.multiply(m, numbers.momentum, out=room)
        w += room


class RMSprop(Update):
    """keras.optimizers.RMSprop without momentum."""

    @staticmethod
    def scaled(numbers: Numbers, rates: NDArray, steps: NDArray) -> NDArray:
        """See `Update`."""
        return rates / (1 - numbers.exact["rho"]) ** 0.5

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """See `Update`."""
        _sum_squares(v, g, numbers.rho, room)
        np.add(v, numbers.rmsprop_epsilon, out=room)
        np.sqrt(room, out=room)
        g *= rate
        g /= room
        w -= g


class Adam(Update):
    """keras.optimizers.Adam and AdamW."""

    @staticmethod
    def scaled(numbers: Numbers, rates: NDArray, steps: NDArray) -> NDArray:
        """See `Update`."""
        # Keras takes powers of the rounded betas.
        first, second = (1 - beta.astype(float) ** steps[:, None, None] for beta in (numbers.beta_1, numbers.beta_2))
        newest = (1 - numbers.exact["beta_1"]) / (1 - numbers.exact["beta_2"]) ** 0.5
        return rates * second**0.5 / first * newest

    @staticmethod
    def apply(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
        """See `Update`."""
        _sum_squares(v, g, numbers.beta_2, room)
        m *= numbers.beta_1
        m += g
        np.sqrt(v, out=room)
        room += numbers.adam_epsilon
        np.divide(m, room, out=room)
        room *= rate
        w -= room


def _sum_squares(v: Any, g: Any, beta: Any, room: Any) -> None:
    v *= beta
    np.multiply(g, g, out=room)
    v += room
