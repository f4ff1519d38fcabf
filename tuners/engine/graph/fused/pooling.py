"""Max pooling that comes before the batch norm that it follows, outside training.

By the statistics kept, batch norm multiplies a channel by a factor and adds a number. Where no factor is negative, the
largest of the products is the product of the largest: pooling first leaves a quarter of the numbers, or fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.fused.norm import Normalized


def can_be_fused(layer: Any) -> bool:
    """Whether a layer is max pooling of images."""
    # Not a subclass, which may do something else.
    return type(layer) is keras.layers.MaxPooling2D and layer.data_format == "channels_last"


def fused(layer: Any, origins: Mapping[Any, Normalized]) -> Callable[[Any], Any]:
    """The call of a layer.

    Args:
        layer: One that `can_be_fused` takes.
        origins: What batch norm has computed outside training, by reference.
    """
    by_keras = layer.call

    def call(inputs: Any) -> Any:
        origin = origins.get(inputs.ref())
        if origin is None:
            return by_keras(inputs)
        # Not `inputs`, which nothing needs then, so that it is never computed.
        x, normalize = origin.inputs, origin.normalize
        if origin.factors is None:
            return normalize(by_keras(x))
        increasing = tf.reduce_all(tf.convert_to_tensor(origin.factors) >= 0)
        return tf.cond(increasing, lambda: normalize(by_keras(x)), lambda: by_keras(normalize(x)))

    return call
