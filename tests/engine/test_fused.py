"""Batch norm as one operation gives what Keras gives, and leaves the model as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuners.engine.fused import fused_normalization


def small(channels=8, **options):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            layers.Conv2D(channels, 3, kernel_initializer=keras.initializers.GlorotNormal(1)),
            layers.BatchNormalization(momentum=0.8, name="norm", **options),
            layers.Activation("tanh"),
        ]
    )


def nested():
    inner = small()
    inputs = keras.Input((5, 5, 2))
    return keras.Model(inputs, keras.layers.Flatten()(inner(inputs)))


def traced(model, *, fused, x, training=True):
    """Outputs, gradients and what became of the moving statistics, and the names of the operations."""

    def step(batch):
        with tf.GradientTape() as tape:
            outputs = model(batch, training=training)
            loss = tf.reduce_sum(outputs**3)
        return outputs, tape.gradient(loss, model.trainable_weights)

    function = tf.function(step, autograph=False)
    if fused:
        with fused_normalization(model):
            concrete = function.get_concrete_function(x)
    else:
        concrete = function.get_concrete_function(x)
    outputs, gradients = concrete(tf.constant(x))
    names = {operation.type for operation in concrete.graph.get_operations()}
    return [outputs.numpy(), *(g.numpy() for g in gradients), *map(np.asarray, model.non_trainable_weights)], names


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(3, 2, (7, 5, 5, 2)).astype(np.float32)


@pytest.mark.parametrize("build", [small, lambda: small(scale=False), lambda: small(center=False), nested])
def test_outputs_gradients_and_statistics_are_those_of_keras(build, x):
    expected, plain = traced(build(), fused=False, x=x)
    found, names = traced(build(), fused=True, x=x)
    assert "FusedBatchNormV3" in names and "FusedBatchNormV3" not in plain
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=2e-4, atol=2e-4)


def frozen():
    model = small()
    model.get_layer("norm").trainable = False
    return model


class Own(keras.layers.BatchNormalization):
    pass


def of_a_subclass():
    return keras.Sequential([keras.Input((5, 5, 2)), keras.layers.Conv2D(8, 3), Own()])


def of_rows():
    return keras.Sequential([keras.Input((5, 5, 2)), keras.layers.Flatten(), keras.layers.BatchNormalization()])


@pytest.mark.parametrize(
    "build", [lambda: small(channels=6), lambda: small(renorm=True), frozen, of_a_subclass, of_rows]
)
def test_what_the_kernel_would_do_otherwise_stays_with_keras(build, x):
    _, names = traced(build(), fused=True, x=x)
    assert "FusedBatchNormV3" not in names


def test_outside_training_the_statistics_stay(x):
    model = small()
    before = [np.asarray(each) for each in model.non_trainable_weights]
    traced(model, fused=True, x=x, training=False)
    for left, right in zip(before, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(left, np.asarray(right))


def test_the_model_is_as_it_was_also_after_an_error(x):
    model = small()
    with pytest.raises(KeyError), fused_normalization(model):
        assert "call" in vars(model.get_layer("norm"))
        raise KeyError
    assert "call" not in vars(model.get_layer("norm"))
    _, names = traced(model, fused=False, x=x)
    assert "FusedBatchNormV3" not in names
