"""Data and models for the sweep, small: 44 rows, which batches of 16 do not divide."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

layers = keras.layers
ROWS, HELD_OUT, CLASSES = 44, 20, 3
_random = np.random.default_rng(5)
_DECISION = _random.normal(size=ROWS + HELD_OUT)


def _draw(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from 0 to 1 whose mean over each row tells something of the targets."""
    found = _random.uniform(0.05, 0.95, (ROWS + HELD_OUT, *shape))
    return (found * 0.8 + 0.2 * (_DECISION > 0).reshape(-1, *[1] * len(shape))).astype(np.float32)


INPUTS: Mapping[str, np.ndarray] = {
    "features": _draw((6,)) * 2 - 1,
    "sequence": _draw((8, 4)) * 2 - 1,
    "image": _draw((8, 8, 3)),
    "volume": _draw((6, 6, 6, 2)),
    "images in time": _draw((3, 6, 6, 2)),
    "volumes in time": _draw((3, 4, 4, 4, 2)),
    "ids": _random.integers(1, 7, (ROWS + HELD_OUT, 5)).astype(np.int32),
    "signal": _draw((64,)),
    "words": np.array([["a b", "b", "c a", "d d"][each % 4] for each in range(ROWS + HELD_OUT)])[:, None],
}
"""By kind, rows to train on and then those held out."""

IDS = np.argsort(np.argsort(_DECISION + 0.3 * _random.normal(size=ROWS + HELD_OUT))) * CLASSES // (ROWS + HELD_OUT)
TARGETS: Mapping[str, np.ndarray] = {
    "ids": IDS.astype(np.int32),
    "ids in a column": IDS.astype(np.int64)[:, None],
    "one-hot": np.eye(CLASSES, dtype=np.float32)[IDS],
    "yes or no": (IDS > 0).astype(np.int32),
    "yes or no in a column": (IDS > 0).astype(np.float32)[:, None],
    "signs": np.where(IDS > 0, 1, -1).astype(np.float32)[:, None],
    "number": (IDS * 1.5 + _random.normal(size=IDS.shape)).astype(np.float32)[:, None],
    "numbers": _random.normal(size=(ROWS + HELD_OUT, CLASSES)).astype(np.float32),
}
"""By kind, as the inputs."""

HEADS: Mapping[str, tuple[int, str]] = {
    "softmax": (CLASSES, "softmax"),
    "sigmoid": (1, "sigmoid"),
    "linear": (1, "linear"),
    "logits": (CLASSES, "linear"),
    "softmax of one": (1, "softmax"),
    "sigmoids": (CLASSES, "sigmoid"),
}
"""Width and activation of the last layer."""


def _taken(rows: np.ndarray) -> Any:
    """As `model.fit` takes them: texts only in a tensor."""
    return keras.ops.convert_to_tensor(rows, "string") if rows.dtype.kind == "U" else rows


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within, nothing is warned of: a trial of what can be done with an object is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def split(x: Any, y: Any, *weights: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of `search`: rows to train on, and those held out as validation data.

    Args:
        x: Inputs, or a structure of them.
        y: Targets, or a structure of them.
        *weights: Of the examples, or none.
    """

    def part(rows: slice, parts: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(keras.tree.map_structure(lambda each: _taken(each[rows]), one) for one in parts)

    train = part(slice(ROWS), (x, y, *weights))
    kwargs = {"sample_weight": train[2]} if weights else {}
    return train[:2], {**kwargs, "validation_data": part(slice(ROWS, None), (x, y, *weights))}


def tabular(target: str = "ids") -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Features with targets of a kind, as arguments of `search`."""
    return split(INPUTS["features"], TARGETS[target])


def descent() -> keras.optimizers.Optimizer:
    """A rule whose steps are as far apart as the gradients are; Adam's are not, where these are next to nothing."""
    return keras.optimizers.SGD(0.1, momentum=0.5)


def dense(
    head: str = "softmax",
    *,
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Any = ("accuracy",),
    optimizer: Any = None,
    body: Callable[[Any], Any] | None = None,
    kind: type[keras.Model] = keras.Model,
    **compiling: Any,
) -> keras.Model:
    """A functional model of a hidden layer, compiled.

    Args:
        head: One of `HEADS`.
        loss: Of `compile`.
        metrics: Of `compile`.
        optimizer: Of `compile`; `descent()` by default.
        body: What stands between the input and the last layer; a dense layer by default.
        kind: Class of the model.
        **compiling: Other arguments of `compile`.
    """
    width, activation = HEADS[head]
    inputs = keras.Input((6,))
    hidden = layers.Dense(5, activation="tanh")(inputs) if body is None else body(inputs)
    model = kind(inputs, layers.Dense(width, activation=activation)(hidden))
    metrics = list(metrics) if isinstance(metrics, tuple) else metrics
    model.compile(optimizer or descent(), loss, metrics=metrics, **compiling)
    return model
