"""What is not Keras' own is never taken for it, and where something is, rows driven through their ranges show it."""

import keras
import numpy as np
import pytest
from folded import answers, folded, shaken

from kzoo.export.folding import plain_layers

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
    assert "answers of its own would differ" in folding.reason, "the layers by themselves show it"
    np.testing.assert_allclose(answers(folding, X * 50), model(X * 50), rtol=1e-5, atol=1e-5)


def test_it_is_found_out_behind_integers_too(monkeypatch):
    monkeypatch.setattr(plain_layers, "_plain_activation", lambda layer: keras.activations.relu)
    inputs = keras.Input((3,), dtype="int32")
    hidden = layers.Flatten()(layers.Embedding(9, 4)(inputs))
    model = shaken(keras.Model(inputs, layers.Dense(4, activation=relu)(hidden)))
    folding = folded(model, np.arange(30, dtype="int32").reshape(10, 3) % 9)
    assert "answers of its own would differ" in folding.reason, "the layers by themselves show it"
    assert [type(layer) for layer in folding.traced.replacements] == [layers.Flatten]
