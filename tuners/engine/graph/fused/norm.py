"""Batch norm of images as one operation.

Keras computes it from its parts, each of which passes over the whole map and leaves a copy of it for the gradient.
TensorFlow's fused kernel does the same in a step of its own. It is used where it gives the same numbers and is the
faster one: on a CPU it works on four channels at a time, and takes longer than the parts where their number is no
multiple of four.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.signature import layers

CHANNELS_AT_A_TIME = 4

NOT_BEHIND = ("tanh", "mish")
"""Activations behind which there is no kernel for a convolution with batch norm and activation in one.

TensorFlow's graph optimiser (2.21) puts the three together anyway, and the step raises "Fusion is not implemented".
"""


@dataclasses.dataclass(frozen=True)
class Normalized:
    """Where an output of batch norm comes from, outside training.

    Attributes:
        inputs: The input.
        normalize: Gives the output of any input [batch, height, width, channels], by the statistics kept.
        factors: What it multiplies each channel by, up to a positive number; None for 1.
    """

    inputs: Any
    normalize: Callable[[Any], Any]
    factors: Any


def can_be_fused(layer: Any) -> bool:
    """Whether a layer is batch norm that the kernel may compute."""
    # Not a subclass, which may do something else.
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.built
        and layer.trainable
        and not layer.synchronized
        and not layer.renorm
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and layer.moving_mean.shape[0] % CHANNELS_AT_A_TIME == 0
    )


def has_kernels_outside_training(model: Any) -> bool:
    """Whether all that may come behind fused batch norm in a model has a kernel outside training, see `NOT_BEHIND`."""
    parts = [*getattr(model, "operations", ()), *layers(model)]
    parts += [operation for layer in parts for operation in getattr(layer, "operations", ())]
    names = {_name(each) for part in parts for each in (part, getattr(part, "activation", None))}
    return names.isdisjoint(NOT_BEHIND)


def _name(thing: Any) -> str:
    """Name of a function, or of the class of an operation, in small letters."""
    return getattr(thing, "__name__", type(thing).__name__).lower()


def fused(layer: Any, origins: dict[Any, Normalized]) -> Callable[..., Any]:
    """The call of a layer, of batches of images by the fused kernel.

    Args:
        layer: One that `can_be_fused` takes.
        origins: Is told of the outputs outside training, by reference.
    """
    by_parts = layer.call

    def by_kernel(inputs: Any, mean: Any, variance: Any, *, training: bool) -> Any:
        channels = layer.moving_mean.shape[0]
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma if layer.scale else tf.ones(channels),
            offset=layer.beta if layer.center else tf.zeros(channels),
            mean=mean,
            variance=variance,
            epsilon=layer.epsilon,
            is_training=training,
        )

    def normalize(inputs: Any) -> Any:
        return by_kernel(inputs, layer.moving_mean, layer.moving_variance, training=False)[0]

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        # A batch of images with the channels last; whatever else there is stays with the parts.
        if mask is not None or inputs.shape.rank != 4 or layer.axis not in (-1, 3):
            return by_parts(inputs, training=training, mask=mask)
        if not training:
            outputs = normalize(inputs)
            origins[outputs.ref()] = Normalized(inputs, normalize, layer.gamma if layer.scale else None)
            return outputs
        outputs, mean, unbiased, *_ = by_kernel(inputs, tf.zeros(0), tf.zeros(0), training=True)
        # The kernel gives the variance of the population that the batch is drawn from, Keras keeps the batch's own.
        examples = tf.cast(tf.size(inputs) / layer.moving_mean.shape[0], tf.float32)
        variance = unbiased * ((examples - 1) / examples)
        for variable, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            variable.assign(variable * layer.momentum + value * (1.0 - layer.momentum))
        return outputs

    return call
