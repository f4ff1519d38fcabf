import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from folded import answers, folded, shaken

import kzoo
from kzoo.export import exporter
from kzoo.export.folding import folding as folding_module
from kzoo.export.folding import verified_folding
from kzoo.export.inference.runner import Runner
from kzoo.export.layout import CARD
from kzoo.export.traced import trace

rng = np.random.default_rng(0)


def assert_same(model, folding, x):
    expected, found = model.predict(x, verbose=0), answers(folding, x)
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


def rows(*shape):
    return rng.normal(size=(9, *shape)).astype("float32")


def functional(shape, body):
    inputs = keras.Input(shape)
    return shaken(keras.Model(inputs, body(inputs)))


@pytest.mark.parametrize("name", LAYERS)
def test_before_the_activation(name):
    parts = [LAYERS[name](), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Flatten()]
    model = shaken(keras.Sequential([keras.Input((8, 8, 3)), *parts, keras.layers.Dense(2)]))
    folding = folded(model, IMAGES)
    assert len(folding.folded) == 1
    assert model.layers[1] in folding.traced.replacements, "it is this graph that has it folded"
    assert folding.reason == ""
    assert_same(model, folding, IMAGES)


def test_after_the_activation_goes_into_the_next_layer():
    def body(inputs):
        x = keras.layers.Dense(7, activation="relu")(inputs)
        x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
        return keras.layers.Dense(3, activation="softmax")(x)

    model, x = functional((5,), body), rows(5)
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


@pytest.mark.parametrize(
    ("shape", "convolution"),
    [
        ((9, 8, 3), lambda **options: keras.layers.Conv2D(4, 3, **options)),
        ((9, 3), lambda **options: keras.layers.Conv1D(4, 3, **options)),
        ((5, 5, 5, 2), lambda **options: keras.layers.Conv3D(3, 2, **options)),
    ],
)
def test_convolutions_without_padding_take_up_what_is_before_and_behind_them(shape, convolution):
    layers = keras.layers
    model = shaken(
        keras.Sequential(
            [
                keras.Input(shape),
                layers.Rescaling(0.1, 0.2),
                convolution(),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.BatchNormalization(),
                convolution(activation="relu"),
                layers.Flatten(),
            ]
        )
    )
    x = 30 * rows(*shape)
    folding = folded(model, x)
    assert len(folding.folded) == 3
    assert_same(model, folding, x)


def test_causal_padding_is_kept():
    parts = [keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=2), keras.layers.BatchNormalization()]
    model, x = shaken(keras.Sequential([keras.Input((8, 3)), *parts])), rows(8, 3)
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_padding_does_not_take_up_a_shift(padding):
    last = keras.layers.Conv1D(4, 3, padding=padding)
    model = shaken(
        keras.Sequential([keras.Input((8, 3)), keras.layers.ReLU(), keras.layers.BatchNormalization(), last])
    )
    folding = folded(model, rows(8, 3))
    assert folding.folded == ()
    assert "no layer beside batch_normalization" in folding.reason


def test_a_maximum_does_not_pass_a_scale_that_changes_signs():
    parts = [keras.layers.BatchNormalization(), keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(2)]
    model, x = shaken(keras.Sequential([keras.Input((8, 3)), keras.layers.ReLU(), *parts])), rows(8, 3)
    gamma = model.layers[1].gamma
    gamma.assign([1.0, -1.0, 2.0])
    assert folded(model, x).folded == ()
    gamma.assign([1.0, 0.5, 2.0])
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


@pytest.mark.parametrize("behind", [True, False])
def test_two_in_a_row_reach_the_layer_beside_them(behind):
    norms, dense = [keras.layers.BatchNormalization(), keras.layers.BatchNormalization()], keras.layers.Dense(4)
    layers = [dense, *norms] if behind else [keras.layers.ReLU(), *norms, dense]
    model, x = shaken(keras.Sequential([keras.Input((5,)), *layers])), rows(5)
    folding = folded(model, x)
    assert len(folding.folded) == 2
    assert_same(model, folding, x)


