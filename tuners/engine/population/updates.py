"""Optimizers as numbers: one formula with coefficients for each step, and Keras's own rules fused for one member.

The formula that stands for SGD, momentum, Nesterov, RMSprop and Adam is
m = a m + c1 g,  v = b v + c2 g^2,  w = w - d w - (p m + q g) / (sqrt(v + e1) + e2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.population.decayed import is_decayed
from tuners.engine.population.reading import UnknownModelError

COLUMNS = ("d", "a", "c1", "b", "c2", "e1", "e2", "p", "q", "r")
"""Of a table of coefficients; r is what the fused rules need in addition."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """What of an optimizer changes the graph.

    Attributes:
        kind: "sgd", "momentum", "nesterov", "rmsprop" or "adam".
        decayed: Positions of the weights that weight decay shrinks.
    """

    kind: str
    decayed: tuple[int, ...]

    @property
    def slots(self) -> tuple[str, ...]:
        """Which of m and v the rule keeps."""
        # The fused RMSprop wants both, though its momentum is 0.
        return {"sgd": (), "momentum": ("m",), "nesterov": ("m",)}.get(self.kind, ("m", "v"))


REFUSED = (
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "loss_scale_factor",
    "gradient_accumulation_steps",
) + (
    "amsgrad",
    "centered",
)
"""Options of optimizers that are not written out here."""


class Schedule:
    """The numbers of an optimizer, step by step.

    Args:
        model: A compiled Keras model.

    Attributes:
        rule: What of it changes the graph.

    Raises:
        UnknownModelError: The optimizer, or an option of it, is not known here.
    """

    def __init__(self, model: keras.Model) -> None:
        self._optimizer = model.optimizer
        self._config = config = self._optimizer.get_config()
        kind = _kind(self._optimizer, config)
        rate = config["learning_rate"]
        self._scheduled = keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None
        if self._scheduled is None and not isinstance(rate, int | float | np.floating):
            raise UnknownModelError("the learning rate is a function")
        decayed: tuple[int, ...] = ()
        if config["weight_decay"]:
            decayed = tuple(
                index
                for index, weight in enumerate(model.weights)
                if weight.trainable and is_decayed(self._optimizer, weight)
            )
        self.rule = Rule(kind, decayed)

    def table(self, first: int, steps: int) -> NDArray[np.float32]:
        """Coefficients of steps [steps, columns]; the learning rate is taken as it is now.

        Args:
            first: Number of the first of them, from 0.
            steps: How many.
        """
        rate = self._rates(first, steps).astype(np.float64)
        columns = dict.fromkeys(COLUMNS, np.zeros(steps))
        columns |= {"e1": np.ones(steps), "r": np.ones(steps), **self._coefficients(rate, first)}
        columns["d"] = rate * (self._config["weight_decay"] or 0.0)
        return np.stack([np.broadcast_to(columns[name], steps) for name in COLUMNS], axis=1).astype(np.float32)

    def _rates(self, first: int, steps: int) -> NDArray:
        if self._scheduled is None:
            return np.full(steps, float(self._optimizer.learning_rate))
        numbers = tf.range(first, first + steps)
        try:
            rates = np.asarray(self._scheduled(numbers))
        except (tf.errors.InvalidArgumentError, ValueError, TypeError):
            rates = np.empty(0)
        if rates.shape != (steps,):
            # A schedule that branches on the step takes one step at a time.
            rates = np.array([float(self._scheduled(number)) for number in numbers])
        return rates

    def _coefficients(self, rate: NDArray, first: int) -> dict[str, Any]:
        config = self._config
        match self.rule.kind:
            case "sgd":
                return {"q": rate}
            case "momentum":
                return {"a": config["momentum"], "c1": rate, "p": 1.0}
            case "nesterov":
                return {"a": config["momentum"], "c1": rate, "p": config["momentum"], "q": rate}
            case "rmsprop":
                rho = config["rho"]
                return {"b": rho, "c2": 1 - rho, "e1": config["epsilon"], "q": rate, "r": _rounding(rho)}
        beta_1, beta_2 = config["beta_1"], config["beta_2"]
        steps = np.arange(first, first + len(rate)) + 1
        # Keras takes powers of the rounded betas.
        corrected = np.sqrt(1 - np.float64(np.float32(beta_2)) ** steps) / (1 - np.float64(np.float32(beta_1)) ** steps)
        moments = {"a": beta_1, "c1": 1 - beta_1, "b": beta_2, "c2": 1 - beta_2}
        return {**moments, "e1": 0.0, "e2": config["epsilon"], "p": rate * corrected, "r": _rounding(beta_2)}


def _rounding(beta: float) -> float:
    """1 - beta as the fused rules compute it, from the rounded beta, over what Keras takes."""
    return float((np.float32(1) - np.float32(beta)) / np.float32(1 - beta))


def _kind(optimizer: Any, config: dict[str, Any]) -> str:
    name = type(optimizer).__name__
    for option in REFUSED:
        if config.get(option):
            raise UnknownModelError(f"the optimizer has {option}={config[option]!r}")
    if type(optimizer) is keras.optimizers.SGD:
        return "sgd" if not config["momentum"] else "nesterov" if config["nesterov"] else "momentum"
    if type(optimizer) is keras.optimizers.RMSprop and not config["momentum"]:
        return "rmsprop"
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW):
        return "adam"
    raise UnknownModelError(f"the optimizer is {name}, or has options")


def apply_fused(rule: Rule, weight: Any, slots: dict[str, Any], gradient: Any, row: Mapping[str, Any]) -> None:
    """Update one weight of one member, in one operation.

    Args:
        rule: Which.
        weight: Variable.
        slots: Variables by name, those of `Rule.slots`.
        gradient: Of the weight.
        row: Coefficients of the step by column.
    """
    raw, handles = tf.raw_ops, {name: slot.handle for name, slot in slots.items()}
    common = {"var": weight.handle, "grad": gradient}
    match rule.kind:
        case "sgd":
            raw.ResourceApplyGradientDescent(var=weight.handle, alpha=row["q"], delta=gradient)
        case "momentum" | "nesterov":
            raw.ResourceApplyKerasMomentum(
                **common, accum=handles["m"], lr=row["c1"], momentum=row["a"], use_nesterov=rule.kind == "nesterov"
            )
        case "rmsprop":
            raw.ResourceApplyRMSProp(
                var=weight.handle,
                ms=handles["v"],
                mom=handles["m"],
                lr=row["q"] * tf.sqrt(row["r"]),
                rho=row["b"],
                momentum=tf.constant(0.0),
                epsilon=row["e1"] * row["r"],
                grad=gradient,
            )
        case "adam":
            root, zero = tf.sqrt(row["r"]), tf.constant(0.0)
            # No powers: the correction of the bias is in the learning rate, as Keras rounds it.
            raw.ResourceApplyAdam(
                **common,
                m=handles["m"],
                v=handles["v"],
                beta1_power=zero,
                beta2_power=zero,
                lr=row["p"] * root,
                beta1=row["a"],
                beta2=row["b"],
                epsilon=row["e2"] * root,
            )
