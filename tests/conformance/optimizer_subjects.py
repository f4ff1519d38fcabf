"""Every optimizer and schedule of Keras: by name, with each other argument, and with settings changed afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras_catalog import classes, others, required
from small_models import dense, tabular
from subjects import Subject
from trial_outcomes import Group

optimizers, schedules = keras.optimizers, keras.optimizers.schedules

CHOICES = {
    "weight_decay": 0.05,
    "clipnorm": 0.1,
    "clipvalue": 0.02,
    "global_clipnorm": 0.1,
    "ema_overwrite_frequency": 2,
    "loss_scale_factor": 8.0,
    "gradient_accumulation_steps": 2,
    "initial_scale": 8.0,
    "dynamic_growth_steps": 2,
    "exclude_layers": (["dense"],),
    "exclude_embeddings": False,
}


def _of_variable(variable: Any) -> Any:
    return optimizers.Adam(0.01) if variable.name == "bias" else optimizers.SGD(0.1)


SPECIAL: dict[str, Callable[..., Any]] = {
    "LossScaleOptimizer": lambda **more: optimizers.LossScaleOptimizer(optimizers.SGD(0.1), **more),
    "MultiOptimizer": lambda **more: optimizers.MultiOptimizer(_of_variable, **more),
    "OptimizerMap": lambda **more: optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.SGD(0.1), {".*bias": optimizers.Adam(0.01)}), **more
    ),
}
SCHEDULE = {
    "initial_learning_rate": 0.2,
    "decay_steps": 3,
    "first_decay_steps": 2,
    "decay_rate": 0.5,
    "boundaries": [2, 4],
    "values": [0.3, 0.1, 0.05],
    "warmup_target": 0.4,
    "warmup_steps": 2,
}
STEADY = 4
"""Rules that divide by the size of gradients multiply what rounding does to small ones."""


def _build(make: Callable[[], Any]) -> keras.Model:
    return dense(optimizer=make())


def forms(name: str) -> dict[str, Callable[[], Any]]:
    """An optimizer in all its forms, by label."""
    made = SPECIAL.get(name) or getattr(optimizers, name)
    plain = functools.partial(made, **required(made, {}))
    found: dict[str, Any] = {"plain": plain, "by name": lambda: name.lower()}
    for argument, value in others(getattr(optimizers, name), CHOICES):
        found[f"{argument}={value!r}"] = functools.partial(plain, **{argument: value})
    return found | {
        "use_ema=True, ema_overwrite_frequency=2": functools.partial(plain, use_ema=True, ema_overwrite_frequency=2),
        "learning_rate=0.05": functools.partial(plain, learning_rate=0.05),
        "learning_rate is a schedule": lambda: plain(learning_rate=schedules.ExponentialDecay(0.1, 3, 0.5)),
        "learning_rate is a function": lambda: plain(learning_rate=lambda: 0.03),
        "learning_rate is a variable": lambda: plain(learning_rate=keras.Variable(0.03)),
        "learning_rate set later": lambda: _set(plain(), learning_rate=0.02),
        "no decay of the biases": lambda: _without_decay(plain(weight_decay=0.1)),
    }


def _set(optimizer: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(optimizer, name, value)
    return optimizer


def _without_decay(optimizer: Any) -> Any:
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def of_optimizer(name: str) -> Iterator[Group]:
    """The trials of an optimizer."""
    builds = {label: functools.partial(_build, make) for label, make in forms(name).items()}
    yield Group(builds, *tabular(), tolerance=STEADY)


def of_schedule(name: str) -> Iterator[Group]:
    """The trials of a schedule, under two optimizers."""
    made = getattr(schedules, name)
    plain = functools.partial(made, **required(made, SCHEDULE))
    makers = {"plain": plain}
    for argument, value in others(made, SCHEDULE):
        makers[f"{argument}={value!r}"] = functools.partial(plain, **{argument: value})
    for kind in (optimizers.SGD, optimizers.Adam):
        yield Group(
            {
                f"{label}, {kind.__name__}": functools.partial(_build, functools.partial(_under, kind, make))
                for label, make in makers.items()
            },
            *tabular(),
            tolerance=STEADY,
        )


def _under(kind: type, make: Callable[[], Any]) -> Any:
    return kind(make())


def subjects() -> list[Subject]:
    """One for each optimizer and each schedule of the installed Keras."""
    found = [Subject(f"optimizers.{name}", functools.partial(of_optimizer, name)) for name in classes("optimizers")]
    return found + [
        Subject(f"optimizers.schedules.{name}", functools.partial(of_schedule, name))
        for name in classes("optimizers.schedules")
    ]
