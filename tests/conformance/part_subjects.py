"""Every activation, initializer, regularizer and constraint of Keras, within layers and on their variables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras_catalog import classes, functions, others, required
from small_models import CLASSES, INPUTS, TARGETS, dense, descent, split, tabular
from subjects import Subject, in_turn
from trial_outcomes import Group

layers = keras.layers

ARGUMENTS = {"value": 0.3, "gain": 0.7, "stddev": 0.2, "factor": 0.02}
CHOICES = {"distribution": "uniform", "mode": ("fan_out", "rows"), "seed": 3, "l1": 0.02, "l2": 0.03, "side": "right"}


def forms(namespace: str, name: str) -> dict[str, Callable[[], Any]]:
    """An object of a namespace in all its forms, by label."""
    made = classes(namespace)[name]
    plain = functools.partial(made, **required(made, ARGUMENTS))
    found: dict[str, Any] = {"as an object": plain, "by name": lambda: name}
    for argument, value in others(made, CHOICES):
        found[f"{argument}={value!r}"] = functools.partial(plain, **{argument: value})
    return found


def _body(kind: str, make: Callable[[], Any], where: str) -> keras.Model:
    """A model with a layer that has a part: of a dense layer's kernel or bias, of its output, of a convolution."""
    if where == "convolution":
        inputs = keras.Input(INPUTS["image"].shape[1:])
        hidden = layers.Conv2D(3, 3, **{f"kernel_{kind}": make()})(inputs)
        hidden = layers.Flatten()(hidden)
    else:
        inputs = keras.Input((6,))
        hidden = layers.Dense(6, activation="tanh", **{f"{where}_{kind}": make()})(inputs)
    made = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(hidden))
    made.compile(descent(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def of_layers(namespace: str, name: str) -> Iterator[Group]:
    """The trials of an initializer, regularizer or constraint as an argument of layers."""
    kind = namespace.removesuffix("s")
    if kind == "initializer" and not issubclass(classes(namespace)[name], keras.initializers.Initializer):
        return
    for where in ("kernel", "bias", "activity", "convolution"):
        if where == "activity" and kind != "regularizer":
            continue
        builds = {
            f"{where}, {label}": functools.partial(_body, kind, make, where)
            for label, make in forms(namespace, name).items()
        }
        data = split(INPUTS["image"], TARGETS["ids"]) if where == "convolution" else tabular()
        yield Group(builds, *data)
    if kind != "initializer":
        plain = next(iter(forms(namespace, name).values()))
        yield Group({"set on a built kernel": functools.partial(_set_later, kind, plain)}, *tabular())


def _set_later(kind: str, make: Callable[[], Any]) -> keras.Model:
    made = dense()
    setattr(made.layers[1].kernel, kind, make())
    return made


HEADED = (("mse", "one-hot"), ("categorical_crossentropy", "one-hot"), ("mse", "number"))
"""Losses and targets of a head."""


def of_activation(name: str) -> Iterator[Group]:
    """The trials of an activation: by name, as a function, as a layer, within the model and as its head."""
    function = functions("activations")[name]
    ways: dict[str, Callable[[Any], Any]] = {
        "by name": lambda x: layers.Dense(6, activation=name)(x),
        "as a function": lambda x: layers.Dense(6, activation=function)(x),
        "as a layer": lambda x: layers.Activation(name)(layers.Dense(6)(x)),
        "as a layer's function": lambda x: layers.Activation(function)(layers.Dense(6)(x)),
        "called": lambda x: function(layers.Dense(6)(x)),
        "as an object": lambda x: layers.Dense(6, activation=layers.Activation(function))(x),
    }
    yield Group({label: functools.partial(dense, body=body) for label, body in ways.items()}, *tabular())
    for turn, (loss, target) in enumerate(HEADED):
        labels = in_turn(name, ways, turn)
        heads = {f"head for {loss} of {target}, {label}": (way, loss, target) for label, way in labels.items()}
        builds = {label: functools.partial(_headed, *each) for label, each in heads.items()}
        yield Group(builds, *split(INPUTS["features"], _six(target)))


def _headed(way: Callable[[Any], Any], loss: str, target: str) -> keras.Model:
    inputs = keras.Input((6,))
    made = keras.Model(inputs, way(layers.Dense(5, activation="tanh")(inputs)))
    made.compile(descent(), loss, metrics=["mse", "accuracy"])
    return made


def _six(target: str) -> Any:
    return keras.utils.to_categorical(TARGETS["ids"], 6) if target == "one-hot" else TARGETS["number"].repeat(6, 1)


def subjects() -> list[Subject]:
    """One for each activation, initializer, regularizer and constraint of the installed Keras."""
    found = [
        Subject(f"activations.{name}", functools.partial(of_activation, name)) for name in functions("activations")
    ]
    return found + [
        Subject(f"{namespace}.{name}", functools.partial(of_layers, namespace, name))
        for namespace in ("initializers", "regularizers", "constraints")
        for name in classes(namespace)
    ]
