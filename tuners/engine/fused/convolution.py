"""Convolutions of images whose bias gets its derivative from a product with ones.

Left to itself TensorFlow computes it in one operation with the derivative of the kernel, which takes several times as
long as the two apart where maps are large and channels few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def can_be_fused(layer: Any) -> bool:
    """Whether a layer is a convolution with a bias."""
    # Not a subclass, which may do something else.
    return (
        type(layer) is keras.layers.Conv2D
        and layer.use_bias
        and layer.data_format == "channels_last"
        and layer.compute_dtype == layer.variable_dtype == "float32"
    )


def fused(layer: Any) -> Callable[[Any], Any]:
    """The call of a layer.

    Args:
        layer: One that `can_be_fused` takes.
    """

    def call(inputs: Any) -> Any:
        outputs = _biased(layer.convolution_op(inputs, layer.kernel), tf.convert_to_tensor(layer.bias))
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


@tf.custom_gradient
def _biased(x: Any, bias: Any) -> Any:
    def gradient(dy: Any) -> tuple[Any, Any]:
        rows = tf.reshape(dy, [-1, bias.shape[0]])
        return dy, tf.reshape(tf.ones([1, tf.shape(rows)[0]]) @ rows, [-1])

    return tf.nn.bias_add(x, bias), gradient
