"""Embeddings, slices and several inputs in the numpy engine: what `model.fit` computes, or declined with its reason."""

import keras
import numpy as np
import pytest
from side_by_side import assert_same

from tuners.engine.call import FitCall
from tuners.engine.choice import Engines
from tuners.engine.numpy_engine.embeddings import Lookup
from tuners.engine.numpy_engine.network import Network

layers, optimizers = keras.layers, keras.optimizers
ROWS, CODES = 30, (4, 3, 7)
rng = np.random.default_rng(1)
NUMBERS = rng.normal(2, 3, (ROWS, 2)).astype(np.float32)
# The last table has rows that no example looks up.
COLUMNS = [rng.integers(0, min(codes, 5), ROWS).astype(np.int32) for codes in CODES]
X = np.column_stack([NUMBERS, *COLUMNS]).astype(np.float32)
Y = (COLUMNS[0] + (NUMBERS[:, 0] > 2)).astype(np.int32) % 3
TRAINING = {"epochs": 2, "batch_size": 8, "validation_data": (X[:9], Y[:9])}


def compiled(inputs, hidden, optimizer=None):
    hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(hidden))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden))
    model.compile(optimizer or optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def embedding(number, **more):
    return layers.Embedding(CODES[number], number + 2, **more)


def of_a_table(optimizer=None):
    """One array: numbers, then a column of codes each."""
    inputs = keras.Input((5,))
    numbers = layers.Normalization(mean=2.0, variance=9.0)(inputs[:, :2])
    looked_up = [embedding(number)(inputs[:, 2 + number]) for number in range(3)]
    return compiled(inputs, layers.Concatenate()([numbers, *looked_up]), optimizer)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: optimizers.RMSprop(0.01),
        lambda: optimizers.Adam(0.01),
        lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    ],
)
def test_optimizers_treat_them_as_those_of_keras(optimizer):
    # Some codes come several times in a batch, some in none.
    assert_same(lambda: of_a_table(optimizer()), X, Y, **TRAINING, engines=["numpy"])


def test_those_side_by_side_are_looked_up_at_once():
    network = Network(of_a_table())
    widths = [node.kernel.widths for node in network._nodes if isinstance(node.kernel, Lookup)]  # noqa: SLF001
    assert widths == [(2, 3, 4)]


def of_lists(kind="int32"):
    """An input for each column, of a list."""
    numbers = keras.Input((2,), name="numbers")
    columns = [keras.Input((1,), dtype=kind, name=name) for name in ("c", "a", "b")]
    flat = [layers.Flatten()(embedding(number)(each)) for number, each in enumerate(columns)]
    # Not all of them side by side, and one reshaped in another way.
    flat[2] = layers.Reshape((4,))(flat[2])
    return compiled([numbers, *columns], layers.Concatenate()([flat[0], numbers, *flat[1:]]), optimizers.Adam(0.01))


def of_dict():
    model = of_lists("int64")
    inputs = {each.name: each for each in model.inputs}
    again = keras.Model(inputs, model.output)
    again.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return again


NAMED = {"numbers": NUMBERS, "c": COLUMNS[0], "a": COLUMNS[1][:, None], "b": COLUMNS[2].astype(np.float32)}


@pytest.mark.parametrize(
    ("build", "x"),
    [
        (of_lists, [NUMBERS, *COLUMNS]),
        (lambda: of_lists("float32"), [NUMBERS, *COLUMNS]),
        (of_lists, NAMED),
        (of_dict, NAMED),
    ],
)
def test_several_inputs(build, x):
    held_out = keras.tree.map_structure(lambda each: each[:9], x)
    assert_same(build, x, Y, **{**TRAINING, "validation_data": (held_out, Y[:9])}, engines=["numpy"])


def test_sequences_of_codes_and_slices_of_what_is_trained():
    def build():
        inputs = keras.Input((5,))
        hidden = layers.Flatten()(layers.Embedding(7, 3)(inputs[:, 2:]))
        hidden = layers.Dense(6, activation="tanh")(layers.Concatenate()([hidden, inputs[:, :2]]))
        hidden = layers.Concatenate(axis=1)([hidden[:, ::2], layers.Dense(2)(hidden[:, 1:3]), hidden])
        return compiled(inputs, hidden, optimizers.Adam(0.01))

    assert_same(build, X, Y, **TRAINING, engines=["numpy"])


def _with(before=None, **options):
    inputs = keras.Input((5,))
    codes = inputs[:, 2:] if before is None else before(inputs)
    return compiled(inputs, layers.Flatten()(layers.Embedding(20, 2, **options)(codes)))


def _masked():
    inputs = keras.Input((5,))
    codes = layers.Embedding(20, 2, mask_zero=True)(inputs[:, 2:])
    return compiled(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(codes)))


def _dense_of_integers():
    inputs = keras.Input((5,), dtype="int32")
    return compiled(inputs, layers.Dense(3)(inputs))


DECLINED = {
    "masks": (_masked, X, "has mask_zero=True"),
    "regularizer": (lambda: _with(embeddings_regularizer="l2"), X, "has a regularizer or a constraint"),
    "constraint": (lambda: _with(embeddings_constraint="non_neg"), X, "has a regularizer or a constraint"),
    "frozen": (lambda: _with(trainable=False), X, "is frozen"),
    "codes that are computed": (lambda: _with(before=layers.Dense(3)), X, "looks up what the model computes"),
    "integers in a dense layer": (_dense_of_integers, X.astype(np.int32), "is given integers"),
    "other shapes": (of_dict, {**NAMED, "b": NUMBERS}, "not as the model takes them"),
    "a code too many": (of_a_table, np.where(np.arange(5) == 3, X + 1, X), "other codes than 0 to 2"),
    "a code below zero": (of_a_table, np.where(np.arange(5) == 3, X - 1, X), "other codes than 0 to 2"),
}


@pytest.mark.parametrize("name", DECLINED)
def test_declined_and_why(name):
    build, x, why = DECLINED[name]
    reasons, engines = {}, Engines("numpy")
    call = FitCall(build(), (x, Y), None, 8, 8, 1, 0, 1, False, (), 0)
    assert engines._trainer("numpy", call, reasons) is None  # noqa: SLF001
    assert why in reasons["numpy"]
