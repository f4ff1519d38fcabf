"""Keras layers as kernels: which layers are known, and what of a layer is a weight, a rate or a constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.activations import ACTIVATIONS, HEADS, leaky
from tuners.engine.numpy_engine.einsum import Einsum
from tuners.engine.numpy_engine.embeddings import Lookup, Positions
from tuners.engine.numpy_engine.kernels import (
    Activate,
    Add,
    BatchNorm,
    Bias,
    Drop,
    Kernel,
    Multiply,
    Normalize,
    Rescale,
)
from tuners.engine.numpy_engine.shapes import Concatenate, Reshape


@dataclasses.dataclass(frozen=True)
class Part:
    """A kernel with what a layer gives it.

    Attributes:
        kernel: What is computed.
        kind: Equal for parts that compute the same, but for sizes, weights and rates; what one of a kind has been
            tried for need not be tried for the next.
        weights: Keras variables, the trainable ones first.
        trained: How many of the weights are trainable.
    """

    kernel: Kernel
    kind: tuple[Any, ...]
    weights: tuple[Any, ...] = ()
    trained: int = 0


@dataclasses.dataclass(frozen=True)
class Head:
    """An activation of `HEADS`, which may be left to the loss.

    Attributes:
        function: The activation.
    """

    function: Any


def parts(layer: Any, *, ends: bool) -> list[Part | Head]:
    """What a layer computes, one part after the other.

    Args:
        layer: A built Keras layer.
        ends: Whether its output is the model's, so that an activation of `HEADS` is left to the loss.

    Raises:
        Declined: The layer, or an option of it, is not known here.
    """
    read = READERS.get(type(layer))
    if read is None:
        raise Declined(f"the layer {layer.name} is a {type(layer).__name__}")
    if "call" in vars(layer):
        raise Declined(f"the call of the layer {layer.name} was replaced")
    if not layer.trainable or layer.dtype_policy.name != "float32":
        raise Declined(f"the layer {layer.name} is frozen or not in float32")
    if getattr(layer, "activity_regularizer", None) is not None:
        raise Declined(f"the layer {layer.name} has an activity regularizer")
    if type(layer) not in TAKE_INTEGERS and any(each.dtype != "float32" for each in keras.tree.flatten(layer.input)):
        raise Declined(f"the layer {layer.name} is given integers")
    found = read(layer)
    _check_weights(layer, [part for part in found if isinstance(part, Part)])
    return found if ends else [_inner(layer, part) for part in found]


def _check_weights(layer: Any, found: list[Part]) -> None:
    known = {id(weight): place < part.trained for part in found for place, weight in enumerate(part.weights)}
    for weight in layer.weights:
        if id(weight) not in known:
            raise Declined(f"the layer {layer.name} has weights of its own")
        if weight.trainable != known[id(weight)]:
            raise Declined(f"{weight.path} is {'trainable' if weight.trainable else 'frozen'}")
        if weight.regularizer is not None or weight.constraint is not None:
            raise Declined(f"{weight.path} has a regularizer or a constraint")


def _inner(layer: keras.Layer, part: Part | Head) -> Part:
    if isinstance(part, Part):
        return part
    if part.function not in ACTIVATIONS:
        raise Declined(f"the layer {layer.name} is not the last and ends in {part.function.__name__}")
    return _activated(part.function)


def _demand(layer: keras.Layer, **expected: Any) -> None:
    for name, value in expected.items():
        if getattr(layer, name) != value:
            raise Declined(f"the layer {layer.name} has {name}={getattr(layer, name)!r}")


def _activated(function: Any) -> Part:
    return Part(Activate(ACTIVATIONS[function]), ("activation", function))


def _activation(layer: keras.Layer) -> list[Part | Head]:
    # By identity: an object may have an equality of its own, or none.
    for function in (keras.activations.linear, *HEADS, *ACTIVATIONS):
        if layer.activation is function:
            if function is keras.activations.linear:
                return []
            return [Head(function) if function in HEADS else _activated(function)]
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    raise Declined(f"the layer {layer.name} has the activation {name}")


def _dense(layer: Any) -> list[Part | Head]:
    if layer.quantization_mode is not None or len(layer.input.shape) != 2:
        raise Declined(f"the layer {layer.name} is quantized, or takes more than [batch, features]")
    return [Part(Multiply(), ("dense",), (layer.kernel,), 1), *_bias(layer.bias), *_activation(layer)]


def _bias(bias: Any) -> list[Part]:
    return [] if bias is None else [Part(Bias(), ("bias", *(size == 1 for size in bias.shape)), (bias,), 1)]


def _einsum_dense(layer: Any) -> list[Part | Head]:
    _demand(layer, quantization_mode=None)
    product = Part(Einsum(layer.equation), ("einsum", layer.equation), (layer.kernel,), 1)
    return [product, *_bias(layer.bias), *_activation(layer)]


def _batch_norm(layer: Any) -> list[Part]:
    if layer.axis not in (-1, len(layer.input.shape) - 1):
        raise Declined(f"the layer {layer.name} normalises another axis than the last")
    _demand(layer, center=True, scale=True, renorm=False, synchronized=False)
    weights = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    return [Part(BatchNorm(layer.epsilon, layer.momentum), ("batch norm", len(layer.input.shape)), weights, 2)]


def _normalization(layer: Any) -> list[Part]:
    mean, variance = np.asarray(layer.mean, np.float32), np.asarray(layer.variance)
    scale = np.maximum(np.sqrt(variance), keras.config.epsilon()).astype(np.float32)
    kind = ("normalization", layer.invert, len(layer.input.shape), bool(layer.weights))
    # What was adapted to data has its statistics in weights, which training leaves alone.
    return [Part(Normalize(mean, scale, layer.invert), kind, tuple(layer.weights))]


def _rescaling(layer: Any) -> list[Part]:
    if not isinstance(layer.scale, int | float) or not isinstance(layer.offset, int | float):
        raise Declined(f"the layer {layer.name} scales by arrays")
    return [Part(Rescale(float(layer.scale), float(layer.offset)), ("rescaling",))]


def _flatten(layer: Any) -> list[Part]:
    _demand(layer, data_format="channels_last")
    return [Part(Reshape((-1,)), ("flatten", len(layer.input.shape)))]


def _reshape(layer: Any) -> list[Part]:
    shape = layer.output.shape[1:]
    if None in shape:
        raise Declined(f"the layer {layer.name} gives a shape that is not known")
    return [Part(Reshape(shape), ("reshape", len(layer.input.shape), len(shape)))]


def _embedding(layer: Any) -> list[Part]:
    _demand(layer, mask_zero=False, quantization_mode=None)
    return embedded([layer.embeddings])


def embedded(tables: Sequence[Any]) -> list[Part]:
    """Parts that look up codes in tables [codes, width], and give what is found side by side.

    Args:
        tables: Keras variables; where there are several, each is given one code a row.
    """
    shapes = [tuple(each.shape) for each in tables]
    several = len(tables) > 1
    lookup = Lookup([width for _, width in shapes])
    return [
        Part(Positions(shapes), ("positions", several)),
        Part(lookup, ("lookup", several), tuple(tables), len(tables)),
    ]


def _concatenate(layer: Any) -> list[Part]:
    shapes = [each.shape for each in layer.input]
    if layer.axis not in (-1, len(shapes[0]) - 1):
        raise Declined(f"the layer {layer.name} concatenates another axis than the last")
    return [Part(Concatenate([shape[1:] for shape in shapes]), ("concatenate", len(shapes[0])))]


def _dropout(layer: Any) -> list[Part]:
    _demand(layer, noise_shape=None)
    return [Part(Drop(layer.rate), ("dropout",))] if layer.rate else []


def _relu(layer: Any) -> list[Part]:
    _demand(layer, max_value=None, negative_slope=0.0, threshold=0.0)
    return [_activated(keras.activations.relu)]


def _leaky_relu(layer: Any) -> list[Part]:
    if not 0 <= layer.negative_slope <= 1:
        raise Declined(f"the layer {layer.name} has negative_slope={layer.negative_slope!r}")
    return [Part(Activate(leaky(layer.negative_slope)), ("leaky",))]


def _add(layer: Any) -> list[Part]:
    if len({each.shape for each in layer.input}) > 1:
        raise Declined(f"the layer {layer.name} adds arrays of different shapes")
    return [Part(Add(), ("add",))]


READERS: dict[type, Callable[[Any], Any]] = {
    keras.layers.Activation: _activation,
    keras.layers.ReLU: _relu,
    keras.layers.Add: _add,
    keras.layers.BatchNormalization: _batch_norm,
    keras.layers.Concatenate: _concatenate,
    keras.layers.Dense: _dense,
    keras.layers.Dropout: _dropout,
    keras.layers.EinsumDense: _einsum_dense,
    keras.layers.Embedding: _embedding,
    keras.layers.Flatten: _flatten,
    keras.layers.LeakyReLU: _leaky_relu,
    keras.layers.Normalization: _normalization,
    keras.layers.Rescaling: _rescaling,
    keras.layers.Reshape: _reshape,
}
"""By exact class: a subclass may compute something else.

Layers of images are not here: their time goes into convolutions, which TensorFlow computes as fast from a graph.
"""

TAKE_INTEGERS = {
    keras.layers.Embedding,
    keras.layers.Flatten,
    keras.layers.Normalization,
    keras.layers.Rescaling,
    keras.layers.Reshape,
}
"""Layers that are known to take them; in others it depends on both operands what comes of them."""
