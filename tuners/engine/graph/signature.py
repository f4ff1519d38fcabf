"""What models have in common that can be trained by one compiled function."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from tuners.private_apis import is_decayed

OPTIMIZERS: Mapping[type, tuple[str, ...]] = {
    keras.optimizers.SGD: ("momentum", "weight_decay"),
    keras.optimizers.RMSprop: ("rho", "momentum", "weight_decay"),
    keras.optimizers.Adam: ("beta_1", "beta_2", "weight_decay"),
    keras.optimizers.AdamW: ("beta_1", "beta_2", "weight_decay"),
}
"""Optimizers whose averages begin at zero, each with the settings that it only computes with, where they are > 0."""

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


def structure(model: keras.Model) -> str | None:
    """A text that is equal for models that compute the same, but for their weights and settings.

    Args:
        model: A compiled and built Keras model.

    Returns:
        The text, or None where the configuration of a model does not tell all that it computes: it has code that is not
        Keras', is a subclass, or has a layer that learned from data before it was trained.
    """
    if type(model.optimizer) not in OPTIMIZERS:
        return None
    found = list(_all_within(model))
    if not all(_is_of_keras(part) for layer in found for part in (layer, *vars(layer).values()) if callable(part)):
        return None
    try:
        # Keras warns of a lambda, which has no structure anyway.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            configs = model.get_config(), model.get_compile_config()
            if any(hasattr(layer, "adapt") and layer.get_config().get("mean") is None for layer in found):
                return None
        parts = [
            _of_config({"class_name": MODELS[0], "config": configs[0]}, {}),
            _of_config(configs[1], COMPILED),
            # A single weight can be frozen, which no configuration tells.
            [(weight.path, is_decayed(model.optimizer, weight)) for weight in model.trainable_weights],
        ]
        return None if model.optimizer.get_config()["use_ema"] else json.dumps(parts, sort_keys=True)
    # What is within a layer, a loss or a metric may have no configuration at all.
    except (_ForeignCodeError, NotImplementedError, TypeError, ValueError):
        return None


def settings(model: keras.Model, schedule: Any) -> Iterator[tuple[Any, str]]:
    """What `structure` leaves out, as objects and names of their attributes, in the same order for all of a structure.

    Args:
        model: A model that has a structure.
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


def _all_within(layer: keras.Layer) -> Iterator[keras.Layer]:
    """A layer and all in its attributes: the layers of a model, what is wrapped, the cells of a recurrent one."""
    seen: dict[int, keras.Layer] = {}
    left: list[Any] = [layer]
    while left:
        each = left.pop()
        if isinstance(each, list | tuple):
            left += each
        elif isinstance(each, keras.Layer) and id(each) not in seen:
            seen[id(each)] = each
            left += vars(each).values()
    return iter(seen.values())


def _is_of_keras(part: Any) -> bool:
    """Whether a layer, or a function in its attributes, is Keras' own.

    A configuration does not tell: of an activation that is called as one of Keras' it has the name alone.
    """
    return str(getattr(part, "__module__", "")).startswith("keras.")


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
