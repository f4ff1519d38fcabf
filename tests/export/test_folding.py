import keras
import numpy as np
import pytest

import kzoo
from kzoo.export.folding.folding import fold
from kzoo.export.inference.runner import Runner

rng = np.random.default_rng(0)


def shaken(model):
    """The model with batch-norm statistics and weights as a training leaves them, not as they begin."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            values = [rng.uniform(0.5, 2, weight.shape) * rng.choice([-1, 1], weight.shape) for weight in layer.weights]
            values[-1] = np.abs(values[-1])
            layer.set_weights(values)
    return model


def assert_same(model, folding, x):
    expected, found = model.predict(x, verbose=0), folding.model.predict(x, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


IMAGES = rng.normal(size=(9, 8, 8, 3)).astype(np.float32)
LAYERS = {
    "dense": lambda: keras.layers.Dense(6),
    "convolution": lambda: keras.layers.Conv2D(6, 3, use_bias=False),
    "strided": lambda: keras.layers.Conv2D(6, 3, strides=2, padding="same"),
    "depthwise": lambda: keras.layers.DepthwiseConv2D(3, depth_multiplier=2),
    "separable": lambda: keras.layers.SeparableConv2D(6, 3),
    "transposed": lambda: keras.layers.Conv2DTranspose(6, 3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_before_the_activation(name):
    parts = [LAYERS[name](), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Flatten()]
    model = shaken(keras.Sequential([keras.Input((8, 8, 3)), *parts, keras.layers.Dense(2)]))
    folding = fold(model)
    assert len(folding.folded) == 1
    assert_same(model, folding, IMAGES)


def test_after_the_activation_goes_into_the_next_layer():
    inputs = keras.Input((5,))
    x = keras.layers.Dense(7, activation="relu")(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    model = shaken(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x)))
    folding = fold(model)
    assert len(folding.folded) == 1
    assert_same(model, folding, rng.normal(size=(9, 5)).astype(np.float32))


def test_padding_does_not_take_up_a_shift():
    parts = [keras.layers.ReLU(), keras.layers.BatchNormalization(), keras.layers.Conv2D(4, 3, padding="same")]
    model = shaken(keras.Sequential([keras.Input((8, 8, 3)), *parts]))
    assert fold(model).folded == ()


def test_an_output_that_two_layers_take_is_left():
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(5)(inputs)
    joined = keras.layers.Add()([keras.layers.BatchNormalization()(hidden), hidden])
    model = shaken(keras.Model(inputs, joined))
    assert fold(model).folded == ()


def test_the_model_itself_is_not_changed():
    model = shaken(keras.Sequential([keras.Input((5,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]))
    before = model.get_weights()
    fold(model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_that_does_not_say_how_it_is_connected():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.norm = keras.layers.Dense(3), keras.layers.BatchNormalization()

        def call(self, inputs):
            return self.norm(self.dense(inputs))

    model = Own()
    model(np.zeros((2, 4), np.float32))
    folding = fold(model)
    assert folding.model is model
    assert folding.reason


@pytest.mark.parametrize("fold_it", [True, False])
def test_an_export_is_folded_unless_told_otherwise(tmp_path, fold_it):
    data = kzoo.load_dataset("wine")
    keras.utils.set_random_seed(1)
    model = shaken(kzoo.create_model("mlp", data.task, units=16))
    path = kzoo.export_model(model, tmp_path, task=data.task, examples=data.x_train, fold=fold_it)
    with Runner(path) as runner:
        # Folding is verified on the examples; the sums of other rows round in their own way.
        for rows, tolerance in ((data.x_train, 2e-6), (data.x_test, 5e-6)):
            answer = runner.run("numeric", {"inputs": rows})["probabilities"]
            np.testing.assert_allclose(answer, model.predict(rows, verbose=0), atol=tolerance)
    graph = (path / "saved_model.pb").read_bytes()
    assert (b"batchnorm" in graph) is not fold_it
