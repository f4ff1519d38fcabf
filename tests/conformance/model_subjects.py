"""Models as people write them: their shapes, what is done to them before they are trained, methods overridden."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from small_models import CLASSES, INPUTS, TARGETS, dense, descent, split, tabular
from subjects import Subject
from trial_outcomes import Group

layers, ops = keras.layers, keras.ops
Build = Callable[[], keras.Model]


def compiled(model: keras.Model, **more: Any) -> keras.Model:
    """A classifier, compiled."""
    model.compile(descent(), **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **more})
    return model


def _head() -> Any:
    return layers.Dense(CLASSES, activation="softmax")


def _shared_layer() -> keras.Model:
    inputs, shared = keras.Input((6,)), layers.Dense(6, activation="tanh")
    return compiled(keras.Model(inputs, _head()(shared(shared(inputs)))))


def _shared_by_branches() -> keras.Model:
    inputs, shared = keras.Input((6,)), layers.Dense(4, activation="relu")
    both = layers.Concatenate()([shared(inputs), shared(layers.Rescaling(0.5)(inputs))])
    return compiled(keras.Model(inputs, _head()(both)))


def _nested() -> keras.Model:
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="relu"), layers.BatchNormalization()])
    inputs = keras.Input((6,))
    return compiled(keras.Model(inputs, _head()(inner(inputs))))


def _nested_sequential() -> keras.Model:
    inner = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dropout(0.0)])
    return compiled(keras.Sequential([keras.Input((6,)), inner, _head()]))


def _part_of_another() -> keras.Model:
    whole = dense()
    return compiled(keras.Model(whole.inputs, _head()(whole.layers[1].output)))


def _intermediate_output() -> keras.Model:
    inputs = keras.Input((6,))
    hidden = layers.Dense(CLASSES, activation="softmax")(inputs)
    keras.Model(inputs, _head()(hidden))
    return compiled(keras.Model(inputs, hidden))


def _input_is_output() -> keras.Model:
    inputs = keras.Input((6,))
    return compiled(keras.Model(inputs, inputs), loss="mse", metrics=["mae"])


def _no_weights() -> keras.Model:
    return compiled(keras.Sequential([keras.Input((6,)), layers.Rescaling(0.5), layers.Softmax()]))


def _unbuilt() -> keras.Model:
    return compiled(keras.Sequential([layers.Dense(5, activation="relu"), _head()]))


def _built_by_call() -> keras.Model:
    model = _unbuilt()
    model(np.zeros((1, 6), np.float32))
    return model


def _named_like_another() -> keras.Model:
    return compiled(keras.Sequential([keras.Input((6,)), layers.Dense(5, name="head"), layers.Dense(3, name="loss")]))


def _same_seed() -> keras.Model:
    inputs = keras.Input((6,))
    hidden = [layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(3))(inputs) for _ in range(2)]
    return compiled(keras.Model(inputs, _head()(layers.Average()(hidden))))


def _stateful_recurrent() -> keras.Model:
    inputs = keras.Input(batch_shape=(4, 6))
    hidden = layers.LSTM(3, stateful=True)(layers.Reshape((3, 2))(inputs))
    return compiled(keras.Model(inputs, _head()(hidden)))


class Subclassed(keras.Model):
    """A model that is no graph of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.drop, self.head = layers.Dense(5, activation="relu"), layers.Dropout(0.0), _head()

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.head(self.drop(self.hidden(inputs), training=training))


def _subclassed_and_built() -> keras.Model:
    model = compiled(Subclassed())
    model(np.zeros((1, 6), np.float32))
    return model


class AddsLoss(layers.Layer):
    """A layer with a loss, a metric and a count of its own, and an argument `training`."""

    def build(self, shape: Any) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        self.add_loss(0.01 * ops.sum(ops.square(inputs)))
        if training:
            self.count.assign_add(1.0)
        return inputs * 2 if training else inputs


class LearnsMean(layers.Layer):
    """A layer that moves state on by its own means, as a batch normalisation does."""

    def build(self, shape: Any) -> None:
        self.mean = self.add_weight(shape=shape[1:], initializer="zeros", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(inputs, axis=0))
        return inputs - self.mean


def _normalised_twice() -> keras.Model:
    return dense(body=lambda x: layers.BatchNormalization()(layers.BatchNormalization(momentum=0.5)(x)))


