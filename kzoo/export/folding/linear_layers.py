"""Dense layers and convolutions as what they are, a kernel and a bias, which take up scales and shifts of channels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kzoo.export.folding.affine import Affine
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
        bias = self.bias + np.einsum("...io,i->o", kernel, inputs.shift)
        return dataclasses.replace(self, kernels=(kernel * inputs.scale[:, None],), bias=bias)

    def weights(self) -> list[np.ndarray]:
        """Kernels and bias as the layer takes them."""
        return [np.asarray(weight, "float32") for weight in (*self.kernels, self.bias)]


def linear_of(layer: Layer) -> Linear | None:
    """A layer's kernels and bias, or None where it is no dense layer or convolution with channels last."""
    if type(layer) not in _kinds() or getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    if getattr(layer, "groups", 1) != 1:
        return None
    weights = [np.asarray(weight, "float64") for weight in layer.get_weights()]
    kernels = 2 if type(layer) is keras.layers.SeparableConv2D else 1
    # Others than these weights come with quantised layers and low-rank adapters.
    if len(weights) != kernels + layer.use_bias:
        return None
    bias = weights[kernels] if layer.use_bias else np.zeros(_output_channels(layer, weights[kernels - 1]))
    return Linear(layer, tuple(weights[:kernels]), bias)


def _kinds() -> tuple[type, ...]:
    layers = keras.layers
    return (*_takes_inputs(), layers.DepthwiseConv2D, layers.Conv2DTranspose, layers.SeparableConv2D)


def _takes_inputs() -> tuple[type, ...]:
    """Layers whose kernel has the inputs' channels before the outputs'."""
    layers = keras.layers
    return (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)


def _output_scale(layer: Layer, scale: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The scale of the output's channels in the shape in which the kernel has them."""
    if type(layer) is keras.layers.DepthwiseConv2D:
        return scale.reshape(kernel.shape[-2:])
    if type(layer) is keras.layers.Conv2DTranspose:
        return scale[:, None]
    return scale


def _output_channels(layer: Layer, kernel: np.ndarray) -> int:
    if type(layer) is keras.layers.DepthwiseConv2D:
        return kernel.shape[-2] * kernel.shape[-1]
    return kernel.shape[-2 if type(layer) is keras.layers.Conv2DTranspose else -1]
