"""What is not Keras' own is never taken for it, and where something is, rows driven through their ranges show it."""

import keras
import numpy as np
import pytest
from folded import answers, folded, shaken

from kzoo.export.folding import plain_layers
from kzoo.export.folding.proof import FACTORS, difference, driven, driven_difference

ops = keras.ops
X = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")


def relu(x):
    return ops.minimum(ops.maximum(x, 0.0), 6.0)


def softplus(x):
    return ops.where(x > 4.0, 4.0, ops.log(1 + ops.exp(x)))


def softmax(x):
    return ops.softmax(ops.clip(x, -2.0, 2.0))


def linear(x):
    return ops.clip(x, -5.0, 5.0)


class BatchNormalization(keras.layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return ops.clip(super().call(inputs, training=training, mask=mask), -9.0, 9.0)


class Dense(keras.layers.Dense):
    def call(self, inputs, training=None):
        return ops.clip(super().call(inputs), -7.0, 7.0)


class Softmax(keras.layers.Activation):
    def call(self, inputs):
        return super().call(ops.clip(inputs, -2.0, 2.0))


def patched():
    """Keras' own layer, but with another call."""
    layer = keras.layers.Dense(4)
    own = layer.call
    layer.call = lambda inputs, training=None: ops.clip(own(inputs), -7.0, 7.0)
    return layer


def changed():
    """Keras' own layer, but with another activation than it was made with."""
    layer = keras.layers.Dense(4, activation="relu")
    layer.activation = relu
    return layer


layers = keras.layers
UNUSUAL = {
    "own relu": lambda: [layers.Dense(8, activation=relu), layers.BatchNormalization(), layers.Dense(2)],
    "own softplus": lambda: [layers.Dense(8, activation=softplus), layers.Dense(2)],
    "own softmax": lambda: [layers.Dense(3, activation=softmax)],
    "own softmax in a layer": lambda: [layers.Dense(3), layers.Activation(softmax)],
    "own linear": lambda: [layers.Dense(4, activation=linear), layers.BatchNormalization()],
    "own linear in a layer": lambda: [layers.Dense(4), layers.Activation(linear), layers.BatchNormalization()],
    "a lambda": lambda: [layers.Dense(4, activation=lambda x: x * ops.sigmoid(3 * x)), layers.BatchNormalization()],
    "a layer as activation": lambda: [layers.Dense(4, activation=layers.LeakyReLU(0.3)), layers.BatchNormalization()],
    "own batch norm": lambda: [layers.Dense(4), BatchNormalization()],
    "own dense layer": lambda: [Dense(4), layers.BatchNormalization()],
    "own softmax layer": lambda: [layers.Dense(4), Softmax("softmax")],
    "another call": lambda: [patched(), layers.BatchNormalization()],
    "another activation": lambda: [changed(), layers.BatchNormalization(), layers.Dense(2)],
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_layers_answer_as_they_are_on_rows_beyond_the_examples(name):
    model = shaken(keras.Sequential([keras.Input((6,)), *UNUSUAL[name]()]))
    folding = folded(model, X * 0.2)
    assert "differ" not in folding.reason
    np.testing.assert_allclose(answers(folding, X * 50), model(X * 50), rtol=1e-5, atol=1e-5)


def test_own_functions_do_not_cost_folding():
    model = shaken(keras.Sequential([keras.Input((6,)), *UNUSUAL["own relu"]()]))
    assert len(folded(model, X * 0.2).folded) == 1


@pytest.mark.parametrize("name", ["own relu", "own softplus", "own softmax"])
def test_a_function_taken_for_keras_own_by_its_name_is_found_out(name, monkeypatch):
    def by_name(layer):
        return getattr(keras.activations, getattr(layer.activation, "__name__", ""), layer.activation)

    monkeypatch.setattr(plain_layers, "_plain_activation", by_name)
    model = shaken(keras.Sequential([keras.Input((6,)), *UNUSUAL[name]()]))
    folding = folded(model, X * 0.2)
    assert "would differ" in folding.reason
    np.testing.assert_allclose(answers(folding, X * 50), model(X * 50), rtol=1e-5, atol=1e-5)


def test_it_is_found_out_behind_integers_too(monkeypatch):
    monkeypatch.setattr(plain_layers, "_plain_activation", lambda layer: keras.activations.relu)
    inputs = keras.Input((3,), dtype="int32")
    hidden = layers.Flatten()(layers.Embedding(9, 4)(inputs))
    model = shaken(keras.Model(inputs, layers.Dense(4, activation=relu)(hidden)))
    folding = folded(model, np.arange(30, dtype="int32").reshape(10, 3) % 9)
    assert "would differ" in folding.reason
    assert [type(layer) for layer in folding.traced.replacements] == [layers.Flatten]


def test_driven_rows_are_real_where_numbers_may_mean_something():
    rows = {"a": X, "b": np.arange(60), "c": np.array([b"x", b"y"] * 30, object)}
    batches = list(driven(rows))
    assert len(batches) == 1 + len(FACTORS)
    for batch in batches:
        assert set(batch["b"]) <= set(rows["b"])
        assert set(batch["c"]) <= {b"x", b"y"}
    assert any(abs(batch["a"]).max() > 900 for batch in batches)
    assert any((batch["a"] == -batches[0]["a"]).all() for batch in batches)
    assert len(list(driven({"b": rows["b"]}))) == 1


def clipped(rows):
    return {"y": np.clip(rows["x"], -50, 50)}


def test_clipping_shows_but_rounding_and_steepness_do_not():
    def one(rows):
        return {"y": rows["x"]}

    def rounded(rows):
        return {"y": rows["x"] * np.float32(1 + 1e-7)}

    def steep(rows):
        with np.errstate(over="ignore"):
            return {"y": np.exp(rows["x"])}

    assert driven_difference(one, clipped, {"x": X}) > 0.1
    assert driven_difference(one, rounded, {"x": X}) < 1e-6
    assert driven_difference(steep, lambda rows: steep(rounded(rows) | {"x": rounded(rows)["y"]}), {"x": X}) < 1e-4


def test_rows_that_the_original_does_not_take_prove_nothing():
    def positive(rows):
        if (rows["x"] < 0).any():
            raise ValueError("negative")
        return {"y": rows["x"]}

    assert driven_difference(positive, positive, {"x": abs(X)}) == 0
    assert driven_difference(positive, clipped, {"x": abs(X)}) > 0.1


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("found", "expected", "differs"),
    [
        ([1.0, NAN, INF], [1.0, NAN, INF], False),
        ([1.0, NAN], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, NAN], True),
        ([1.0, INF], [1.0, -INF], True),
        ([1, 2], [1, 2], False),
        ([1, 2], [1, 3], True),
        ([b"a"], [b"a"], False),
        ([b"a"], [b"b"], True),
        ([1.0], [1.0, 1.0], True),
        ([1.0], [1], True),
    ],
)
def test_what_counts_as_a_difference(found, expected, differs):
    found, expected = (np.array(each, object if each[0] in (b"a", b"b") else None) for each in (found, expected))
    assert difference(found, expected) == (np.inf if differs else 0)
