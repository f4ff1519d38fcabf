"""Optimizers written out over one vector of weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.population.decayed import is_decayed
from tuners.engine.population.reading import UnknownModelError

REFUSED = ("clipnorm", "global_clipnorm", "clipvalue", "use_ema", "loss_scale_factor", "gradient_accumulation_steps")
"""Options of optimizers that are not written out here; amsgrad and centered neither."""


class Optimizer:
    """The optimizer of a Keras model in numbers.

    Args:
        model: A compiled Keras model.

    Attributes:
        decayed: Positions of the weights that weight decay shrinks.

    Raises:
        UnknownModelError: The optimizer, or an option of it, is not known here.
    """

    def __init__(self, model: keras.Model) -> None:
        self._optimizer = model.optimizer
        self._config = config = self._optimizer.get_config()
        self._apply = _rule(self._optimizer, config)
        rate = config["learning_rate"]
        self._scheduled = keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None
        if self._scheduled is None and not isinstance(rate, int | float | np.floating):
            raise UnknownModelError("the learning rate is a function")
        self._decay = config["weight_decay"] or 0.0
        self.decayed = [
            index
            for index, weight in enumerate(model.weights)
            if self._decay and weight.trainable and is_decayed(self._optimizer, weight)
        ]
        self._slots: list[NDArray] = []

    def rates(self, first: int, steps: int) -> list[float]:
        """Learning rates of steps, as it is now where there is no schedule.

        Args:
            first: Number of the first of them, from 0.
            steps: How many.
        """
        if self._scheduled is None:
            return [float(self._optimizer.learning_rate)] * steps
        numbers = tf.range(first, first + steps)
        try:
            rates = np.asarray(self._scheduled(numbers))
        except (tf.errors.InvalidArgumentError, ValueError, TypeError):
            rates = np.empty(0)
        if rates.shape != (steps,):
            # A schedule that branches on the step takes one step at a time.
            return [float(self._scheduled(number)) for number in numbers]
        return rates.tolist()

    def step(self, vector: NDArray, gradient: NDArray, decayed: int, *, rate: float, number: int) -> None:
        """Update the weights in place; the gradient is used up.

        Args:
            vector: Weights.
            gradient: Their gradient.
            decayed: How many of them, from the first, decay.
            rate: Learning rate.
            number: Of the step, from 1.
        """
        if not self._slots:
            self._slots = [np.zeros_like(vector), np.zeros_like(vector), np.empty_like(vector)]
        vector[:decayed] *= np.float32(1 - rate * self._decay)
        self._apply(self._config, vector, gradient, *self._slots, rate, number)


def _rule(optimizer: Any, config: dict[str, Any]) -> Any:
    for option in (*REFUSED, "amsgrad", "centered"):
        if config.get(option):
            raise UnknownModelError(f"the optimizer has {option}={config[option]!r}")
    if type(optimizer) is keras.optimizers.SGD:
        return _momentum if config["momentum"] else _descend
    if type(optimizer) is keras.optimizers.RMSprop and not config["momentum"]:
        return _rmsprop
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW):
        return _adam
    raise UnknownModelError(f"the optimizer is {type(optimizer).__name__}, or has options")


# Each takes the configuration, weights w, gradients g, moments m and v, room for as many numbers, the learning rate
# and the number of the step. All is done in place, since most of the time goes into moving numbers.


def _descend(config: Any, w: Any, g: Any, m: Any, v: Any, room: Any, rate: float, number: int) -> None:
    g *= rate
    w -= g


def _momentum(config: Any, w: Any, g: Any, m: Any, v: Any, room: Any, rate: float, number: int) -> None:
    g *= rate
    m *= config["momentum"]
    m -= g
    if config["nesterov"]:
        w -= g
        np.multiply(m, config["momentum"], out=room)
        w += room
    else:
        w += m


def _rmsprop(config: Any, w: Any, g: Any, m: Any, v: Any, room: Any, rate: float, number: int) -> None:
    scale = 1 - config["rho"]
    _sum_squares(v, g, config["rho"], room)
    np.add(v, config["epsilon"] / scale, out=room)
    np.sqrt(room, out=room)
    g *= rate / scale**0.5
    g /= room
    w -= g


def _adam(config: Any, w: Any, g: Any, m: Any, v: Any, room: Any, rate: float, number: int) -> None:
    beta_1, beta_2 = config["beta_1"], config["beta_2"]
    scale = (1 - beta_2) ** 0.5
    _sum_squares(v, g, beta_2, room)
    m *= beta_1
    m += g
    np.sqrt(v, out=room)
    room += config["epsilon"] / scale
    np.divide(m, room, out=room)
    # Keras takes powers of the rounded betas.
    first, second = float(np.float32(beta_1)), float(np.float32(beta_2))
    room *= rate * (1 - second**number) ** 0.5 / (1 - first**number) * (1 - beta_1) / scale
    w -= room


def _sum_squares(v: Any, g: Any, beta: float, room: Any) -> None:
    """The moving average over 1 - beta, which saves a pass over the numbers."""
    v *= beta
    np.multiply(g, g, out=room)
    v += room
