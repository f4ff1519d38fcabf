"""What optimizers do to weights, written out over one vector of them for each member."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
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


@dataclasses.dataclass(frozen=True)
class Update:
    """How an optimizer changes weights; all is done in place, since most of the time goes into moving numbers.

    Attributes:
        apply: Takes numbers, weights w [members, ...], their gradients g, moving averages m of the gradients and v of
            their squares, room for as many numbers, and rates [members, 1]; takes one step.
        scaled: Takes numbers, learning rates [steps, members, 1] and the numbers of the steps, from 1; gives the rates
            with all factors that are constant in a step.
    """

    apply: Callable[[Numbers, Any, Any, Any, Any, Any, Any], None]
    scaled: Callable[[Numbers, NDArray, NDArray], NDArray] = lambda numbers, rates, steps: rates


def _descend(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
    g *= rate
    w -= g


def _momentum(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
    _accelerate(numbers, g, m, rate)
    w += m


def _nesterov(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
    _accelerate(numbers, g, m, rate)
    w -= g
    np.multiply(m, numbers.momentum, out=room)
    w += room


def _accelerate(numbers: Numbers, g: Any, m: Any, rate: Any) -> None:
    g *= rate
    m *= numbers.momentum
    m -= g


def _rmsprop(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
    _sum_squares(v, g, numbers.rho, room)
    np.add(v, numbers.rmsprop_epsilon, out=room)
    np.sqrt(room, out=room)
    g *= rate
    g /= room
    w -= g


def _rmsprop_rates(numbers: Numbers, rates: NDArray, steps: NDArray) -> NDArray:
    return rates / (1 - numbers.exact["rho"]) ** 0.5


def _adam(numbers: Numbers, w: Any, g: Any, m: Any, v: Any, room: Any, rate: Any) -> None:
    _sum_squares(v, g, numbers.beta_2, room)
    m *= numbers.beta_1
    m += g
    np.sqrt(v, out=room)
    room += numbers.adam_epsilon
    np.divide(m, room, out=room)
    room *= rate
    w -= room


def _adam_rates(numbers: Numbers, rates: NDArray, steps: NDArray) -> NDArray:
    # Keras takes powers of the rounded betas.
    first, second = (1 - beta.astype(float) ** steps[:, None, None] for beta in (numbers.beta_1, numbers.beta_2))
    newest = (1 - numbers.exact["beta_1"]) / (1 - numbers.exact["beta_2"]) ** 0.5
    return rates * second**0.5 / first * newest


def _sum_squares(v: Any, g: Any, beta: Any, room: Any) -> None:
    v *= beta
    np.multiply(g, g, out=room)
    v += room


DESCENT, MOMENTUM, NESTEROV = Update(_descend), Update(_momentum), Update(_nesterov)
RMSPROP, ADAM = Update(_rmsprop, _rmsprop_rates), Update(_adam, _adam_rates)
