"""Optimizers of Keras models, written out over one vector of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.network import Network
from tuners.private_apis import is_decayed

REFUSED = ("clipnorm", "global_clipnorm", "clipvalue", "use_ema", "loss_scale_factor", "gradient_accumulation_steps")
"""Options of optimizers that are not written out here; amsgrad and centered neither."""


class Rule:
    """How an optimizer changes weights. All is done in place, since most of the time goes into moving numbers.

    Args:
        config: Settings of the optimizer by name.

    Attributes:
        averages: Factors that take the moving averages, as they are kept here, to those that Keras keeps, in the order
            of Keras' slots.
        squares: Whether it squares gradients.
        other_squares: Places of weights where the squares are others than those of the gradients, with the squares.
    """

    averages: tuple[float, ...] = ()
    squares = False
    other_squares: Sequence[tuple[slice, NDArray[Any]]] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        def number(name: str) -> float:
            return float(config.get(name) or 0.0)

        self.momentum = np.float32(number("momentum"))

    def rates(self, rates: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
        """Learning rates of steps, which are numbered from 1, with all factors that are constant in a step."""
        return rates

    def apply(self, w: NDArray[Any], g: NDArray[Any], slots: list[NDArray[Any]], room: NDArray[Any], rate: Any) -> None:
        """Take one step.

        Args:
            w: Weights.
            g: Their gradients, which are used up.
            slots: Moving averages.
            room: For as many numbers as w.
            rate: From `rates`.
        """
        g *= rate
        w -= g

    def _sum_squares(self, v: NDArray[Any], g: NDArray[Any], beta: Any, room: NDArray[Any]) -> None:
        v *= beta
        np.multiply(g, g, out=room)
        for where, squares in self.other_squares:
            room[where] = squares
        v += room


class Momentum(Rule):
    """keras.optimizers.SGD with momentum."""

    averages = (1.0,)

    def apply(self, w: NDArray[Any], g: NDArray[Any], slots: list[NDArray[Any]], room: NDArray[Any], rate: Any) -> None:
        """See `Rule`."""
        self._accelerate(g, slots[0], rate)
        w += slots[0]

    def _accelerate(self, g: NDArray[Any], m: NDArray[Any], rate: Any) -> None:
        g *= rate
        m *= self.momentum
        m -= g


class Nesterov(Momentum):
    """keras.optimizers.SGD with Nesterov's momentum."""

    def apply(self, w: NDArray[Any], g: NDArray[Any], slots: list[NDArray[Any]], room: NDArray[Any], rate: Any) -> None:
        """See `Rule`."""
        self._accelerate(g, slots[0], rate)
        w -= g
        np.multiply(slots[0], self.momentum, out=room)
        w += room


