"""What models have in common that can be trained by one compiled function."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from tuners.engine.identity import complete_config, is_of_keras, layers_within
from tuners.private_apis import is_decayed

OPTIMIZERS: Mapping[type, tuple[str, ...]] = {
    keras.optimizers.SGD: ("momentum", "weight_decay"),
    keras.optimizers.RMSprop: ("rho", "momentum", "weight_decay"),
    keras.optimizers.Adam: ("beta_1", "beta_2", "weight_decay"),
    keras.optimizers.AdamW: ("beta_1", "beta_2", "weight_decay"),
}
"""Optimizers that a copy can be made of, each with the settings that it only computes with, where they are > 0."""

SCHEDULES: Mapping[type, tuple[str, ...]] = {
    keras.optimizers.schedules.ExponentialDecay: ("initial_learning_rate", "decay_rate"),
    keras.optimizers.schedules.InverseTimeDecay: ("initial_learning_rate", "decay_rate"),
    keras.optimizers.schedules.CosineDecay: ("initial_learning_rate",),
}
"""Schedules of learning rates, with what they only compute with."""

COMPILED = {kind.__name__: names for kind, names in SCHEDULES.items()} | {
    # A learning rate that is a number is in a variable already.
    kind.__name__: (*names, "learning_rate")
    for kind, names in OPTIMIZERS.items()
}
LAYERS = {"Dropout": ("rate",)}
MODELS = ("Functional", "Sequential")
SETTING = "a setting"
TELL_ENOUGH = (keras.layers.InputLayer, keras.metrics.Mean)
"""Classes whose configuration stands for an object although it leaves something out."""


def signature(model: keras.Model) -> str | None:
    """A text that is equal for models that compute the same, but for their weights and settings.

    Args:
        model: A compiled and built Keras model whose metrics are built as well.

    Returns:
        The text, or None where the configuration of a model does not tell all that it computes: it has code that is not
        Keras', is a subclass, or has a part that does not say all that it was made with.
    """
    if type(model).__name__ not in MODELS or type(model.optimizer) not in OPTIMIZERS:
        return None
    try:
        # Keras warns of a lambda, which has no signature anyway.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not all(map(_tells_all, _parts(model))):
                return None
            parts = [
                _of_config({"class_name": MODELS[0], "config": model.get_config()}, {}),
                _of_config(model.get_compile_config(), COMPILED),
                [complete_config(part) for part in _losses_and_metrics(model)],
                # What no configuration of a model tells: single weights may be frozen, and have rules of their own.
                [_of_weight(weight, model.optimizer) for weight in model.weights],
            ]
        return None if model.optimizer.get_config()["use_ema"] else json.dumps(parts, sort_keys=True)
    # What is within a layer, a loss or a metric may have no configuration at all.
    except (_ForeignCodeError, AttributeError, NotImplementedError, TypeError, ValueError):
        return None


def settings(model: keras.Model, schedule: Any) -> Iterator[tuple[Any, str]]:
    """What `signature` leaves out, as objects and names of their attributes, in the same order for all of a signature.

    Args:
        model: A model that has a signature.
        schedule: The schedule of its learning rate, or None.
    """
    for owner, names in ((model.optimizer, OPTIMIZERS), (schedule, SCHEDULES)):
        for name in names.get(type(owner), ()):
            if _is_setting(getattr(owner, name)):
                yield owner, name
    for layer in layers(model):
        if type(layer) is keras.layers.Dropout and layer.noise_shape is None and _is_setting(layer.rate):
            yield layer, "rate"


def schedule_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """A copy of the schedule that an optimizer takes its learning rate from, or None where that is a number."""
    config = optimizer.get_config()["learning_rate"]
    return keras.optimizers.schedules.deserialize(config) if isinstance(config, dict) else None


def layers(model: keras.Model) -> Iterator[Any]:
    """The layers of a model and of the models in it, each once."""
    seen: set[int] = set()

    def all_of(model: Any) -> Iterator[Any]:
        for layer in model.layers:
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                if isinstance(layer, keras.Model):
                    yield from all_of(layer)

    return all_of(model)


def _parts(model: keras.Model) -> Iterator[Any]:
    """What computes in a model: its layers and all in their attributes, its loss and its metrics."""
    yield from _losses_and_metrics(model)
    for layer in layers_within(model):
        yield layer
        yield from (value for value in vars(layer).values() if inspect.isroutine(value))


def _losses_and_metrics(model: keras.Model) -> Iterator[Any]:
    yield from (each for each in keras.tree.flatten(model.loss) if not isinstance(each, str | None))
    for metric in model.metrics:
        # What `compile` was given is in one metric that has them all, or none before it is built.
        inner = getattr(metric, "metrics", None)
        yield from (metric,) if inner is None else inner


def _tells_all(part: Any) -> bool:
    """Whether a part is Keras' own, and its configuration stands for it."""
    if not is_of_keras(part) or type(part) is keras.metrics.MeanMetricWrapper:
        return False
    if inspect.isroutine(part) or type(part).__name__ in MODELS or type(part) in TELL_ENOUGH:
        return True
    return complete_config(part) is not None


def _of_weight(weight: Any, optimizer: Any) -> list[Any]:
    rules = [weight.regularizer, weight.constraint]
    if not all(rule is None or (is_of_keras(rule) and complete_config(rule)) for rule in rules):
        raise _ForeignCodeError
    return [
        # Not the path, which tells how a model came about.
        weight.name,
        weight.trainable,
        weight.trainable and is_decayed(optimizer, weight),
        *(rule and complete_config(rule) for rule in rules),
    ]


class _ForeignCodeError(Exception):
    pass


def _of_config(value: Any, settable: Mapping[str, tuple[str, ...]]) -> Any:
    """A configuration without settings, and without seeds, whose states are among the variables.

    Args:
        value: The configuration, or a part of it.
        settable: Names of settings by the class that they belong to, in this part.
    """
    if isinstance(value, list | tuple):
        return [_of_config(each, settable) for each in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    # A tensor of the graph is said to be of no module.
    # The code of a lambda is all that there is of an activation.
    is_lambda = kind in ("Lambda", "__lambda__") or set(value) == {"value"}
    if is_lambda or not str(value.get("module") or "keras").startswith("keras"):
        raise _ForeignCodeError
    # Dropout that is wrapped, by TimeDistributed say, is not among the layers that `settings` goes through.
    within = settable if kind is None or settable is COMPILED else LAYERS if kind in MODELS else {}
    if isinstance(config, dict):
        names = () if config.get("noise_shape") else settable.get(str(kind), ())
        config = {name: SETTING if name in names and _is_setting(each) else each for name, each in config.items()}
        value = {**value, "config": config}
    return {name: _of_config(each, within) for name, each in value.items() if name != "seed"}


def _is_setting(value: Any) -> bool:
    return isinstance(value, float) and value > 0
