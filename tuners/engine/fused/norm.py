"""Batch norm of images as one operation.

Keras computes it from its parts, each of which passes over the whole map and leaves a copy of it for the gradient.
TensorFlow's fused kernel does the same in a step of its own. It is used where it gives the same numbers and is the
faster one: on a CPU it works on four channels at a time, and takes longer than the parts where their number is no
multiple of four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

CHANNELS_AT_A_TIME = 4


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


def fused(layer: Any) -> Callable[..., Any]:
    """The call of a layer, of batches of images by the fused kernel.

    Args:
        layer: One that `can_be_fused` takes.
    """
    by_parts = layer.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        # A batch of images with the channels last; whatever else there is stays with the parts.
        if mask is not None or inputs.shape.rank != 4 or layer.axis not in (-1, 3):
            return by_parts(inputs, training=training, mask=mask)
        channels = layer.moving_mean.shape[0]
        outputs, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma if layer.scale else tf.ones(channels),
            offset=layer.beta if layer.center else tf.zeros(channels),
            mean=tf.zeros(0) if training else layer.moving_mean,
            variance=tf.zeros(0) if training else layer.moving_variance,
            epsilon=layer.epsilon,
            is_training=bool(training),
        )
        if training:
            # The kernel gives the variance of the population that the batch is drawn from, Keras keeps the batch's own.
            examples = tf.cast(tf.size(inputs) / channels, tf.float32)
            variance = unbiased * ((examples - 1) / examples)
            for variable, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                variable.assign(variable * layer.momentum + value * (1.0 - layer.momentum))
        return outputs

    return call
