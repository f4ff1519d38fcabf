"""Optimizers of Keras models, read and joined."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import some
from tuners.engine.numpy_engine.network import Network
from tuners.engine.numpy_engine.reading import UnknownModelError
from tuners.engine.numpy_engine.updates import ADAM, DESCENT, MOMENTUM, NESTEROV, RMSPROP, Numbers, Update
from tuners.private_apis import is_decayed

REFUSED = ("clipnorm", "global_clipnorm", "clipvalue", "use_ema", "loss_scale_factor", "gradient_accumulation_steps")
"""Options of optimizers that are not written out here; amsgrad and centered neither."""


class Rule:
    """The optimizer of one Keras model, in numbers.

    Args:
        model: A compiled Keras model.

    Attributes:
        update: How it changes weights; rules with the same one can be joined in an `Optimizer`.
        config: Its settings by name.
        decayed: Positions of the weights that weight decay shrinks.

    Raises:
        UnknownModelError: The optimizer, or an option of it, is not known here.
    """

    def __init__(self, model: keras.Model) -> None:
        self._optimizer = model.optimizer
        self.config = self._optimizer.get_config()
        self.update = _update(self._optimizer, self.config)
        rate = self.config["learning_rate"]
        self._scheduled = keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None
        if self._scheduled is None and not isinstance(rate, int | float | np.floating):
            raise UnknownModelError("the learning rate is a function")
        self.decay = self.config["weight_decay"] or 0.0
        self.decayed = [
            index
            for index, weight in enumerate(model.weights)
            if self.decay and weight.trainable and is_decayed(self._optimizer, weight)
        ]

    @property
    def keeps_zero(self) -> bool:
        """Whether a weight that is zero and has no gradient stays so; without epsilon it would become 0 / 0."""
        return self.config.get("epsilon") != 0

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


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the steps of an epoch multiply by, [steps, members, 1].

    Attributes:
        rates: Gradients, or what becomes of them: learning rates with all that is constant in a step.
        shrinking: Weights that decay.
    """

    rates: NDArray
    shrinking: NDArray


class Optimizer:
    """Rules with the same update, over the weights of a network.

    Args:
        rules: Of the members.
        network: What is updated.
    """

    def __init__(self, rules: Sequence[Rule], network: Network) -> None:
        self._rules, self._network = list(rules), network
        self._slots = [np.zeros_like(network.vector), np.zeros_like(network.vector), np.empty_like(network.vector)]
        self._numbers, self._update = _numbers(rules), rules[0].update

    def part(self, members: slice | list[int], network: Network) -> Optimizer:
        """The rules of some of the members.

        Args:
            members: As for `Network.part`.
            network: The network's part.
        """
        made = copy.copy(self)
        made.keep(members, network)
        return made

    def keep(self, members: slice | list[int], network: Network) -> None:
        """Leave out all but some of the members; arguments as for `part`."""
        self._rules, self._network = some(self._rules, members), network
        self._slots = [each[members] for each in self._slots]
        self._numbers = _numbers(self._rules)

    def plan(self, first: int, steps: int) -> Plan:
        """What is to be done in the steps of an epoch.

        Args:
            first: Number of the first of them, from 0.
            steps: How many.
        """
        rates = np.array([rule.rates(first, steps) for rule in self._rules]).T[..., None]
        shrinking = 1 - rates * np.array([[rule.decay] for rule in self._rules])
        rates = self._update.scaled(self._numbers, rates, np.arange(first + 1, first + steps + 1))
        return Plan(rates.astype(np.float32), shrinking.astype(np.float32))

    def step(self, rates: NDArray, shrinking: NDArray) -> None:
        """Update the weights; the gradient is used up.

        Args:
            rates: Of the step's plan [members, 1].
            shrinking: Likewise.
        """
        network = self._network
        if network.decayed:
            network.vector[:, : network.decayed] *= shrinking
        m, v, room = self._slots
        self._update.apply(self._numbers, network.vector, network.gradient, m, v, room, rates)


def _update(optimizer: Any, config: dict[str, Any]) -> Update:
    for option in (*REFUSED, "amsgrad", "centered"):
        if config.get(option):
            raise UnknownModelError(f"the optimizer has {option}={config[option]!r}")
    if type(optimizer) is keras.optimizers.SGD:
        return (NESTEROV if config["nesterov"] else MOMENTUM) if config["momentum"] else DESCENT
    if type(optimizer) is keras.optimizers.RMSprop and not config["momentum"]:
        return RMSPROP
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW):
        return ADAM
    raise UnknownModelError(f"the optimizer is {type(optimizer).__name__}, or has options")


def _numbers(rules: Sequence[Rule]) -> Numbers:
    return Numbers([rule.config for rule in rules])
