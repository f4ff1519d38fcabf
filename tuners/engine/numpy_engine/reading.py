"""Keras layers as kernels: which layers are known, and what of a layer is a weight, a rate or a constant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from tuners.engine.numpy_engine.activations import ACTIVATIONS
from tuners.engine.numpy_engine.fixed import Flatten, Normalize, Rescale
from tuners.engine.numpy_engine.kernels import Activate, Add, Bias, Drop, Kernel, Multiply
from tuners.engine.numpy_engine.norm import BatchNorm

Config = Mapping[str, Any]
HEADS = ("softmax", "sigmoid")
"""Activations that are computed together with the loss where a model ends in them."""


class UnknownModelError(ValueError):
    """A model that this engine cannot write out; the message says why."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A kernel with what a layer gives it.

    Attributes:
        kernel: What is computed; a string stands for an activation of `HEADS`.
        weights: Keras variables, the trainable ones first.
    """

    kernel: Kernel | str
    weights: tuple[Any, ...] = ()


def parts(layer: keras.Layer, *, ends: bool) -> list[Part]:
    """What a layer computes, one part after the other; nothing for an input layer.

    Args:
        layer: A built Keras layer.
        ends: Whether its output is the model's, so that an activation of `HEADS` is left to the loss.

    Raises:
        UnknownModelError: The layer, or an option of it, is not known here.
    """
    read = READERS.get(type(layer))
    config = layer.get_config()
    if read is None:
        raise UnknownModelError(f"the layer {layer.name} is a {type(layer).__name__}")
    for name, value in config.items():
        if name.endswith(("_regularizer", "_constraint")) and value is not None:
            raise UnknownModelError(f"the layer {layer.name} has a {name.split('_')[-1]}")
    if not layer.trainable or layer.dtype_policy.name != "float32":
        raise UnknownModelError(f"the layer {layer.name} is frozen or not in float32")
    found = read(layer, config)
    if sum(len(part.weights) for part in found) != len(layer.weights):
        raise UnknownModelError(f"the layer {layer.name} has weights of its own")
    return found if ends else [_inner(layer, part) for part in found]


def _inner(layer: keras.Layer, part: Part) -> Part:
    if not isinstance(part.kernel, str):
        return part
    if part.kernel not in ACTIVATIONS:
        raise UnknownModelError(f"the layer {layer.name} is not the last and has the activation {part.kernel!r}")
    return Part(Activate(part.kernel))


def _demand(layer: keras.Layer, config: Config, **expected: Any) -> None:
    for name, value in expected.items():
        if name in config and config[name] != value:
            raise UnknownModelError(f"the layer {layer.name} has {name}={config[name]!r}")


def _activation(layer: keras.Layer, config: Config) -> list[Part]:
    name = config["activation"]
    if name == "linear":
        return []
    if name in HEADS:
        return [Part(name)]
    if name not in ACTIVATIONS:
        raise UnknownModelError(f"the layer {layer.name} has the activation {name!r}")
    return [Part(Activate(name))]


def _dense(layer: Any, config: Config) -> list[Part]:
    _demand(layer, config, quantization_config=None)
    if len(layer.input.shape) != 2:
        raise UnknownModelError(f"the layer {layer.name} takes more than [batch, features]")
    bias = [Part(Bias(), (layer.bias,))] if config["use_bias"] else []
    return [Part(Multiply(), (layer.kernel,)), *bias, *_activation(layer, config)]


def _batch_norm(layer: Any, config: Config) -> list[Part]:
    if config["axis"] not in (-1, len(layer.input.shape) - 1):
        raise UnknownModelError(f"the layer {layer.name} normalises another axis than the last")
    _demand(layer, config, center=True, scale=True, renorm=False, synchronized=False)
    weights = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    return [Part(BatchNorm(config["epsilon"], config["momentum"]), weights)]


def _normalization(layer: Any, config: Config) -> list[Part]:
    if layer.weights or config["mean"] is None:
        raise UnknownModelError(f"the layer {layer.name} was adapted to data")
    scale = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.config.epsilon())
    return [Part(Normalize(np.asarray(layer.mean, np.float32), scale.astype(np.float32), config["invert"]))]


def _rescaling(layer: Any, config: Config) -> list[Part]:
    scale, offset = config["scale"], config["offset"]
    if not isinstance(scale, int | float) or not isinstance(offset, int | float):
        raise UnknownModelError(f"the layer {layer.name} scales by arrays")
    return [Part(Rescale(float(scale), float(offset)))]


def _flatten(layer: Any, config: Config) -> list[Part]:
    _demand(layer, config, data_format="channels_last")
    return [Part(Flatten())]


def _dropout(layer: Any, config: Config) -> list[Part]:
    _demand(layer, config, noise_shape=None)
    return [Part(Drop(config["rate"], layer.output.shape[1:]))] if config["rate"] else []


def _relu(layer: Any, config: Config) -> list[Part]:
    _demand(layer, config, max_value=None, negative_slope=0.0, threshold=0.0)
    return [Part(Activate("relu"))]


READERS: dict[type, Callable[[Any, Config], list[Part]]] = {
    keras.layers.InputLayer: lambda layer, config: [],
    keras.layers.Activation: _activation,
    keras.layers.ReLU: _relu,
    keras.layers.Add: lambda layer, config: [Part(Add())],
    keras.layers.BatchNormalization: _batch_norm,
    keras.layers.Dense: _dense,
    keras.layers.Dropout: _dropout,
    keras.layers.Flatten: _flatten,
    keras.layers.Normalization: _normalization,
    keras.layers.Rescaling: _rescaling,
}
"""By exact class: a subclass may compute something else.

Layers of images are not here: their time goes into convolutions, which TensorFlow computes as fast from a graph.
"""
