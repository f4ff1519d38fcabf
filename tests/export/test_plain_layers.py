import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.export.folding.folding import fold

rng = np.random.default_rng(0)


def copied(*layers, shape):
    model = keras.Sequential([keras.Input(shape), *layers])
    # Biases begin as zeros, which would hide a wrong sign.
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    folding = fold(model)
    assert folding.folded == ()
    return model, folding.model


def operations(model, shape):
    graph = tf.function(model).get_concrete_function(tf.TensorSpec([None, *shape])).graph
    return {op.type for op in graph.get_operations()}


@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_a_dense_layer_subtracts(shape):
    model, copy = copied(keras.layers.Dense(7, "relu"), shape=shape)
    x = rng.normal(size=(9, *shape)).astype("float32")
    np.testing.assert_array_equal(copy(x), model(x))
    assert "Sub" in operations(copy, shape)
    assert not {"BiasAdd", "AddV2"} & operations(copy, shape)


def test_a_convolution_adds_its_bias_as_it_is():
    model, copy = copied(keras.layers.Conv2D(4, 3, padding="same", activation="relu"), shape=(6, 5, 3))
    x = rng.normal(size=(9, 6, 5, 3)).astype("float32")
    np.testing.assert_array_equal(copy(x), model(x))
    assert "Reshape" in operations(model, (6, 5, 3))
    assert "Reshape" not in operations(copy, (6, 5, 3))


def test_flattening_does_not_ask_for_the_number_of_rows():
    _, copy = copied(keras.layers.Flatten(), shape=(6, 5, 3))
    x = rng.normal(size=(9, 6, 5, 3)).astype("float32")
    np.testing.assert_array_equal(copy(x), x.reshape(9, -1))
    assert "Shape" not in operations(copy, (6, 5, 3))


def test_flattening_to_an_unknown_width():
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Flatten()])
    assert fold(model).model(np.zeros((2, 5, 3))).shape == (2, 15)


@pytest.mark.parametrize("last", [keras.layers.Dense(5, "softmax"), keras.layers.Activation("softmax")])
def test_softmax_goes_by_its_logarithm(last):
    model = keras.Sequential([keras.Input((5,)), last])
    folding = fold(model)
    assert folding.folded == ()
    x = np.array([[0, 1, 2, 3, 4], [-900, 0, 900, 0, 0], [50, 50, 50, 50, -50]], "float32")
    np.testing.assert_allclose(folding.model.predict(x, verbose=0), model.predict(x, verbose=0), atol=2e-7)
    assert {"LogSoftmax", "Exp"} <= operations(folding.model, (5,))


def test_half_precision_stays_as_it_is():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, "softmax", dtype="mixed_float16")])
    assert fold(model).model is model