def _adapted() -> keras.Model:
    scaled = layers.Normalization()
    scaled.adapt(INPUTS["features"][:20] * 3 + 1)
    return dense(body=lambda x: layers.Dense(4, activation="relu")(scaled(x)))


def _in(precision: str) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return dense()
    finally:
        keras.config.set_dtype_policy(before)


SHAPES: Mapping[str, Build] = {
    "shared layer": _shared_layer,
    "shared by branches": _shared_by_branches,
    "nested": _nested,
    "nested, sequential": _nested_sequential,
    "part of another": _part_of_another,
    "intermediate output": _intermediate_output,
    "input is output": _input_is_output,
    "no weights": _no_weights,
    "unbuilt": _unbuilt,
    "built by a call": _built_by_call,
    "layers named like others": _named_like_another,
    "same seed": _same_seed,
    "stateful": _stateful_recurrent,
    "subclassed": lambda: compiled(Subclassed()),
    "subclassed and built": _subclassed_and_built,
    "own loss in a layer": lambda: dense(body=lambda x: AddsLoss()(layers.Dense(4)(x))),
    "own state in a layer": lambda: dense(body=lambda x: LearnsMean()(layers.Dense(4)(x))),
    "normalised twice": _normalised_twice,
    "adapted": _adapted,
    "float64": lambda: _in("float64"),
    "mixed_bfloat16": lambda: _in("mixed_bfloat16"),
    "not compiled": lambda: keras.Sequential([keras.Input((6,)), _head()]),
    "called for training": lambda: dense(body=lambda x: layers.BatchNormalization()(x, training=False)),
    "masked": lambda: dense(body=lambda x: layers.LSTM(3)(layers.Masking(0.0)(layers.Reshape((3, 2))(x)))),
    "lambda": lambda: dense(body=lambda x: layers.Lambda(lambda value: ops.sin(value))(layers.Dense(4)(x))),
}
"""Models of one input and one output, by label."""


def _frozen(model: keras.Model, index: int) -> keras.Model:
    model.layers[index].trainable = False
    return model


def _frozen_weight(model: keras.Model, index: int) -> keras.Model:
    model.weights[index].trainable = False
    return model


def _trained(steps: str) -> keras.Model:
    model = dense(optimizer=keras.optimizers.Adam(0.02))
    x, y = INPUTS["features"][:20], TARGETS["ids"][:20]
    if steps == "fit":
        model.fit(x, y, verbose=0)
    elif steps == "fit, then compiled":
        model.fit(x, y, verbose=0)
        compiled(model)
    elif steps == "train_on_batch":
        model.train_on_batch(x, y)
    elif steps == "evaluate":
        model.evaluate(x, y, verbose=0)
    else:
        getattr(model, steps)(x)
    return model


def _done(act: Callable[[keras.Model], Any]) -> Build:
    def build() -> keras.Model:
        model = dense()
        act(model)
        return model

    return build


def _regularized_kernel(model: keras.Model) -> None:
    model.layers[1].kernel.regularizer = keras.regularizers.L2(0.1)


BEFORE: Mapping[str, Build] = {
    "first layer frozen": lambda: _frozen(dense(), 1),
    "last layer frozen": lambda: _frozen(dense(), 2),
    "frozen after compile": lambda: _frozen(dense(), 1),
    "model frozen": _done(lambda model: setattr(model, "trainable", False)),
    "kernel frozen": lambda: _frozen_weight(dense(), 0),
    "bias frozen": lambda: _frozen_weight(dense(), 1),
    "last bias frozen": lambda: _frozen_weight(dense(), 3),
    "kernel regularised": _done(_regularized_kernel),
    "kernel constrained": _done(
        lambda model: setattr(model.layers[1].kernel, "constraint", keras.constraints.MaxNorm(0.5))
    ),
    "bias regularised": _done(lambda model: setattr(model.layers[2].bias, "regularizer", keras.regularizers.L1(0.1))),
    "rate of dropout set": lambda: _rate_set(),
    "weights set": _done(lambda model: model.set_weights([np.full(each.shape, 0.1) for each in model.weights])),
    "one weight set": _done(lambda model: model.weights[0].assign(model.weights[0] * 3)),
    "learning rate set": _done(lambda model: model.optimizer.learning_rate.assign(0.01)),
    "iterations set": _done(lambda model: model.optimizer.iterations.assign(7)),
    "stop_training set": _done(lambda model: setattr(model, "stop_training", True)),
    "activation set": _done(lambda model: setattr(model.layers[1], "activation", keras.activations.relu)),
    "run_eagerly set": _done(lambda model: setattr(model, "run_eagerly", True)),
    "gradients clipped": _done(lambda model: setattr(model.optimizer, "clipnorm", 0.01)),
    "weight decay set": _done(lambda model: setattr(model.optimizer, "weight_decay", 0.2)),
    "low rank": _done(lambda model: model.layers[1].enable_lora(2)),
    "quantised": _done(lambda model: model.layers[1].quantize("int8")),
    "call replaced": _done(lambda model: setattr(model.layers[1], "call", lambda inputs: inputs[:, :5])),
    **{f"trained before by {each}": functools.partial(_trained, each) for each in ("fit", "fit, then compiled")},
    **{f"{each} before": functools.partial(_trained, each) for each in ("train_on_batch", "evaluate", "predict")},
}
"""What is done to a model before it is trained, by label."""


