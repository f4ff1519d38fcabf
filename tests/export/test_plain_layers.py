import keras
import numpy as np
import pytest
import tensorflow as tf
from folded import answers, folded, shaken

from kzoo.export.folding.plain_layers import plain_answer, plain_kinds

rng = np.random.default_rng(0)


def plain(*layers, shape):
    """A model, its folding, and rows."""
    model = keras.Sequential([keras.Input(shape), *layers])
    # Biases begin as zeros, which would hide a wrong sign.
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    x = rng.normal(size=(9, *shape)).astype("float32")
    folding = folded(model, x)
    assert (folding.folded, folding.reason) == ((), "no layer can take up a batch norm or normalisation")
    return model, folding, x


def operations(model, shape):
    graph = tf.function(model).get_concrete_function(tf.TensorSpec([None, *shape])).graph
    return {op.type for op in graph.get_operations()}


def operations_of(folding):
    return {op.type for op in folding.traced.function.graph.get_operations()}


@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_a_dense_layer_subtracts(shape):
    model, folding, x = plain(keras.layers.Dense(7, "relu"), shape=shape)
    np.testing.assert_allclose(answers(folding, x), model(x), atol=1e-6)
    assert "Sub" in operations_of(folding)
    assert not {"BiasAdd", "AddV2"} & operations_of(folding)


def test_a_convolution_adds_its_bias_as_it_is():
    model, folding, x = plain(keras.layers.Conv2D(4, 3, padding="same", activation="relu"), shape=(6, 5, 3))
    np.testing.assert_allclose(answers(folding, x), model(x), atol=1e-5)
    assert "Reshape" in operations(model, (6, 5, 3))
    assert "Reshape" not in operations_of(folding)


def test_flattening_does_not_ask_for_the_number_of_rows():
    _, folding, x = plain(keras.layers.Flatten(), shape=(6, 5, 3))
    np.testing.assert_array_equal(answers(folding, x), x.reshape(9, -1))
    assert "Shape" not in operations_of(folding)


def test_flattening_to_an_unknown_width():
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Flatten()])
    folding = folded(model, np.zeros((2, 5, 3)))
    assert answers(folding, np.zeros((2, 4, 3), "float32")).shape == (2, 12)
    assert len(folding.traced.replacements) == 1, "the next batch may be of a width that is known"


@pytest.mark.parametrize("last", [keras.layers.Dense(5, "softmax"), keras.layers.Activation("softmax")])
def test_softmax_goes_by_its_logarithm(last):
    x = np.array([[0, 1, 2, 3, 4], [-900, 0, 900, 0, 0], [50, 50, 50, 50, -50]], "float32")
    model = keras.Sequential([keras.Input((5,)), last])
    folding = folded(model, x)
    assert folding.folded == ()
    np.testing.assert_allclose(answers(folding, x), model.predict(x, verbose=0), atol=2e-7)
    assert {"LogSoftmax", "Exp"} <= operations_of(folding)


def test_half_precision_stays_as_it_is():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, "softmax", dtype="mixed_float16")])
    folding = folded(model, np.ones((2, 5), "float32"))
    assert folding.traced.rounding == 1e-2
    assert "LogSoftmax" not in operations_of(folding)
    assert folding.traced.replacements == {}


L = keras.layers
PLAIN = {
    "dense": (lambda: L.Dense(3), (4,)),
    "dense with an activation": (lambda: L.Dense(3, "tanh"), (2, 4)),
    "classifier": (lambda: L.Dense(3, "softmax"), (4,)),
    "convolution": (lambda: L.Conv2D(3, 2, strides=2, activation="relu"), (4, 5, 2)),
    "flatten": (lambda: L.Flatten(), (4, 3)),
    "softmax": (lambda: L.Activation("softmax"), (4,)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_operations_answer_as_the_layer_does(name):
    make, shape = PLAIN[name]
    layer = make()
    layer.build((None, *shape))
    shaken(layer)
    x = rng.normal(size=(3, *shape)).astype("float32")
    assert type(layer) in plain_kinds()
    np.testing.assert_allclose(plain_answer(layer)(x), layer(x), atol=1e-5)


class OwnDense(L.Dense):
    """May do anything."""


LEFT = {
    "half precision": (lambda: L.Dense(3, dtype="float16"), (4,)),
    "double precision": (lambda: L.Flatten(dtype="float64"), (4,)),
    "channels first": (lambda: L.Flatten(data_format="channels_first"), (4, 3)),
    "another activation": (lambda: L.Activation("relu"), (4,)),
    "a layer without a bias": (lambda: L.Dense(3, use_bias=False), (4,)),
    "another layer with two weights": (lambda: L.LayerNormalization(), (4,)),
    "a layer of one's own": (lambda: OwnDense(3), (4,)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_unusual_or_has_nothing_to_gain_is_left(name):
    make, shape = LEFT[name]
    layer = make()
    layer.build((None, *shape))
    assert plain_answer(layer) is None


def test_a_low_rank_adapter_stays():
    layer = L.Dense(3)
    layer.build((None, 4))
    layer.enable_lora(2)
    assert plain_answer(layer) is None
