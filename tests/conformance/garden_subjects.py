"""Every object of Keras once, many of them in one model: the quickest way past all of them.

What "fit" cannot train, or trains to what is no number, is found by halving and left out.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import layer_subjects
import loss_subjects
import metric_subjects
import numpy as np
import operation_subjects
import part_subjects
import tensorflow as tf
from engine_comparison import differences
from keras_catalog import classes, functions
from small_models import CLASSES, HEADS, INPUTS, TARGETS, descent, quiet, split
from trial_outcomes import Group, Outcome, outcomes

layers = keras.layers
Branch = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Garden:
    """Objects that go into one model.

    Attributes:
        name: Says what they are.
        plants: By name, what the model is built of.
        group: Makes one trial of a model with some of them.
    """

    name: str
    plants: Mapping[str, Any]
    group: Callable[[Mapping[str, Any]], Group]


def compared(garden: Garden, engine: str) -> tuple[list[str], list[str]]:
    """What differs between `model.fit` and an engine, one line each, and what "fit" does not train.

    Args:
        garden: What is trained.
        engine: Of `tuners.FastTuner`.
    """
    if not garden.plants:
        return [], []
    group = garden.group(garden.plants)
    [expected] = outcomes(group, "fit").values()
    if _says_nothing(expected):
        if len(garden.plants) == 1:
            return [], list(garden.plants)
        halves = [compared(half, engine) for half in _halves(garden)]
        return [line for lines, _ in halves for line in lines], [name for _, names in halves for name in names]
    [found] = outcomes(group, engine).values()
    return [f"{garden.name}: {each}" for each in differences(expected, found, group)], []


def _says_nothing(outcome: Outcome) -> bool:
    return bool(outcome.error) or not all(np.isfinite(value) for _, value in outcome.metrics["loss"])


def _halves(garden: Garden) -> Iterator[Garden]:
    plants = list(garden.plants.items())
    for part in (plants[: len(plants) // 2], plants[len(plants) // 2 :]):
        yield dataclasses.replace(garden, plants=dict(part))


def _name(of: str) -> str:
    return "after_" + "".join(each if each.isalnum() else "_" for each in of)


def _side_by_side(kind: str, branches: Mapping[str, Branch]) -> Group:
    """One trial of a model with branches, each with a dense layer that is named after it."""

    def build() -> keras.Model:
        rows = INPUTS[kind]
        inputs = keras.Input(rows.shape[1:], dtype=rows.dtype.name if rows.dtype.kind in "fi" else "string")
        trunk = layers.Dense(rows.shape[-1], activation="sigmoid")(inputs) if rows.dtype.kind == "f" else inputs
        ends = []
        for name, branch in branches.items():
            grown = branch(trunk)
            grown = grown if len(grown.shape) == 2 else layers.Flatten()(grown)
            ends.append(layers.Dense(2, activation="tanh", name=_name(name))(grown))
        joined = layers.Concatenate()(ends) if len(ends) > 1 else ends[0]
        model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(joined))
        model.compile(keras.optimizers.SGD(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return Group({"all": build}, *split(INPUTS[kind], TARGETS["ids"]))


def _bed(name: str, kind: str, branches: Mapping[str, Branch]) -> Garden:
    """Branches of one model, but for those that give what is no number, or have no model alone."""
    plants = {name: branch for name, branch in branches.items() if _grows(kind, branch)}
    return Garden(name, plants, functools.partial(_side_by_side, kind))


@quiet()
def _grows(kind: str, branch: Branch) -> bool:
    """Whether a model of a branch alone can be built and gives numbers, in a graph with batches of any size."""
    rows = tf.constant(INPUTS[kind][:8])
    try:
        model = _side_by_side(kind, {"alone": branch}).builds["all"]()
        signature = [tf.TensorSpec([None, *rows.shape[1:]], rows.dtype)]
        found = tf.function(lambda x: [model(x, training=True), *model.losses], input_signature=signature)(rows)
    except Exception:
        return False
    return all(np.isfinite(each).all() for each in found)


def of_layers() -> Iterator[Garden]:
    """The layers that draw no random numbers, by the kind of input that each takes first."""
    beds: dict[str, dict[str, Branch]] = {}
    for name, each in classes("layers").items():
        if not issubclass(each, keras.Layer) or layer_subjects.is_random(name):
            continue
        for way in itertools.islice(layer_subjects.ways(name), 1):
            make, call = layer_subjects.maker(name), layer_subjects.FORMS[way.form]
            beds.setdefault(way.kind, {})[name] = functools.partial(_called, call, make)
    for kind, branches in beds.items():
        yield _bed(f"layers of {kind}", kind, branches)


def _called(call: Callable[[Any, Any], Any], make: Callable[[], Any], x: Any) -> Any:
    return call(make(), x)


def of_activations() -> Iterator[Garden]:
    """The activations, as functions of dense layers."""
    branches = {name: functools.partial(_dense, activation=each) for name, each in functions("activations").items()}
    yield _bed("activations", "features", branches)


def of_parts() -> Iterator[Garden]:
    """The initializers, regularizers and constraints, of the kernels of dense layers."""
    branches = {}
    for namespace in ("initializers", "regularizers", "constraints"):
        for name in classes(namespace):
            make = next(iter(part_subjects.forms(namespace, name).values()))
            branches[f"{namespace}.{name}"] = functools.partial(_dense_with, f"kernel_{namespace[:-1]}", make)
    yield _bed("parts of layers", "features", branches)


def _dense(x: Any, **arguments: Any) -> Any:
    return layers.Dense(6, **arguments)(x)


def _dense_with(argument: str, make: Callable[[], Any], x: Any) -> Any:
    return _dense(x, **{argument: make()})


MOST_OPERATIONS = 60
"""Of one model."""


def of_operations() -> Iterator[Garden]:
    """The functions of keras.ops, each in the first way in which it can be called, and Python's operators."""
    found: dict[str, Branch] = {}
    for name in operation_subjects.names():
        for operation in itertools.islice(operation_subjects.operations(name).values(), 1):
            found[name] = functools.partial(_of_two, operation)
    found |= {name: functools.partial(_of_two, each) for name, each in operation_subjects.OPERATORS.items()}
    names = list(found)
    for at in range(0, len(names), MOST_OPERATIONS):
        some = {name: found[name] for name in names[at : at + MOST_OPERATIONS]}
        yield _bed(f"operations from {names[at]}", "features", some)


