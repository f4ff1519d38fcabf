"""Optimizers, learning-rate decay and batch size: the hyperparameters of training that every family has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kzoo.lazy import keras
from kzoo.zoo.hyperparameters import Boolean, Choice, Float, Hyperparameter, Int, When

# What is not a kernel is not shrunk: biases and the scale and shift of normalisation layers are few and free.
NO_WEIGHT_DECAY = ("bias", "gamma", "beta")


def _learning_rate(optimizer: str, low: float, high: float, default: float) -> Float:
    return Float(
        name=f"{optimizer}/learning_rate",
        low=low,
        high=high,
        scale="log",
        default=default,
        priority=1,
        help="step size",
        when=When("optimizer", (optimizer,)),
    )


def _one_minus(name: str, low: float, high: float, default: float, priority: int, help: str) -> Float:
    return Float(
        name=name,
        low=low,
        high=high,
        scale="log",
        default=default,
        priority=priority,
        help=help,
        when=When("optimizer", (name.split("/")[0],)),
    )


OPTIMIZERS: tuple[Hyperparameter, ...] = (
    Choice(
        name="optimizer",
        values=("adam", "rmsprop", "momentum", "sgd"),
        default="adam",
        priority=2,
        help="update rule",
    ),
    _learning_rate("adam", 1e-4, 1e-1, 1e-3),
    _learning_rate("rmsprop", 1e-5, 1e-2, 1e-3),
    _learning_rate("momentum", 1e-3, 1.0, 0.03),
    _learning_rate("sgd", 1e-2, 3.0, 0.1),
    _one_minus("momentum/one_minus_momentum", 1e-2, 0.5, 0.1, 2, "weight of the newest gradient in the average"),
    Boolean(
        name="momentum/nesterov",
        default=False,
        priority=4,
        help="look ahead along the momentum",
        when=When("optimizer", ("momentum",)),
    ),
    _one_minus("rmsprop/one_minus_rho", 1e-3, 0.5, 0.1, 4, "weight of the newest squared gradient"),
    _one_minus("adam/one_minus_beta_1", 1e-2, 0.5, 0.1, 4, "weight of the newest gradient"),
    _one_minus("adam/one_minus_beta_2", 1e-4, 0.1, 0.001, 4, "weight of the newest squared gradient"),
    Float(
        name="adam/epsilon",
        low=1e-9,
        high=1e-1,
        scale="log",
        default=1e-8,
        priority=4,
        help="added to the divisor",
        when=When("optimizer", ("adam",)),
    ),
)

TRAINING: tuple[Hyperparameter, ...] = (
    *OPTIMIZERS,
    Int(
        name="batch_size",
        low=16,
        high=256,
        scale="log",
        factor=2,
        default=32,
        priority=2,
        help="examples in a step",
    ),
    Float(
        name="weight_decay",
        low=1e-5,
        high=1e-1,
        scale="log",
        allow_zero=True,
        default=1e-4,
        priority=3,
        help="decoupled shrinkage of the kernels, times the learning rate, each step",
    ),
    Choice(
        name="decay",
        values=("none", "exponential", "inverse_time", "cosine"),
        default="none",
        priority=3,
        help="learning-rate decay",
    ),
    Float(
        name="exponential/final_share",
        low=1e-3,
        high=0.5,
        scale="log",
        default=0.05,
        priority=3,
        help="learning rate after the last epoch over the first one",
        when=When("decay", ("exponential",)),
    ),
    Float(
        name="inverse_time/decay_rate",
        low=1e-2,
        high=10.0,
        scale="log",
        default=0.3,
        priority=3,
        help="learning rate is divided by 1 + decay_rate * epoch",
        when=When("decay", ("inverse_time",)),
    ),
)


ENDS_WITH_TRAINING = ("exponential", "cosine")
"""Decays that are laid out for a number of epochs."""


def learning_rate_schedule(
    values: Mapping[str, Any], *, train_rows: int, epochs: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over the steps of a training run.

    Args:
        values: Hyperparameters that apply: the optimizer's learning rate, `batch_size`, `decay` and what belongs to it.
        train_rows: Training examples in an epoch.
        epochs: Epochs that the decay is laid out for. Training beyond them stays at the last learning rate (cosine) or
            goes on decaying (the others).

    Returns:
        A number for `decay="none"`, else a Keras schedule over steps.

    References:
        Loshchilov and Hutter, 2017: SGDR, for the cosine. The others are alpha_0 * share ** (epoch / epochs) and
        alpha_0 / (1 + decay_rate * epoch).
    """
    initial = values[f"{values['optimizer']}/learning_rate"]
    steps_per_epoch = math.ceil(train_rows / values["batch_size"])
    schedules = keras.optimizers.schedules
    match values["decay"]:
        case "none":
            return initial
        case "exponential":
            return schedules.ExponentialDecay(initial, steps_per_epoch * epochs, values["exponential/final_share"])
        case "inverse_time":
            return schedules.InverseTimeDecay(initial, steps_per_epoch, values["inverse_time/decay_rate"])
        case "cosine":
            return schedules.CosineDecay(initial, steps_per_epoch * epochs)
    raise ValueError(f"decay is {values['decay']!r}; expected none, exponential, inverse_time or cosine.")


def create_optimizer(values: Mapping[str, Any], *, train_rows: int, epochs: int) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the hyperparameters describe.

    Args:
        values: Hyperparameters that apply.
        train_rows: Training examples in an epoch.
        epochs: Epochs that the learning-rate decay is laid out for.

    Returns:
        An optimizer, with decoupled weight decay on kernels only.
    """
    optimizers = keras.optimizers
    rate = learning_rate_schedule(values, train_rows=train_rows, epochs=epochs)
    weight_decay = values["weight_decay"]
    optimizer: keras.optimizers.Optimizer
    match values["optimizer"]:
        case "sgd":
            optimizer = optimizers.SGD(rate, weight_decay=weight_decay)
        case "momentum":
            momentum = 1 - values["momentum/one_minus_momentum"]
            optimizer = optimizers.SGD(rate, momentum, values["momentum/nesterov"], weight_decay=weight_decay)
        case "rmsprop":
            optimizer = optimizers.RMSprop(rate, 1 - values["rmsprop/one_minus_rho"], weight_decay=weight_decay)
        case "adam":
            betas = (1 - values["adam/one_minus_beta_1"], 1 - values["adam/one_minus_beta_2"])
            optimizer = optimizers.Adam(rate, *betas, values["adam/epsilon"], weight_decay=weight_decay)
        case other:
            raise ValueError(f"optimizer is {other!r}; expected adam, rmsprop, momentum or sgd.")
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=list(NO_WEIGHT_DECAY))
    return optimizer