def _rate_set() -> keras.Model:
    model = dense(body=lambda x: layers.Dropout(0.9)(layers.Dense(5)(x)))
    model.layers[2].rate = 0.0
    return model


def _two(**compiling: Any) -> keras.Model:
    one, other = keras.Input((6,), name="one"), keras.Input((8, 4), name="other")
    hidden = layers.Concatenate()([layers.Dense(4)(one), layers.LSTM(3)(other)])
    outputs = [_named_head("kind", hidden), layers.Dense(1, name="size")(hidden)]
    model = keras.Model([one, other], outputs)
    given = {"loss": ["sparse_categorical_crossentropy", "mse"], "metrics": [["accuracy"], ["mae"]], **compiling}
    model.compile(descent(), **given)
    return model


def _named_head(name: str, hidden: Any) -> Any:
    return layers.Dense(CLASSES, activation="softmax", name=name)(hidden)


def _two_by_name() -> keras.Model:
    one, other = keras.Input((6,), name="one"), keras.Input((8, 4), name="other")
    hidden = layers.Add()([layers.Dense(4)(one), layers.GRU(4)(other)])
    outputs = {"kind": _named_head("kind", hidden), "size": layers.Dense(1, name="size")(hidden)}
    model = keras.Model({"one": one, "other": other}, outputs)
    model.compile(
        descent(),
        loss={"kind": "sparse_categorical_crossentropy", "size": "huber"},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
        loss_weights={"kind": 0.7, "size": 0.1},
    )
    return model


def _several() -> Iterator[Group]:
    x, y = [INPUTS["features"], INPUTS["sequence"]], [TARGETS["ids"], TARGETS["number"]]
    weights = np.linspace(0.1, 2, len(TARGETS["ids"])).astype(np.float32)
    builds: dict[str, Build] = {
        "plain": _two,
        "weighted losses": functools.partial(_two, loss_weights=[0.3, 2.0]),
        "one loss": functools.partial(_two, loss=["sparse_categorical_crossentropy", None], metrics=None),
        "losses by name": functools.partial(_two, loss={"kind": "sparse_categorical_crossentropy", "size": "mae"}),
    }
    yield Group(builds, *split(x, y))
    yield Group(builds, *split(x, y, [weights, weights]))
    named = dict(zip(("one", "other"), x, strict=True)), dict(zip(("kind", "size"), y, strict=True))
    yield Group({"by name": _two_by_name}, *split(*named))
    both = {"by name": _two_by_name}
    yield Group(both, *split(*named, {"kind": weights, "size": weights}))
    inputs_of_one = {"one target for two": _twice_the_head}
    yield Group(inputs_of_one, *split(INPUTS["features"], [TARGETS["ids"], TARGETS["ids"]]))


def _twice_the_head() -> keras.Model:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, [_named_head("first", inputs), _named_head("second", layers.Dense(4)(inputs))])
    return compiled(model, loss=["sparse_categorical_crossentropy"] * 2, metrics=[["accuracy"], ["accuracy"]])


def subjects() -> list[Subject]:
    """One for each shape of model and each thing that is done to one before it is trained."""
    found = [Subject(f"model: {name}", functools.partial(_one, build)) for name, build in (SHAPES | BEFORE).items()]
    return [*found, Subject("several inputs and outputs", _several)]


def _one(build: Build) -> Iterator[Group]:
    # Again, since what the first one leaves behind may be taken for the second's.
    kwargs = {"batch_size": 4} if build is _stateful_recurrent else {}
    args, held_out = tabular()
    yield Group({"plain": build, "usual": dense, "again": build}, args, {**held_out, **kwargs})
