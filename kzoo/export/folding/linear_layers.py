"""Dense layers and convolutions as what they are, a kernel and a bias, which take up scales and shifts of channels."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.folding.affine import Affine
from kzoo.export.folding.plain_layers import plain_convolution, plain_dense
from kzoo.export.folding.replacing import Answer
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


@dataclasses.dataclass(frozen=True)
class Linear:
    """A layer's weights while scales and shifts are folded into them.

    Attributes:
        layer: The layer.
        kernels: Its kernels, float64; the last one makes the output (a separable convolution has two).
        bias: Its bias, float64 [channels of the output]; zeros where it has none.
    """

    layer: Layer
    kernels: tuple[np.ndarray, ...]
    bias: np.ndarray

    def then(self, affine: Affine) -> Linear | None:
        """The layer and a scale and shift of its outputs, as one layer; None where that is not possible."""
        if len(affine.scale) not in (1, len(self.bias)):
            return None
        *first, last = self.kernels
        scale = np.resize(affine.scale, len(self.bias))
        folded = last * _output_scale(self.layer, scale, last)
        return dataclasses.replace(self, kernels=(*first, folded), bias=self.bias * scale + affine.shift)

    def after(self, affine: Affine) -> Linear | None:
        """A scale and shift of the layer's inputs and the layer, as one layer; None where that is not possible.

        Zeros that a convolution pads with are not shifted, so that only unpadded ones can take up a shift.
        """
        if type(self.layer) not in _takes_inputs():
            return None
        (kernel,) = self.kernels
        inputs = affine.repeated(kernel.shape[-2])
        padded = getattr(self.layer, "padding", "valid") != "valid"
        if inputs is None or (padded and inputs.shift.any()):
            return None
        # Every position of a kernel adds its share of the shift.
        bias = self.bias + inputs.shift @ kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0)
        return dataclasses.replace(self, kernels=(kernel * inputs.scale[:, None],), bias=bias)


def linear_of(layer: Layer) -> Linear | None:
    """A layer's kernels and bias, or None where it is no dense layer or convolution with channels last."""
    if type(layer) not in linear_kinds() or getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    if getattr(layer, "groups", 1) != 1 or layer.variable_dtype != "float32":
        return None
    weights = [np.asarray(weight, "float64") for weight in layer.get_weights()]
    kernels = 2 if type(layer) is keras.layers.SeparableConv2D else 1
    # Others than these weights come with quantised layers and low-rank adapters.
    if len(weights) != kernels + layer.use_bias:
        return None
    bias = weights[kernels] if layer.use_bias else np.zeros(_output_channels(layer, weights[kernels - 1]))
    return Linear(layer, tuple(weights[:kernels]), bias)


def linear_kinds() -> tuple[type, ...]:
    """Layers that take up scales and shifts."""
    layers = keras.layers
    return (*_takes_inputs(), layers.DepthwiseConv2D, layers.Conv2DTranspose, layers.SeparableConv2D)


def _takes_inputs() -> tuple[type, ...]:
    """Layers whose kernel has the inputs' channels before the outputs'."""
    layers = keras.layers
    return (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)


def answer_of(linear: Linear) -> Answer:
    """What answers in the place of a layer, with the kernels and bias that it has become."""
    layer, kernels, bias = linear.layer, [_variable(kernel) for kernel in linear.kernels], linear.bias
    if type(layer) is keras.layers.Dense:
        return plain_dense(layer, kernels[0], _variable(-bias))
    return plain_convolution(layer, _product(layer), kernels, _variable(bias))


def _product(layer: Layer) -> Callable[..., Any]:
    """A convolution as a function of its inputs and kernels."""
    products = {
        keras.layers.DepthwiseConv2D: keras.ops.depthwise_conv,
        keras.layers.SeparableConv2D: keras.ops.separable_conv,
        keras.layers.Conv2DTranspose: keras.ops.conv_transpose,
    }
    causal = layer.padding == "causal"
    options = {"output_padding": layer.output_padding} if type(layer) is keras.layers.Conv2DTranspose else {}
    product = functools.partial(
        products.get(type(layer), keras.ops.conv),
        strides=layer.strides,
        padding="valid" if causal else layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format="channels_last",
        **options,
    )
    if not causal:
        return product
    earlier = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
    return lambda inputs, kernel: product(keras.ops.pad(inputs, [[0, 0], [earlier, 0], [0, 0]]), kernel)


def _variable(values: np.ndarray) -> tf.Variable:
    return tf.Variable(values.astype("float32"), trainable=False)


def _output_scale(layer: Layer, scale: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The scale of the output's channels in the shape in which the kernel has them."""
    if type(layer) is keras.layers.DepthwiseConv2D:
        return scale.reshape(kernel.shape[-2:])
    if type(layer) is keras.layers.Conv2DTranspose:
        return scale[:, None]
    return scale


def _output_channels(layer: Layer, kernel: np.ndarray) -> int:
    if type(layer) is keras.layers.DepthwiseConv2D:
        return int(kernel.shape[-2] * kernel.shape[-1])
    return int(kernel.shape[-2 if type(layer) is keras.layers.Conv2DTranspose else -1])