def norm_of_dense(inputs):
    return keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))


class Undescribed(keras.layers.Layer):
    """Cannot be made again from a configuration."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)

    def get_config(self):
        raise NotImplementedError


OPERATIONS = {
    "an operator": lambda x: norm_of_dense(x * 2.0),
    "a function": lambda x: norm_of_dense(keras.ops.sigmoid(keras.ops.concatenate([x, x + 1], axis=-1))),
    "an operation behind": lambda x: keras.ops.abs(norm_of_dense(x)) - 1,
    "a lambda": lambda x: norm_of_dense(keras.layers.Lambda(lambda v: v * 3)(x)),
    "a layer without a configuration": lambda x: norm_of_dense(Undescribed(keras.ops.sin)(x)),
    "a layer that scales beside one that is folded": lambda x: keras.layers.Rescaling(2.0)(
        keras.layers.ReLU()(norm_of_dense(x))
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_operation_does_not_cost_all_folding(name):
    model, x = functional((5,), OPERATIONS[name]), rows(5)
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert folding.folded[0].startswith("batch_normalization")
    assert_same(model, folding, x)


def test_masks_stay():
    inputs = keras.Input((5,), dtype="int32")
    hidden = norm_of_dense(keras.layers.Embedding(9, 4, mask_zero=True)(inputs))
    model = shaken(keras.Model(inputs, keras.layers.LSTM(3)(hidden)))
    x = rng.integers(0, 9, (20, 5)).astype("int32")
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


def test_an_output_that_two_layers_take_is_left():
    def body(inputs):
        hidden = keras.layers.Dense(5)(inputs)
        return keras.layers.Add()([keras.layers.BatchNormalization()(hidden), hidden])

    assert folded(functional((5,), body), rows(5)).folded == ()


def test_an_output_that_is_the_models_too_is_left():
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(5)(inputs)
    model = shaken(keras.Model(inputs, [hidden, keras.layers.BatchNormalization()(hidden)]))
    x = rows(5)
    folding = folded(model, x)
    assert folding.folded == ()
    for found, expected in zip(folding.traced.answers({"inputs": x}).values(), model(x), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_shared_layer_is_folded_only_where_all_its_calls_allow_it():
    dense, norm = keras.layers.Dense(4), keras.layers.BatchNormalization()
    x = rows(5)
    both = functional((5,), lambda i: norm(dense(i)) - norm(dense(i * 2)))
    folding = folded(both, x)
    assert len(folding.folded) == 1
    assert_same(both, folding, x)
    one = functional((5,), lambda i: norm(dense(i)) - dense(i * 2))
    folding = folded(one, x)
    assert folding.folded == ()
    assert_same(one, folding, x)


def test_a_layer_that_another_layer_uses_too_is_left():
    dense = keras.layers.Dense(4)
    model, x = functional((5,), lambda i: keras.layers.BatchNormalization()(dense(i)) + Undescribed(dense)(i)), rows(5)
    folding = folded(model, x)
    assert folding.folded == ()
    assert_same(model, folding, x)


def test_a_model_that_is_called_twice_is_folded_inside():
    inner = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.ReLU()])
    model, x = functional((5,), lambda i: inner(i) - inner(i * 2)), rows(5)
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


class Subclassed(keras.Model):
    """Its layers are connected by its code alone."""

    def __init__(self, between=None, training=None):
        super().__init__()
        self.dense, self.norm, self.last = keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.ReLU()
        self.between, self.norms_as_in_training = between, training

    def call(self, inputs):
        hidden = self.dense(inputs)
        if self.between:
            self.between(hidden)
        return self.last(self.norm(hidden, training=self.norms_as_in_training))


def test_a_subclassed_model_is_folded_by_what_it_does():
    model, x = Subclassed(), rows(5)
    model(x)
    folding = folded(shaken(model), x)
    assert folding.folded == (model.norm.name,)
    assert_same(model, folding, x)


class Stack(keras.layers.Layer):
    """Calls a number what Keras calls a list."""

    def __init__(self):
        super().__init__()
        self.layers, self.parts = 2, ((keras.layers.Dense(4), keras.layers.BatchNormalization()),)

    def call(self, inputs):
        for dense, norm in self.parts * self.layers:
            inputs = norm(dense(inputs))
        return inputs


def test_a_layer_that_calls_something_else_its_layers():
    model, x = functional((4,), lambda i: norm_of_dense(Stack()(i))), rows(4)
    folding = folded(model, x)
    assert folding.folded
    assert_same(model, folding, x)


def test_an_assertion_about_what_would_be_folded_is_kept():
    model, x = Subclassed(lambda hidden: tf.debugging.assert_less(hidden, 1e4)), rows(5)
    model(x)
    folding = folded(shaken(model), x)
    assert folding.folded == ()
    assert_same(model, folding, x)


def test_batch_norm_in_training_mode_is_left():
    model, x = Subclassed(training=True), rows(5)
    model(x)
    assert folded(shaken(model), x).folded == ()


def test_what_only_training_needs_does_not_prevent_folding():
    def body(inputs):
        dense = keras.layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l1", kernel_constraint="non_neg")
        dense.trainable = False
        return keras.layers.BatchNormalization()(dense(inputs))

    model, x = functional((5,), body), rows(5)
    folding = folded(model, x)
    assert len(folding.folded) == 1
    assert_same(model, folding, x)


def test_the_model_itself_is_not_changed():
    model, x = functional((5,), norm_of_dense), rows(5)
    before, own, attributes = model.get_weights(), model(x), [set(vars(layer)) for layer in model.layers]
    folded(model, x)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(model(x), own)
    assert [set(vars(layer)) for layer in model.layers] == attributes
    assert [layer.output.shape for layer in model.layers[1:]] == [(None, 4), (None, 4)]  # each was called once


def test_what_cannot_be_folded_is_exported_as_it_is(monkeypatch):
    model, x = functional((5,), lambda i: keras.layers.Dense(2)(keras.layers.ReLU()(norm_of_dense(i)))), rows(5)
    monkeypatch.setattr(verified_folding, "Dataflow", lambda *_: 1 / 0)
    folding = folded(model, x)
    assert (folding.folded, folding.reason) == ((), "folding failed: ZeroDivisionError: division by zero")
    assert_same(model, folding, x)


def test_a_layer_that_raises_costs_only_its_own_folding(monkeypatch):
    model = functional((5,), lambda i: norm_of_dense(keras.layers.ReLU()(norm_of_dense(i))))
    first, second = (layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    affine_of = folding_module.affine_of
    monkeypatch.setattr(folding_module, "affine_of", lambda layer: 1 / 0 if layer is first else affine_of(layer))
    x = rows(5)
    folding = folded(model, x)
    assert folding.folded == (second.name,)
    assert folding.reason == f"{first.name} cannot be folded: ZeroDivisionError: division by zero"
    assert_same(model, folding, x)


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


def test_folding_that_the_gate_refuses_is_left_out(tmp_path, monkeypatch):
    model, x = functional((5,), norm_of_dense), rows(5)
    dense = model.layers[1]

    def coarse(*given):
        wrong = {dense: lambda inputs, *args, **kwargs: keras.ops.matmul(inputs, dense.kernel) + dense.bias + 0.001}
        return verified_folding.Folding(trace(*given[:2], wrong), ("a layer",))

    monkeypatch.setattr(exporter, "fold_model", coarse)
    version = kzoo.export_model(model, tmp_path / "m", examples=x)
    card = json.loads((version / CARD).read_text())
    assert card["folded"] == []
    assert card["not_folded"].startswith("folded, it was refused: The export would not serve")
    with Runner(version) as runner:
        np.testing.assert_allclose(runner.run("numeric", {"inputs": x})["outputs"], model(x), atol=1e-6)
    assert kzoo.check(version) == {version: []}