def _of_two(operation: Callable[[Any, Any], Any], x: Any) -> Any:
    return operation(x, layers.Rescaling(-0.5, 0.3)(x))


@quiet()
def _fitting(measure: Callable[[], Any]) -> tuple[str, str] | None:
    """The first head and target that a loss or metric makes a number of."""
    for head, target in loss_subjects.FITTING:
        width, activation = HEADS[head]
        logits = np.linspace(-1, 1, 8 * width, dtype=np.float32).reshape(8, width)
        try:
            outputs = keras.activations.get(activation)(logits)
            value = np.asarray(measure()(keras.ops.convert_to_tensor(TARGETS[target][:8]), outputs))
        except Exception:
            continue
        if value.dtype.kind == "f" and np.isfinite(value).all():
            return head, target
    return None


def of_losses() -> Iterator[Garden]:
    """The losses, each of an output of its own."""
    plants = {}
    for name in (*classes("losses"), *functions("losses")):
        make = next(iter(loss_subjects.forms(name).values()))
        fitting = _fitting(lambda make=make: keras.losses.get(make()))
        if fitting is not None:
            plants[name] = (make, *fitting)
    yield Garden("losses", plants, _outputs)


def _outputs(plants: Mapping[str, Any]) -> Group:
    def build() -> keras.Model:
        inputs = keras.Input((6,))
        hidden = layers.Dense(5, activation="tanh")(inputs)
        outputs = {}
        for name, (_, head, _) in plants.items():
            width, activation = HEADS[head]
            outputs[name] = layers.Dense(width, activation=activation, name=name)(hidden)
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(1e-3), loss={name: make() for name, (make, _, _) in plants.items()})
        return model

    targets = {name: TARGETS[target] for name, (_, _, target) in plants.items()}
    return Group({"all": build}, *split(INPUTS["features"], targets))


def of_metrics() -> Iterator[Garden]:
    """The metrics, by the head and targets that each takes first."""
    beds: dict[tuple[str, str], dict[str, Any]] = {}
    for name in (*classes("metrics"), *functions("metrics")):
        make = next(iter(metric_subjects.forms(name).values()))
        try:
            fitting = _fitting(lambda make=make: keras.metrics.get(make()))
        except Exception:
            continue
        if fitting is not None:
            beds.setdefault(fitting, {})[name] = make
    for (head, target), plants in beds.items():
        yield Garden(f"metrics of {head} for {target}", plants, functools.partial(_measured, head, target))


def _measured(head: str, target: str, plants: Mapping[str, Any]) -> Group:
    def build() -> keras.Model:
        width, activation = HEADS[head]
        hidden = layers.Dense(5, activation="tanh")(inputs := keras.Input((6,)))
        model = keras.Model(inputs, layers.Dense(width, activation=activation)(hidden))
        loss = metric_subjects.fitting_loss(head, target)
        model.compile(descent(), loss, metrics=[make() for make in plants.values()])
        return model

    return Group({"all": build}, *split(INPUTS["features"], TARGETS[target]))
