"""Layers that answer as Keras' own do, by operations that cost a CPU less.

TensorFlow fuses a dense layer to one operation of oneDNN, and has oneDNN do softmax. For a few rows that costs more
than the arithmetic (a dense layer of 64 inputs and 128 units: 13 microseconds, beside 4 for three plain operations),
and for 256 rows it saves nothing. Convolutions are oneDNN's either way, so there fusing is right.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


class Cast(keras.layers.Layer):
    """In the place of a layer that was folded: raw integers become floats as they did there."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The inputs in the layer's dtype; batch norm is called with a mask, so this must take one."""
        return keras.ops.cast(inputs, self.compute_dtype)


class PlainDense(keras.layers.Dense):
    """A dense layer that subtracts its second weight, which is the bias negated: a subtraction is not fused.

    x - (-b) is x + b to the last bit.
    """

    def set_weights(self, weights: list[Any]) -> None:
        """Kernel and bias as Keras' own layer has them."""
        kernel, bias = weights
        super().set_weights([kernel, -bias])

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's outputs."""
        return self.activation(keras.ops.subtract(keras.ops.matmul(inputs, self.kernel), self.bias))


class PlainConv2D(keras.layers.Conv2D):
    """A convolution that adds its bias as it is; Keras' own gives it four dimensions first."""

    def call(self, inputs: Any) -> Any:
        """The layer's outputs."""
        return self.activation(keras.ops.add(self.convolution_op(inputs, self.kernel), self.bias))


class PlainFlatten(keras.layers.Flatten):
    """Flattening to a width known beforehand; Keras' own asks each batch for its number of rows."""

    def call(self, inputs: Any) -> Any:
        """The inputs, [batch, width]."""
        sizes = inputs.shape[1:]
        return keras.ops.reshape(inputs, (-1, math.prod(sizes))) if all(sizes) else super().call(inputs)


def plain_kind(layer: Layer, *, folded: bool = False) -> type[Layer] | None:
    """The kind of layer that answers as this one does by plain operations, or None where there is none.

    Args:
        layer: A layer that has been built.
        folded: Whether it gets a bias if it has none.

    Returns:
        A kind with the same configuration and weights.
    """
    if layer.compute_dtype != "float32" or getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    if type(layer) is keras.layers.Flatten:
        return PlainFlatten
    # Others than a kernel and a bias come with quantised layers and low-rank adapters.
    if not folded and len(layer.weights) != 2:
        return None
    return {keras.layers.Dense: PlainDense, keras.layers.Conv2D: PlainConv2D}.get(type(layer))


def plain_softmax(x: Any) -> Any:
    """Softmax by way of its logarithm: the same numbers, not from oneDNN.

    For 32 rows of 10 classes that saved 0.16 of the 0.39 ms of CPU time of a small model's whole answer.
    """
    return keras.ops.exp(keras.ops.log_softmax(x))


def ends_in_softmax(layer: Layer) -> bool:
    """Whether a layer's activation is a softmax that `plain_softmax` can stand for."""
    softmax = getattr(layer, "activation", None) is keras.activations.softmax
    # In half precision a logarithm is too coarse.
    return softmax and type(layer) in (keras.layers.Dense, keras.layers.Activation) and layer.compute_dtype == "float32"
