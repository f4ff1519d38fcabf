"""Layers that scale and shift, and layers that take that up, each beside what Keras computes."""

import keras
import numpy as np
import pytest
from folded import shaken

from kzoo.export.folding.affine import Affine, affine_kinds, affine_of, is_linear, passed_through, passing_kinds
from kzoo.export.folding.linear_layers import answer_of, linear_kinds, linear_of

layers = keras.layers
rng = np.random.default_rng(0)
MEAN, VARIANCE = [1.0, -2.0, 0.5, 3.0], [4.0, 0.25, 1e-20, 1.0]


def built(layer, *shape):
    """The layer with weights as a training leaves them, and rows that it takes."""
    layer.build((None, *shape))
    return shaken(layer), rng.normal(size=(3, *shape)).astype("float32")


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-4, atol=1e-4)


SCALING = {
    "batch norm": lambda: layers.BatchNormalization(epsilon=0.25),
    "batch norm that only normalises": lambda: layers.BatchNormalization(scale=False, center=False),
    "batch norm without a shift": lambda: layers.BatchNormalization(center=False),
    "batch norm without a scale": lambda: layers.BatchNormalization(scale=False),
    "batch norm of the last axis by its number": lambda: layers.BatchNormalization(axis=2),
    "normalisation": lambda: layers.Normalization(mean=MEAN, variance=VARIANCE),
    "normalisation backwards": lambda: layers.Normalization(mean=MEAN, variance=VARIANCE, invert=True),
    "normalisation of all by one": lambda: layers.Normalization(axis=None, mean=2.0, variance=9.0),
    "rescaling": lambda: layers.Rescaling(0.5, -3.0),
    "rescaling by channel": lambda: layers.Rescaling([1.0, 2.0, 3.0, -4.0], 1.0),
    "a shift by channel": lambda: layers.Rescaling(2.0, [1.0, 2.0, 3.0, 4.0]),
}


@pytest.mark.parametrize("name", SCALING)
def test_what_scales_and_shifts_each_channel_is_seen_as_that(name):
    layer, x = built(SCALING[name](), 5, 4)
    affine = affine_of(layer)
    assert type(layer) in affine_kinds()
    assert affine.scale.shape == affine.shift.shape and affine.scale.shape in ((1,), (4,))
    assert affine.scale.dtype == affine.shift.dtype == "float64"
    shifted = x + np.float32(MEAN)
    close(shifted * affine.scale + affine.shift, layer(shifted))


class OwnNorm(layers.BatchNormalization):
    """May do anything."""


NOT_SCALING = {
    "another axis": lambda: layers.BatchNormalization(axis=1),
    "a layer of one's own": lambda: OwnNorm(),
    "double precision": lambda: layers.BatchNormalization(dtype="float64"),
    "another layer": lambda: layers.LayerNormalization(),
    "a scale for each place": lambda: layers.Rescaling(np.ones((5, 1))),
    "a shift for each place": lambda: layers.Rescaling(1.0, np.ones((5, 4))),
    "a normalisation of another axis": lambda: layers.Normalization(
        axis=1, mean=MEAN + [0.0], variance=VARIANCE + [1.0]
    ),
}


@pytest.mark.parametrize("name", NOT_SCALING)
def test_what_does_something_else_is_not(name):
    assert affine_of(built(NOT_SCALING[name](), 5, 4)[0]) is None


def test_scales_that_do_not_fit_their_shifts_are_none():
    layer = layers.Rescaling([1.0, 2.0], [1.0, 2.0, 3.0])
    assert affine_of(layer) is None
    layer.scale = "large"
    assert affine_of(layer) is None


AFFINE = Affine(np.array([0.5, 2.0, 1.0]), np.array([1.0, 0.0, -2.0]))
PASSING = {
    "flatten": (layers.Flatten(), (4, 3)),
    "average": (layers.AveragePooling1D(2), (4, 3)),
    "average at a padded border": (layers.AveragePooling2D(2, 2, padding="same"), (5, 3, 3)),
    "global average": (layers.GlobalAveragePooling1D(), (4, 3)),
    "global average of maps": (layers.GlobalAveragePooling2D(keepdims=True), (4, 4, 3)),
    "maximum": (layers.MaxPooling1D(2), (4, 3)),
    "maximum at a padded border": (layers.MaxPooling2D(2, 2, padding="same"), (5, 3, 3)),
    "global maximum": (layers.GlobalMaxPooling1D(), (4, 3)),
    "global maximum of maps": (layers.GlobalMaxPooling2D(), (4, 4, 3)),
}


