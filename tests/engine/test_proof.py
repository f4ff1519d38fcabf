"""An engine is tried on a few examples before it is used, and what differs is not trained by it."""

import keras
import numpy as np
import pytest
from engine_faults import FAULTS
from side_by_side import assert_equal, assert_same, trained

from tuners.engine.numpy_engine import activations
from tuners.engine.numpy_engine.engine import NumpyTrainer

layers = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 6)).astype(np.float32)
Y = np.arange(40, dtype=np.int32) % 3


def build(activation="relu", metrics=("accuracy",), optimizer=None):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation=activation),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer or keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


def relu6(x):
    return keras.ops.clip(x, 0, 0.3)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_the_model_is_trained_by_fit(name, monkeypatch):
    FAULTS[name](monkeypatch)
    y = np.eye(3, dtype=np.float32)[Y]

    def one_hot():
        model = build(metrics=())
        model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["mse"])
        return model

    given = dict(epochs=2, validation_data=(X, y))
    found = trained("numpy", one_hot, X, y, **given)
    assert found.use.engine == "fit"
    assert found.use.refusals["numpy"].startswith("tried on a few examples, ")
    monkeypatch.undo()
    assert_equal(trained("fit", one_hot, X, y, **given), found)


def test_without_a_fault_nothing_is_found():
    def undropped():
        model = build()
        model.layers[2].rate = 0.0
        return model

    assert_same(undropped, X, Y, engines=["graph", "numpy"], epochs=2, validation_data=(X, Y))


def test_a_step_that_makes_much_of_rounding_is_no_fault():
    # The bias has no influence behind it, so that its gradients are what rounding leaves, and Adam's steps as long.
    def with_a_bias():
        return build(optimizer=keras.optimizers.Adam(0.5, epsilon=1e-12), metrics=())

    assert trained("numpy", with_a_bias, X, Y).use.engine == "numpy"
    assert trained("graph", with_a_bias, X, Y).use.engine == "graph"


class Counts(layers.Layer):
    """Counts its calls where Keras does not see it, and scales by the count."""

    def __init__(self, **options):
        super().__init__(**options)
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs * (1.0 + 0.1 * self.calls)


def test_what_a_layer_keeps_to_itself_is_not_moved_on():
    def counting():
        inputs = keras.Input((6,))
        model = keras.Model(inputs, layers.Dense(3, activation="softmax")(Counts()(inputs)))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    found = trained("auto", counting, X, Y, epochs=2)
    assert_equal(trained("fit", counting, X, Y, epochs=2), found)


class Drawn(layers.Layer):
    """Draws from the generator that the whole process has."""

    def call(self, inputs):
        import tensorflow as tf

        return inputs + tf.random.normal(tf.shape(inputs))


def test_random_numbers_that_do_not_come_again_are_left_to_fit():
    def noisy():
        inputs = keras.Input((6,))
        model = keras.Model(inputs, layers.Dense(3, activation="softmax")(Drawn()(inputs)))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    found = trained("auto", noisy, X, Y)
    assert found.use.engine == "fit"
    assert "tried on a few examples" in found.use.refusals["graph"]


def test_an_activation_of_the_users_with_the_name_of_one_of_keras():
    def relu(x):
        return keras.ops.clip(x, 0, 0.3)

    found = trained("auto", lambda: build(relu), X, Y)
    assert found.use.engine == "graph"
    assert "has the activation relu" in found.use.refusals["numpy"]
    assert activations.ACTIVATIONS[keras.activations.relu].value(np.float32([2.0]))[0] == 2


def test_what_overflows_is_compared_too():
    def diverging():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    found = trained("numpy", diverging, X * 1e20, Y)
    assert found.use.engine == "numpy", found.use.refusals
    assert not np.isfinite(found.epochs[0]["loss"])


@pytest.mark.parametrize("rows", [range(16), range(40)], ids=["of the first examples", "of all"])
def test_a_number_that_is_off_is_a_fault_where_it_is_off_again_on_other_examples(rows, monkeypatch):
    train = NumpyTrainer.train

    def off(self, order):
        found = train(self, order)
        if len(order) <= 16 and order[0] in rows:
            self._network.vector[3] += 0.01
        return found

    monkeypatch.setattr(NumpyTrainer, "train", off)

    def wide():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(400, "relu"), layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        return model

    found = trained("numpy", wide, X, Y, batch_size=32)
    if len(rows) == 16:
        assert found.use.engine == "numpy", found.use.refusals
    else:
        assert "kernel off by 0.01" in found.use.refusals["numpy"]


def test_a_fault_that_is_large_on_the_first_examples_needs_no_others(monkeypatch):
    train = NumpyTrainer.train

    def off(self, order):
        found = train(self, order)
        self._network.vector[:] += 0.01 * (order[0] == 0)
        return found

    monkeypatch.setattr(NumpyTrainer, "train", off)
    assert "off by" in trained("numpy", build, X, Y).use.refusals["numpy"]


def test_a_weight_whose_gradient_is_all_but_zero_may_go_either_way(monkeypatch):
    train = NumpyTrainer.train
    x = np.concatenate([X, np.float32(1e-9) * X[:, :1]], axis=1)

    def turned(self, order):
        found = train(self, order)
        # Adam's step is as long as any however small the gradient; here it goes the other way.
        kernel = self._network.vector[: 7 * 400].reshape(7, 400)
        before = self._model.get_weights()[0]
        kernel[turned.row, 5] = 2 * before[turned.row, 5] - kernel[turned.row, 5]
        return found

    monkeypatch.setattr(NumpyTrainer, "train", turned)

    def wide():
        model = keras.Sequential([keras.Input((7,)), layers.Dense(400, "tanh"), layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.01, epsilon=1e-14), "sparse_categorical_crossentropy")
        return model

    turned.row = 6
    assert trained("numpy", wide, x, Y).use.engine == "numpy"
    turned.row = 0
    assert "kernel off by 0.02 of 0.01" in trained("numpy", wide, x, Y).use.refusals["numpy"]
