"""Models of tables: numbers beside codes that are looked up in embeddings, in the forms in which people give them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from small_models import CLASSES, HELD_OUT, INPUTS, ROWS, TARGETS, descent, split
from subjects import Subject
from trial_outcomes import Group

layers, optimizers = keras.layers, keras.optimizers
CODES = 9
NUMBERS = INPUTS["features"][:, :3]
CODE_COLUMNS = np.random.default_rng(8).integers(0, CODES - 2, (ROWS + HELD_OUT, 3))
TABLE = np.concatenate([NUMBERS, CODE_COLUMNS], axis=1).astype(np.float32)
WITH_FRACTIONS = TABLE + np.float32([0, 0, 0, 0.25, 0.5, 0.75])


def _compiled(inputs: Any, hidden: Any, optimizer: Any = None) -> keras.Model:
    hidden = layers.Dense(5, activation="relu")(hidden)
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(hidden))
    model.compile(optimizer or descent(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _embedded(codes: Any, width: int = 2, **more: Any) -> Any:
    found = layers.Embedding(CODES, width, **more)(codes)
    return found if len(found.shape) == 2 else layers.Flatten()(found)


def of_array(join: Callable[[Any], Any], optimizer: Callable[[], Any] = descent) -> keras.Model:
    """A model of one input, numbers and codes.

    Args:
        join: Makes features [rows, features] of it.
        optimizer: Makes the optimizer.
    """
    inputs = keras.Input((6,))
    return _compiled(inputs, join(inputs), optimizer())


def _column_by_column(x: Any) -> Any:
    found = [_embedded(x[:, column], column - 1) for column in (3, 4, 5)]
    return layers.Concatenate()([layers.Normalization(mean=0.5, variance=2.0)(x[:, :3]), *found])


def _interleaved(x: Any) -> Any:
    first, second, third = (_embedded(x[:, column : column + 1]) for column in (3, 4, 5))
    return layers.Concatenate()([first, second, x[:, 0:1], third])


def _used_twice(x: Any) -> Any:
    first, second = _embedded(x[:, 3], 4), _embedded(x[:, 3], 4)
    return layers.Concatenate()([first, layers.Add()([first, second]), second])


def _one_layer_twice(x: Any) -> Any:
    shared = layers.Embedding(CODES, 3)
    return layers.Concatenate()([shared(x[:, 3]), shared(x[:, 4])])


def _normalised(x: Any) -> Any:
    return layers.BatchNormalization()(layers.Concatenate()([_embedded(x[:, 4]), layers.Dense(4)(x[:, ::2])]))


JOINS: Mapping[str, Callable[[Any], Any]] = {
    "column by column": _column_by_column,
    "interleaved": _interleaved,
    "several at once": lambda x: layers.Concatenate()([_embedded(x[:, 3:]), x[:, :3]]),
    "reshaped": lambda x: layers.Concatenate()([layers.Reshape((6,))(layers.Embedding(CODES, 2)(x[:, 3:])), x[:, :1]]),
    "concatenated before it is flat": lambda x: layers.Flatten()(
        layers.Concatenate()([layers.Embedding(CODES, width)(x[:, 3:]) for width in (2, 3)])
    ),
    "concatenated over codes": lambda x: layers.Flatten()(
        layers.Concatenate(axis=1)([layers.Embedding(CODES, 2)(x[:, column : column + 1]) for column in (3, 5)])
    ),
    "averaged": lambda x: layers.GlobalAveragePooling1D()(layers.Embedding(CODES, 3)(x[:, 3:])),
    "used twice": _used_twice,
    "one layer twice": _one_layer_twice,
    "normalised": _normalised,
    "of width one": lambda x: layers.Concatenate()([_embedded(x[:, column], 1) for column in (3, 4)]),
    "alone": lambda x: _embedded(x[:, -1]),
    "by ellipsis": lambda x: _embedded(x[..., 3]),
    "backwards": lambda x: _embedded(x[:, :2:-1]),
    "masked": lambda x: layers.GlobalAveragePooling1D()(layers.Embedding(CODES, 3, mask_zero=True)(x[:, 3:])),
    "regularised": lambda x: _embedded(x[:, 3:], embeddings_regularizer="l2"),
    "constrained": lambda x: _embedded(x[:, 3:], embeddings_constraint="unit_norm"),
    "frozen": lambda x: _embedded(x[:, 3:], trainable=False),
    "of codes that are computed": lambda x: _embedded(layers.Rescaling(0.5)(x[:, 3:])),
    "added": lambda x: layers.Add()([_embedded(x[:, column], 4) for column in (3, 4, 5)]),
    "multiplied": lambda x: layers.Multiply()([_embedded(x[:, 3], 3), x[:, :3]]),
    "dropped": lambda x: layers.Dropout(0.0)(layers.Concatenate()([_embedded(x[:, 3]), _embedded(x[:, 4])])),
    "slices of what is trained": lambda x: layers.Concatenate()(
        [(hidden := layers.Dense(6)(x))[:, 1:3], layers.Dense(2)(hidden[:, ::2]), hidden]
    ),
    "a new axis": lambda x: layers.Flatten()(_embedded(x[:, 3])[:, None]),
}
"""How features are made of one array, by label."""

OPTIMIZERS: Mapping[str, Callable[[], Any]] = {
    "SGD": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "Nesterov": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(0.01),
    "RMSprop, centered": lambda: optimizers.RMSprop(0.01, centered=True),
    "Adam": lambda: optimizers.Adam(0.01),
    "Adam, amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "clipped": lambda: optimizers.Adam(0.01, clipnorm=0.1),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Lion": lambda: optimizers.Lion(0.01),
    "averaged": lambda: optimizers.SGD(0.1, use_ema=True),
    "accumulated": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
}
"""Each sees a row of an embedding that is looked up several times in a step, and rows that never are."""


def _of_columns(form: type, dtype: str, shape: tuple[int, ...] = (1,)) -> keras.Model:
    inputs = {"numbers": keras.Input((3,), name="numbers")}
    inputs |= {name: keras.Input(shape, dtype=dtype, name=name) for name in ("c", "a", "b")}
    hidden = [_embedded(inputs[name], width) for name, width in (("a", 2), ("b", 3), ("c", 4))]
    given = inputs if form is dict else form(inputs.values())
    return _compiled(given, layers.Concatenate()([*hidden, inputs["numbers"]]))


def _arrays(form: type, kind: Any = np.int64, *, flat: bool = True) -> Any:
    columns = [CODE_COLUMNS[:, number if flat else slice(number, number + 1)].astype(kind) for number in range(3)]
    named = dict(zip(("numbers", "c", "a", "b"), [NUMBERS, *columns], strict=True))
    return named if form is dict else form(named.values())


def of_one_array() -> Iterator[Group]:
    """The trials of one array, and of the same with other codes."""
    builds = {label: functools.partial(of_array, join) for label, join in JOINS.items()}
    yield Group(builds, *split(TABLE, TARGETS["ids"]))
    few = {label: builds[label] for label in ("column by column", "several at once")}
    beyond = np.where(np.arange(6) == 3, TABLE + 3, TABLE).astype(np.float32)
    for other in (WITH_FRACTIONS, TABLE.astype(np.int32), TABLE.astype(np.float64), beyond, -TABLE):
        yield Group(few, *split(other, TARGETS["ids"]))


def of_optimizers() -> Iterator[Group]:
    """The trials of one array by each optimizer."""
    args, kwargs = split(TABLE, TARGETS["ids"])
    for join in ("column by column", "several at once"):
        builds = {label: functools.partial(of_array, JOINS[join], each) for label, each in OPTIMIZERS.items()}
        yield Group(builds, args, {**kwargs, "epochs": 3})


def of_columns() -> Iterator[Group]:
    """The trials of an input for each column: structures of the model and of the data, types and shapes."""
    for of_model, of_data, flat in ((list, list, True), (dict, dict, False), (tuple, list, False), (list, dict, True)):
        kinds = {kind: functools.partial(_of_columns, of_model, kind) for kind in ("int32", "float32", "int64")}
        yield Group(
            {**kinds, "a number": functools.partial(_of_columns, of_model, "int32", ())},
            *split(_arrays(of_data, flat=flat), TARGETS["ids"]),
        )
    builds = {"plain": functools.partial(_of_columns, dict, "int32")}
    for kind in (np.float32, np.int8, np.uint16):
        yield Group(builds, *split(_arrays(dict, kind), TARGETS["ids"]))
    yield Group(builds, *split(_arrays(list), TARGETS["ids"]))
    yield Group(builds, *split({**_arrays(dict), "more": NUMBERS}, TARGETS["ids"]))
    yield Group({"one": functools.partial(of_array, _column_by_column)}, *split([TABLE], TARGETS["ids"]))


def subjects() -> list[Subject]:
    """The forms of a table, each a subject."""
    return [
        Subject("tables: one array", of_one_array),
        Subject("tables: optimizers", of_optimizers),
        Subject("tables: an input a column", of_columns),
    ]
