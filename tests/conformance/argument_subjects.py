"""The arguments of `Model.fit` and `Model.compile`, and what `HyperModel.fit` may do with them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras_catalog import others
from small_models import HELD_OUT, INPUTS, ROWS, TARGETS, dense, tabular
from subjects import Subject
from trial_outcomes import FIT, Group

X, Y = INPUTS["features"][:ROWS], TARGETS["ids"][:ROWS]
HELD_X, HELD_Y = INPUTS["features"][ROWS:], TARGETS["ids"][ROWS:]
WEIGHTS = np.linspace(0.1, 2, ROWS).astype(np.float32)
HELD_WEIGHTS = np.linspace(2, 0.5, HELD_OUT)
OTHER = {
    "batch_size": (7, 44, 100, 1),
    "epochs": (1, 3),
    "verbose": (0, 1, 2),
    "validation_split": (0.3,),
    "validation_data": ((HELD_X, HELD_Y, HELD_WEIGHTS), [HELD_X, HELD_Y], None),
    "class_weight": ({0: 1.0, 1: 0.5, 2: 3.0}, {0: 2.0, 2: 1}, {0: 0.0, 1: 0.0, 2: 1.0}),
    "sample_weight": (WEIGHTS, WEIGHTS[:, None], WEIGHTS.astype(np.float64), WEIGHTS > 1, list(WEIGHTS)),
    "initial_epoch": (1,),
    "steps_per_epoch": (2, 3),
    "validation_steps": (1,),
    "validation_batch_size": (3,),
    "validation_freq": (2, [1], [2]),
    "shuffle": (True, "batch"),
    "callbacks": ([],),
}
"""Of `fit`; what is not here is derived from its default."""
BATCHED = tf.data.Dataset.from_tensor_slices((X, Y)).batch(7)
HELD_BATCHED = tf.data.Dataset.from_tensor_slices((HELD_X, HELD_Y)).batch(7)


class Rows(keras.utils.PyDataset):
    """The rows to train on, in batches of 10."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Any:
        return X[index * 10 : index * 10 + 10], Y[index * 10 : index * 10 + 10]


DATA: Mapping[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "dataset": ((BATCHED,), {"batch_size": None, "validation_data": HELD_BATCHED}),
    "dataset with batch_size": ((BATCHED,), {}),
    "arrays and a dataset to validate": ((X, Y), {"validation_data": HELD_BATCHED}),
    "PyDataset": ((Rows(),), {"batch_size": None, "validation_data": (HELD_X, HELD_Y)}),
    "tensors": ((tf.constant(X), tf.constant(Y)), {"validation_data": (tf.constant(HELD_X), tf.constant(HELD_Y))}),
    "frames": ((pd.DataFrame(X), pd.Series(Y)), {"validation_data": (pd.DataFrame(HELD_X), pd.DataFrame(HELD_Y))}),
    "x and y by name": ((), {"x": X, "y": Y, "validation_data": (HELD_X, HELD_Y)}),
    "lists": ((X.tolist(), Y.tolist()), {}),
    "a list of one array": (([X], [Y]), {}),
    "a dict of arrays": (({"x": X}, Y), {}),
    "double precision": ((X.astype(np.float64), Y.astype(np.float64)), {"validation_data": (HELD_X, HELD_Y)}),
    "whole numbers": (((X * 3).astype(np.int64), Y.astype(np.uint8)), {}),
    "yes and no": ((X > 0, Y > 0), {}),
    "half precision": ((X.astype(np.float16), Y), {}),
    "in the order of columns": ((np.asfortranarray(X), Y[::-1]), {}),
    "every other row": ((X[::2], Y[::2]), {}),
    "a column too many": ((INPUTS["signal"][:ROWS], Y), {}),
    "one row": ((X[:1], Y[:1]), {}),
    "no rows": ((X[:0], Y[:0]), {}),
    "other numbers of rows": ((X, Y[:-1]), {}),
    "a class that is not there": ((X, np.where(np.arange(ROWS) == 3, 7, Y)), {}),
    "a held-out class that is not there": ((X, Y), {"validation_data": (HELD_X, np.where(HELD_Y == 1, -1, HELD_Y))}),
    "not a number": ((np.where(X > 0.8, np.nan, X), Y), {}),
    "missing targets": ((X,), {}),
    "targets of another rank": ((X, Y[:, None]), {"validation_data": (HELD_X, HELD_Y[:, None])}),
    "held-out targets of another rank": ((X, Y), {"validation_data": (HELD_X, HELD_Y[:, None])}),
    "epochs by position": ((X, Y, 16, 3), {}),
    "validation_data in an array": ((X, Y), {"validation_data": np.stack([HELD_X, HELD_X])}),
    "class_weight and sample_weight": ((X, Y), {"class_weight": {0: 2.0}, "sample_weight": WEIGHTS}),
    "class_weight of one-hot": ((X, TARGETS["one-hot"][:ROWS]), {"class_weight": {0: 2.0, 1: 0.5}}),
    "sample_weight of too few": ((X, Y), {"sample_weight": WEIGHTS[:-3]}),
    "an argument that is not there": ((X, Y), {"own_argument": 3}),
}
"""What `search` is given, by label."""


def of_data(name: str) -> Iterator[Group]:
    """The trials of one form of data."""
    args, kwargs = DATA[name]
    defaults = {"verbose": 0, "shuffle": False} if name.endswith("position") else FIT
    builds = {"plain": dense, "dropout that masks nothing": _inactive}
    if name == "class_weight of one-hot":
        builds = {"plain": functools.partial(dense, loss="categorical_crossentropy")}
    yield Group(builds, args, kwargs, defaults=defaults)