@pytest.mark.parametrize("name", PASSING)
def test_scaling_before_a_layer_is_scaling_behind_it(name):
    layer, shape = PASSING[name]
    x = rng.normal(size=(2, *shape)).astype("float32")
    behind, answer = passed_through(AFFINE, layer), np.asarray(layer(x))
    behind = behind.repeated(answer.shape[-1])
    assert type(layer) in passing_kinds()
    close(answer * behind.scale + behind.shift, layer(x * AFFINE.scale + AFFINE.shift))
    for scale in (-1.0, 0.0):
        other = passed_through(Affine(np.array([1.0, scale, 1.0]), AFFINE.shift), layer)
        assert (other is None) == ("maximum" in name), "the largest of what changes its sign is the smallest"


@pytest.mark.parametrize(
    "layer", [layers.ReLU(), layers.Dense(2), layers.GlobalAveragePooling1D(data_format="channels_first")]
)
def test_scaling_does_not_pass_through_other_layers(layer):
    assert passed_through(AFFINE, layer) is None


def test_scales_of_flattened_maps_come_again_and_again():
    found = AFFINE.repeated(6)
    assert found.scale.tolist() == [0.5, 2.0, 1.0] * 2 and found.shift.tolist() == [1.0, 0.0, -2.0] * 2
    assert AFFINE.repeated(4) is None


LINEAR = {
    "dense": (lambda **o: layers.Dense(3, **o), (4, 2)),
    "convolution of a row": (lambda **o: layers.Conv1D(3, 2, **o), (6, 2)),
    "causal convolution": (lambda **o: layers.Conv1D(3, 3, padding="causal", dilation_rate=2, **o), (6, 2)),
    "strided convolution": (lambda **o: layers.Conv2D(3, 2, strides=2, **o), (5, 6, 2)),
    "padded convolution": (lambda **o: layers.Conv2D(3, 3, padding="same", **o), (5, 6, 2)),
    "dilated convolution": (lambda **o: layers.Conv2D(3, 2, dilation_rate=(1, 2), **o), (5, 6, 2)),
    "convolution of a block": (lambda **o: layers.Conv3D(3, 2, **o), (3, 3, 3, 2)),
    "depthwise": (lambda **o: layers.DepthwiseConv2D((2, 1), strides=2, depth_multiplier=3, **o), (5, 6, 2)),
    "separable": (lambda **o: layers.SeparableConv2D(3, 2, padding="same", **o), (5, 6, 2)),
    "transposed": (lambda **o: layers.Conv2DTranspose(3, 2, strides=2, output_padding=1, **o), (3, 4, 2)),
}


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_layer_takes_up_what_is_behind_it(name, use_bias):
    make, shape = LINEAR[name]
    layer, x = built(make(use_bias=use_bias), *shape)
    assert type(layer) in linear_kinds() and is_linear(layer)
    linear, answer = linear_of(layer), np.asarray(layer(x))
    channels = answer.shape[-1]
    close(answer_of(linear)(x), answer)
    each = Affine(np.linspace(-1, 2, channels), np.linspace(3, 5, channels))
    for affine in (each, Affine(np.array([-2.0]), np.array([3.0]))):
        close(answer_of(linear.then(affine))(x), answer * affine.scale + affine.shift)
    assert linear.then(Affine(np.ones(channels + 1), np.ones(channels + 1))) is None


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_layer_takes_up_what_is_before_it_if_it_can(name):
    make, shape = LINEAR[name]
    layer, x = built(make(activation="tanh"), *shape)
    linear = linear_of(layer)
    assert not is_linear(layer)
    shifting, scaling = (Affine(np.array([0.5, -2.0]), np.array(shift)) for shift in ([1.0, 3.0], [0.0, 0.0]))
    padded = name in ("causal convolution", "padded convolution")
    for affine, possible in ((shifting, not padded), (scaling, True)):
        folded = linear.after(affine)
        if name in ("depthwise", "separable", "transposed") or not possible:
            assert folded is None
        else:
            close(answer_of(folded)(x), layer(x * affine.scale + affine.shift))
    assert linear.after(Affine(np.ones(3), np.ones(3))) is None


NOT_LINEAR = {
    "channels first": lambda: layers.Conv2D(3, 2, data_format="channels_first"),
    "groups": lambda: layers.Conv2D(2, 2, groups=2),
    "double precision": lambda: layers.Conv2D(3, 2, dtype="float64"),
    "half precision of its weights": lambda: layers.Conv2D(3, 2, dtype="float16"),
    "another layer": lambda: layers.ReLU(),
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_no_plain_kernel_is_left(name):
    layer = NOT_LINEAR[name]()
    layer.build((None, 2, 4, 2) if name == "channels first" else (None, 4, 4, 2))
    assert linear_of(layer) is None


def test_a_low_rank_adapter_is_left():
    layer, _ = built(layers.Dense(3), 4)
    layer.enable_lora(2)
    assert linear_of(layer) is None