class RMSprop(Rule):
    """keras.optimizers.RMSprop. The moving average is kept over 1 - rho, which saves a pass over the numbers."""

    squares = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        rest = 1 - config["rho"]
        self.averages = (rest,)
        self._rho, self._epsilon, self._factor = np.float32(config["rho"]), np.float32(config["epsilon"] / rest), rest

    def rates(self, rates: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
        """See `Rule`."""
        scaled: NDArray[Any] = rates / self._factor**0.5
        return scaled

    def apply(self, w: NDArray[Any], g: NDArray[Any], slots: list[NDArray[Any]], room: NDArray[Any], rate: Any) -> None:
        """See `Rule`."""
        v = slots[0]
        self._sum_squares(v, g, self._rho, room)
        np.add(v, self._epsilon, out=room)
        np.sqrt(room, out=room)
        g *= rate
        g /= room
        w -= g


class Adam(Rule):
    """keras.optimizers.Adam and AdamW. The moving averages are kept over 1 - beta.

    References:
        Kingma and Ba, 2015: Adam.
    """

    squares = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._betas = config["beta_1"], config["beta_2"]
        self._beta_1, self._beta_2 = map(np.float32, self._betas)
        self.averages = (1 - config["beta_1"], 1 - config["beta_2"])
        self._epsilon = np.float32(config["epsilon"] / self.averages[1] ** 0.5)

    def rates(self, rates: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
        """See `Rule`."""
        # Keras takes powers of the rounded betas.
        first, second = (1 - beta.astype(float) ** steps for beta in (self._beta_1, self._beta_2))
        scaled: NDArray[Any] = rates * second**0.5 / first * (self.averages[0] / self.averages[1] ** 0.5)
        return scaled

    def apply(self, w: NDArray[Any], g: NDArray[Any], slots: list[NDArray[Any]], room: NDArray[Any], rate: Any) -> None:
        """See `Rule`."""
        m, v = slots
        self._sum_squares(v, g, self._beta_2, room)
        m *= self._beta_1
        m += g
        np.sqrt(v, out=room)
        room += self._epsilon
        np.divide(m, room, out=room)
        room *= rate
        w -= room


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the steps of an epoch multiply by, [steps].

    Attributes:
        rates: Gradients, or what becomes of them.
        shrinking: Weights that decay.
    """

    rates: NDArray[Any]
    shrinking: NDArray[Any]


class Optimizer:
    """The optimizer of one Keras model.

    Args:
        model: A compiled Keras model.

    Attributes:
        rule: How it changes weights.
        decayed: Positions of the weights that weight decay shrinks.
        kinds: What it does, but for its settings: its rule, its schedule, and weight decay; see `Part.kind`.

    Raises:
        Declined: The optimizer, or an option of it, is not known here.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model, self._optimizer = model, model.optimizer
        config = self._optimizer.get_config()
        self.rule = _rule(self._optimizer, config)
        rate = config["learning_rate"]
        self._schedule = _schedule(rate) if isinstance(rate, dict) else None
        if self._schedule is None and not isinstance(rate, int | float | np.floating):
            raise Declined("the learning rate is a function")
        self._decay = config["weight_decay"] or 0.0
        self.decayed = [
            index
            for index, weight in enumerate(model.weights)
            if self._decay and weight.trainable and is_decayed(self._optimizer, weight)
        ]
        self.kinds = {("rule", type(self.rule)), ("schedule", type(self._schedule)), ("decay", bool(self._decay))}

    def bind(self, network: Network) -> None:
        """Take room for moving averages.

        Args:
            network: Of the same model.
        """
        positions = {id(weight): index for index, weight in enumerate(self._model.weights)}
        place = {index: number for number, index in enumerate(network.order)}
        size = network.vector.size
        self._places = [place[positions[id(weight)]] for weight in self._model.trainable_weights]
        self._slots = [np.zeros(size, np.float32) for _ in self.rule.averages]
        self._views = [list(network.split(slot)) for slot in self._slots]
        self.rule.other_squares = network.squares
        self._room = np.empty(size, np.float32)
        self.step_count = 0

    def take(self) -> None:
        """Go on from what the Keras optimizer has."""
        self.step_count = int(self._optimizer.iterations)
        if not self._optimizer.built:
            # It has kept no averages yet, whatever it counts.
            for slot in self._slots:
                slot[...] = 0
            return
        for variable, view, factor in self._pairs():
            view[...] = np.asarray(variable.value) * np.float32(1 / factor)

    def give(self) -> None:
        """Leave the Keras optimizer as it would be now."""
        if not self._optimizer.built:
            self._optimizer.build(self._model.trainable_variables)
        for variable, view, factor in self._pairs():
            variable.assign(view * np.float32(factor))
        self._optimizer.iterations.assign(self.step_count)

    def _pairs(self) -> Any:
        """Keras' slots, each with the array here and the factor that makes one of the other."""
        kinds = len(self.rule.averages)
        slots = self._optimizer.variables[-kinds * len(self._places) :] if kinds else []
        for number, variable in enumerate(slots):
            place, kind = divmod(number, kinds)
            yield variable, self._views[kind][self._places[place]], self.rule.averages[kind]

    def plan(self, steps: int) -> Plan:
        """What is to be done in the next so many steps."""
        first = self.step_count
        rates = np.array(self._rates(first, steps))
        shrinking = 1 - rates * self._decay
        rates = self.rule.rates(rates, np.arange(first + 1, first + steps + 1))
        return Plan(rates.astype(np.float32), shrinking.astype(np.float32))

    def step(self, vector: NDArray[Any], gradient: NDArray[Any], decayed: int, rate: Any, shrinking: Any) -> None:
        """Update weights; the gradient is used up.

        Args:
            vector: The weights.
            gradient: Of them.
            decayed: How many numbers at the start of the vector decay.
            rate: Of the step's plan.
            shrinking: Likewise.
        """
        if decayed:
            vector[:decayed] *= shrinking
        self.rule.apply(vector, gradient, self._slots, self._room, rate)
        self.step_count += 1

    def _rates(self, first: int, steps: int) -> list[float]:
        if self._schedule is None:
            return [float(self._optimizer.learning_rate)] * steps
        numbers = tf.range(first, first + steps)
        try:
            rates = np.asarray(self._schedule(numbers))
        except (tf.errors.InvalidArgumentError, ValueError, TypeError):
            rates = np.empty(0)
        if rates.shape != (steps,):
            # A schedule that branches on the step takes one step at a time.
            return [float(self._schedule(number)) for number in numbers]
        planned: list[float] = rates.tolist()
        return planned


def _schedule(config: dict[str, Any]) -> Any:
    """The schedule of a configuration; only of Keras' own, whose configurations say all they are."""
    if not str(config.get("module")).startswith("keras.") or config.get("registered_name"):
        raise Declined("the schedule of the learning rate is not Keras' own")
    return keras.optimizers.schedules.deserialize(config)


def _rule(optimizer: Any, config: dict[str, Any]) -> Rule:
    for option in (*REFUSED, "amsgrad", "centered"):
        if config.get(option):
            raise Declined(f"the optimizer has {option}={config[option]!r}")
    if type(optimizer) is keras.optimizers.SGD:
        return (Nesterov if config["nesterov"] else Momentum)(config) if config["momentum"] else Rule(config)
    if type(optimizer) is keras.optimizers.RMSprop and not config["momentum"]:
        return RMSprop(config)
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW):
        return Adam(config)
    raise Declined(f"the optimizer is {type(optimizer).__name__}, or has options")