def _inactive() -> keras.Model:
    return dense(body=lambda x: keras.layers.Dropout(0.0)(keras.layers.Dense(5, activation="relu")(x)))


def of_fit(argument: str, values: tuple[Any, ...]) -> Iterator[Group]:
    """The trials of other values of an argument of `fit`."""
    for value in values:
        args, kwargs = tabular()
        kwargs = {key: each for key, each in kwargs.items() if argument != "validation_split"}
        # Of one batch the order of the rows is nothing.
        common = {"epochs": 3, **({"batch_size": ROWS} if argument == "shuffle" else {})}
        yield Group({f"{argument}={_short(value)}": dense}, args, {**kwargs, **common, argument: value})


def _short(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else repr(value)[:40]


def _compiled(argument: str, value: Any, **more: Any) -> keras.Model:
    return dense(**{**more, argument: value() if callable(value) and argument.endswith("metrics") else value})


COMPILED: Mapping[str, tuple[Any, ...]] = {
    "loss": (["sparse_categorical_crossentropy"], {"dense_1": "sparse_categorical_crossentropy"}, None),
    "loss_weights": (0.3, [0.3], {"dense_1": 0.3}),
    "metrics": (
        ["accuracy", "sparse_categorical_crossentropy"],
        [["accuracy"]],
        {"dense_1": ["acc"]},
        "accuracy",
        None,
        [],
        ["accuracy", "accuracy"],
        lambda: [keras.metrics.SparseTopKCategoricalAccuracy(2, name="best")],
        ["ce", "crossentropy"],
    ),
    "weighted_metrics": (["accuracy"], [], ["acc", "sparse_categorical_crossentropy"]),
    "optimizer": ("adam", "SGD", {"class_name": "Adam", "config": {"learning_rate": 0.02}}, keras.optimizers.Adam),
    "steps_per_execution": (2,),
    "jit_compile": (True, False),
    "run_eagerly": (True,),
}
"""Of `compile`; what is not here is derived from its default."""


def of_compile(argument: str, values: tuple[Any, ...]) -> Iterator[Group]:
    """The trials of other values of an argument of `compile`."""
    builds = {
        f"{argument}={_short(value)} number {number}": functools.partial(_compiled, argument, value)
        for number, value in enumerate(values)
    }
    weighted = {"sample_weight": WEIGHTS}
    args, kwargs = tabular()
    yield Group({"plain": dense, **builds}, args, kwargs)
    yield Group({"plain": dense, **builds}, args, {**kwargs, **weighted})


Fit = Callable[..., Any]


def _with_batch_size(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    return model.fit(*args, **{**kwargs, "batch_size": hp.Choice("batch_size", [8, 16])})


def _twice(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    model.fit(*args, **{**kwargs, "callbacks": None})
    return model.fit(*args, **kwargs)


def _epoch_by_epoch(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    for epoch in range(kwargs.pop("epochs")):
        history = model.fit(*args, **kwargs, initial_epoch=epoch, epochs=epoch + 1)
    return history


def _evaluated(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    model.fit(*args, **kwargs)
    return model.evaluate(*kwargs["validation_data"], verbose=0, return_dict=True)


def _trained_on_batches(hp: Any, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
    return {"loss": float([model.train_on_batch(x[:20], y[:20], return_dict=True) for _ in range(3)][-1]["loss"])}


def _fine_tuned(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    model.layers[1].trainable = False
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*args, **{**kwargs, "callbacks": None})
    model.layers[1].trainable = True
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(*args, **kwargs)


def _own_loss_of_history(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    history = model.fit(*args, **kwargs)
    return {"loss": min(history.history["val_loss"]), "epochs": float(len(history.epoch)), **_after(model)}


def _after(model: keras.Model) -> dict[str, float]:
    """What a model says after training."""
    results = {f"after {name}": float(value) for name, value in model.get_metrics_result().items()}
    return {**results, "steps": float(model.optimizer.iterations), "stops": float(model.stop_training)}


def _other_data(hp: Any, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
    return model.fit(x[::-1] * 2, y[::-1], **kwargs)


def _fails(hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    model.fit(*args, **kwargs)
    raise LookupError("of the hypermodel")


FITS: Mapping[str, Fit] = {
    "batch size": _with_batch_size,
    "two calls": _twice,
    "a call an epoch": _epoch_by_epoch,
    "evaluate": _evaluated,
    "train_on_batch": _trained_on_batches,
    "fine-tuning": _fine_tuned,
    "what the model says afterwards": _own_loss_of_history,
    "other data": _other_data,
    "fails": _fails,
}
"""What users write for `HyperModel.fit`, by label."""


def of_hypermodel(name: str) -> Iterator[Group]:
    """The trials of a hypermodel with a `fit` of its own."""
    yield Group({"plain": dense, "again": dense}, *tabular(), fit=FITS[name])


def subjects() -> list[Subject]:
    """One for each argument of `fit` and `compile`, each form of data, and each `HyperModel.fit`."""
    found = [Subject(f"data: {name}", functools.partial(of_data, name)) for name in DATA]
    for method, table, of in ((keras.Model.fit, OTHER, of_fit), (keras.Model.compile, COMPILED, of_compile)):
        values = {argument: (value,) for argument, value in others(method, {})} | dict(table)
        found += [
            Subject(f"{method.__name__}({argument}=)", functools.partial(of, argument, given))
            for argument, given in values.items()
        ]
    return found + [Subject(f"HyperModel.fit: {name}", functools.partial(of_hypermodel, name)) for name in FITS]
