"""Biases that batch norm takes out again, in models as users write them."""

import keras
import numpy as np
import pytest
from keras import layers

from tuners.engine.redundant import redundant_biases


def sequential(*inner):
    return keras.Sequential([keras.Input((6, 6, 1)), *inner])


def functional(take_twice):
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, name="hidden")(inputs)
    normed = layers.BatchNormalization()(hidden)
    return keras.Model(inputs, layers.concatenate([normed, hidden]) if take_twice else normed)


class Unwritten(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def call(self, x):
        return x

    def get_config(self):
        raise ValueError("This layer cannot be written down.")


def of_a_layer_without_a_configuration():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.BatchNormalization()(layers.Dense(3)(Unwritten(3)(inputs))))


class WithCode(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.norm, self.head = layers.Dense(3), layers.BatchNormalization(axis=1), layers.Dense(1)

    def call(self, x):
        return self.head(self.norm(self.hidden(x)))


def of_code():
    model = WithCode()
    model(np.zeros((2, 4), "float32"))
    return model


def sharing():
    inputs, norm = keras.Input((4,)), layers.BatchNormalization(axis=1)
    return keras.Model(inputs, layers.add([norm(layers.Dense(3)(inputs)), norm(layers.Dense(3)(inputs))]))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: sequential(layers.Conv2D(2, 3, name="conv"), layers.BatchNormalization()), ["conv"]),
        (lambda: sequential(layers.Conv2D(2, 3, use_bias=False), layers.BatchNormalization()), []),
        (lambda: sequential(layers.Conv2D(2, 3, activation="relu"), layers.BatchNormalization()), []),
        (lambda: sequential(layers.Conv2D(2, 3), layers.ReLU(), layers.BatchNormalization()), []),
        (lambda: sequential(layers.Conv2D(2, 3), layers.BatchNormalization(axis=1)), []),
        (lambda: sequential(layers.Conv2D(2, 3), layers.BatchNormalization(trainable=False)), []),
        (lambda: sequential(layers.Conv2D(2, 3), layers.LayerNormalization()), []),
        (lambda: functional(take_twice=False), ["hidden"]),
        (lambda: functional(take_twice=True), []),
        (of_a_layer_without_a_configuration, []),
        (WithCode, []),
        (of_code, []),
        (sharing, []),
        (lambda: sequential(layers.Conv2D(2, 3, name="conv"), layers.BatchNormalization(axis=3)), ["conv"]),
        (lambda: type("Own", (keras.Model,), {})(), []),
    ],
)
def test_biases_that_do_nothing_are_named(make, expected):
    assert redundant_biases(make()) == expected


def test_what_is_named_changes_nothing_that_is_trained():
    model = sequential(layers.Conv2D(2, 3, name="conv"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1))
    assert redundant_biases(model) == ["conv"]
    x = np.random.default_rng(0).normal(size=(16, 6, 6, 1)).astype("float32")
    before = model(x, training=True)
    kernel, _ = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel, np.array([3.0, -5.0])])
    np.testing.assert_allclose(model(x, training=True), before, atol=1e-4)
