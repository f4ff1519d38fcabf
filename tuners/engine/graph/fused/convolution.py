"""Convolutions of images, in as few products as can be, and with derivatives that are fast to compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.fused import bias, winograd
from tuners.engine.graph.fused.loops import Batches


def can_be_fused(layer: Any) -> bool:
    """Whether a layer is a convolution of images."""
    # Not a subclass, which may do something else.
    return (
        type(layer) is keras.layers.Conv2D
        and layer.data_format == "channels_last"
        and layer.compute_dtype == layer.variable_dtype == "float32"
    )


def fused(layer: Any, batches: Batches, *, training: bool) -> Callable[[Any], Any]:
    """The call of a layer.

    Args:
        layer: One that `can_be_fused` takes.
        batches: What passes through it in an epoch.
        training: Whether there will be derivatives.
    """
    by_keras = layer.call

    def call(inputs: Any) -> Any:
        if winograd.is_worth_it(layer, inputs, batches):
            added = layer.bias if layer.use_bias else tf.zeros(layer.filters)
            outputs = winograd.convolved(
                inputs, tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(added), batches
            )
        elif training and layer.use_bias:
            outputs = _biased(layer.convolution_op(inputs, layer.kernel), tf.convert_to_tensor(layer.bias))
        else:
            return by_keras(inputs)
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


@tf.custom_gradient
def _biased(x: Any, added: Any) -> Any:
    return tf.nn.bias_add(x, added), lambda dy: (dy, bias.gradient(dy))
