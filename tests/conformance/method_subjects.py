"""Models that override what `keras.Model` does: each of its methods, and some to do something else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf
from model_subjects import Build, compiled
from small_models import CLASSES, dense, tabular
from subjects import Subject
from trial_outcomes import Group, Notes

layers, ops = keras.layers, keras.ops


METHODS = tuple(
    name
    for name, _ in inspect.getmembers(keras.Model, inspect.isfunction)
    if not name.startswith("_") and name not in ("build", "call")
)


def _overrides(name: str, notes: Notes) -> Build:
    """What builds a model with a method of its own that notes down that it was called."""

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "is_ready", False):
            notes.append(name)
        return getattr(keras.Model, name)(self, *args, **kwargs)

    def build() -> keras.Model:
        model = dense(kind=type("Own", (keras.Model,), {name: own}))
        model.is_ready = True
        return model

    return build


def of_methods(names: tuple[str, ...]) -> Iterator[Group]:
    """The trials of models that override one method of `keras.Model` each."""
    notes = Notes()
    yield Group({name: _overrides(name, notes) for name in names}, *tabular(), notes=notes, notes_may_be_more=True)


class OwnFit(keras.Model):
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        return super().fit(*args, **{**kwargs, "epochs": 3, "class_weight": {0: 3.0}})


class OwnTrainFunction(keras.Model):
    def make_train_function(self, force: bool = False) -> Any:
        function = super().make_train_function(force)

        def twice(iterator: Any) -> Any:
            logs = function(iterator)
            return {name: value * 2 for name, value in logs.items()}

        self.train_function = twice
        return twice


class OwnTrainStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True)) * 3
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss, "rows": tf.cast(tf.shape(x)[0], tf.float32)}


class OwnTestStep(keras.Model):
    def test_step(self, data: Any) -> Any:
        return {name: value + 1 for name, value in super().test_step(data).items()}


class OwnEvaluate(keras.Model):
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        return {name: value + 2 for name, value in super().evaluate(*args, **kwargs).items()}


class OwnLoss(keras.Model):
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().compute_loss(x, y, y_pred, *args, **kwargs) * 2 + ops.mean(y_pred**2)


class OwnMetrics(keras.Model):
    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return {**super().compute_metrics(x, y, y_pred, sample_weight), "own": ops.max(y_pred)}


class OwnCall(keras.Model):
    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        return super().call(inputs * (0.5 if training else 1.0), training=training, mask=mask)


class OwnResults(keras.Model):
    def get_metrics_result(self) -> Any:
        return {f"own_{name}": value for name, value in super().get_metrics_result().items()} | {"loss": 0.5}


class OwnTracker(keras.Model):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tracker = keras.metrics.Mean(name="size")

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.tracker.update_state(ops.sum(y_pred**2))
        return super().compute_metrics(x, y, y_pred, sample_weight)

    @property
    def metrics(self) -> Any:
        return [*super().metrics, self.tracker]


class OwnReset(keras.Model):
    def reset_metrics(self) -> None:
        pass


class OwnSplit(keras.Model):
    def train_step(self, data: Any) -> Any:
        x, y = data[:2]
        super().train_step((x[:4], y[:4]))
        return super().train_step((x[4:], y[4:]))


class NoLoss(keras.Model):
    def train_step(self, data: Any) -> Any:
        logs = super().train_step(data)
        return {"own_loss": logs["loss"]}


class OwnAttribute(keras.Model):
    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)

    @property
    def trainable_variables(self) -> Any:
        return super().trainable_variables[2:]


OWN = (OwnFit, OwnTrainFunction, OwnTrainStep, OwnTestStep, OwnEvaluate, OwnLoss, OwnMetrics, OwnCall, OwnResults)
OWN += (OwnTracker, OwnReset, OwnSplit, OwnAttribute)
"""Models that do something of their own in one method."""


def _replaced(name: str, function: Callable[..., Any]) -> Build:
    """What builds a model whose method is replaced on the model itself."""

    def build() -> keras.Model:
        model = dense()
        setattr(model, name, functools.partial(function, getattr(model, name)))
        return model

    return build


REPLACED: Mapping[str, Build] = {
    "compute_loss": _replaced("compute_loss", lambda own, *args, **kwargs: own(*args, **kwargs) * 2),
    "train_step": _replaced("train_step", lambda own, data: {**own(data), "own": ops.sum(data[0])}),
    "test_step": _replaced("test_step", lambda own, data: {**own(data), "own": ops.sum(data[0])}),
    "fit": _replaced("fit", lambda own, *args, **kwargs: own(*args, **{**kwargs, "epochs": 1})),
    "evaluate": _replaced("evaluate", lambda own, *args, **kwargs: {"loss": 3.0}),
    "call": _replaced("call", lambda own, inputs, *args, **kwargs: own(inputs * 0.5, *args, **kwargs)),
}


def of_own() -> Iterator[Group]:
    """The trials of models with methods that do something of their own."""
    yield Group({each.__name__: functools.partial(dense, kind=each) for each in OWN}, *tabular())
    own_loss = {"no loss": functools.partial(dense, kind=NoLoss)}
    yield Group(own_loss, *tabular(), objective="own_loss")
    yield Group({f"{name} replaced": build for name, build in REPLACED.items()}, *tabular())
    sequential = {f"{each.__name__}, sequential": functools.partial(_sequential, each) for each in OWN}
    yield Group(sequential, *tabular())


def _sequential(kind: type[keras.Model]) -> keras.Model:
    own = type("Own", (kind, keras.Sequential), {})
    return compiled(
        own([keras.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(CLASSES, activation="softmax")])
    )


def subjects() -> list[Subject]:
    """One for what models do of their own, and those for each method of the installed `keras.Model`."""
    found = [
        Subject(f"methods from {METHODS[at]}", functools.partial(of_methods, METHODS[at : at + 8]))
        for at in range(0, len(METHODS), 8)
    ]
    return [Subject("own methods", of_own), *found]
