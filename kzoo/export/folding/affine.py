"""Layers that scale and shift each channel when answering, and how that passes through other layers.

y = scale * x + shift, channel by channel, is what batch norm with its running mean and variance does, and so does a
normalisation or a rescaling.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


@dataclasses.dataclass(frozen=True)
class Affine:
    """y = scale * x + shift.

    Attributes:
        scale: Scale of each channel, float64 [channels], or [1] for all of them.
        shift: Shift of each channel, of the same shape.
    """

    scale: np.ndarray
    shift: np.ndarray

    def repeated(self, channels: int) -> Affine | None:
        """The same for a multiple of the channels, as flattened maps have them; None where it is no multiple."""
        if channels % len(self.scale):
            return None
        return Affine(np.resize(self.scale, channels), np.resize(self.shift, channels))


def affine_of(layer: Layer) -> Affine | None:
    """What a layer does to each channel when answering, or None where it does something else.

    Args:
        layer: A layer that has been built.

    Returns:
        Its scale and shift for each entry of the last axis.
    """
    if layer.compute_dtype not in ("float32", "float16", "bfloat16"):
        return None
    if type(layer) is keras.layers.BatchNormalization:
        return _batch_norm(layer)
    if type(layer) is keras.layers.Normalization:
        return _normalization(layer)
    if type(layer) is keras.layers.Rescaling:
        return _by_channel(layer.scale, layer.offset)
    return None


def passed_through(affine: Affine, layer: Layer) -> Affine | None:
    """The same scaling and shifting, done behind a layer instead of before it.

    Args:
        affine: Scale and shift of each channel of the layer's input.
        layer: A layer that follows.

    Returns:
        Scale and shift of each channel of the layer's output, or None where there are none that do the same.
    """
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    # Channels are last, so that a flattened map has them again and again: see `Affine.repeated`.
    if type(layer) in (keras.layers.Flatten, *_averages()):
        return affine
    # The largest stays the largest only where nothing changes sign.
    return affine if type(layer) in _maxima() and (affine.scale > 0).all() else None


def passing_kinds() -> tuple[type, ...]:
    """Layers that a scale and a shift may pass through. One that answers what it took, such as dropout, is none."""
    return (keras.layers.Flatten, *_averages(), *_maxima())


def affine_kinds() -> tuple[type, ...]:
    """Layers that scale and shift when answering."""
    return (keras.layers.BatchNormalization, keras.layers.Normalization, keras.layers.Rescaling)


def is_linear(layer: Layer) -> bool:
    """Whether a layer's activation is the identity."""
    return layer.activation is keras.activations.linear


def _averages() -> tuple[type, ...]:
    layers = keras.layers
    # Averages at a padded border are taken over what lies inside, so they sum to 1 there too.
    return (
        layers.AveragePooling1D,
        layers.AveragePooling2D,
        layers.GlobalAveragePooling1D,
        layers.GlobalAveragePooling2D,
    )


def _maxima() -> tuple[type, ...]:
    layers = keras.layers
    return (layers.MaxPooling1D, layers.MaxPooling2D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D)


def _batch_norm(layer: Layer) -> Affine | None:
    if layer.axis not in (-1, layer.input_spec.ndim - 1):
        return None
    scale = 1 / np.sqrt(np.asarray(layer.moving_variance, "float64") + layer.epsilon)
    if layer.scale:
        scale = scale * np.asarray(layer.gamma, "float64")
    shift = -np.asarray(layer.moving_mean, "float64") * scale
    if layer.center:
        shift = shift + np.asarray(layer.beta, "float64")
    return Affine(scale, shift)


def _normalization(layer: Layer) -> Affine | None:
    mean = np.asarray(layer.mean, "float64")
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance, "float64")), keras.config.epsilon())
    if layer.invert:
        return _by_channel(deviation, mean)
    return _by_channel(1 / deviation, -mean / deviation)


def _by_channel(scale: object, shift: object) -> Affine | None:
    """One scale and one shift per channel, or None where other axes have their own."""
    try:
        pair = np.broadcast_arrays(np.asarray(scale, "float64"), np.asarray(shift, "float64"))
    except (TypeError, ValueError):
        return None
    if pair[0].ndim and pair[0].size != pair[0].shape[-1]:
        return None
    return Affine(pair[0].reshape(-1), pair[1].reshape(-1))
