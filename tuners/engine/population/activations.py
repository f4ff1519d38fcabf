"""Activations with their derivatives written out, so that tracing them needs no tape."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Derived:
    """An elementwise function and its derivative.

    Attributes:
        value: Takes x.
        gradient: Takes x, y = value(x) and dy, and gives dx.
        keeps_zero: Whether value(0) is 0, so that units that are only padding stay 0.
    """

    value: Callable[[Any], Any]
    gradient: Callable[[Any, Any, Any], Any]
    keeps_zero: bool = True


def _normal_cdf(x: Any) -> Any:
    return 0.5 * (1.0 + tf.math.erf(x * math.sqrt(0.5)))


def _gelu_gradient(x: Any, y: Any, dy: Any) -> Any:
    density = tf.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return dy * (_normal_cdf(x) + x * density)


def _silu_gradient(x: Any, y: Any, dy: Any) -> Any:
    gate = tf.sigmoid(x)
    return dy * (gate + y * (1.0 - gate))


ACTIVATIONS = {
    "linear": Derived(lambda x: x, lambda x, y, dy: dy),
    "relu": Derived(tf.nn.relu, lambda x, y, dy: tf.raw_ops.ReluGrad(gradients=dy, features=y)),
    "tanh": Derived(tf.tanh, lambda x, y, dy: tf.raw_ops.TanhGrad(y=y, dy=dy)),
    "sigmoid": Derived(tf.sigmoid, lambda x, y, dy: tf.raw_ops.SigmoidGrad(y=y, dy=dy), keeps_zero=False),
    "elu": Derived(tf.nn.elu, lambda x, y, dy: tf.raw_ops.EluGrad(gradients=dy, outputs=y)),
    "selu": Derived(tf.nn.selu, lambda x, y, dy: tf.raw_ops.SeluGrad(gradients=dy, outputs=y)),
    "gelu": Derived(lambda x: x * _normal_cdf(x), _gelu_gradient),
    "silu": Derived(lambda x: x * tf.sigmoid(x), _silu_gradient),
}
"""By the name that Keras writes into a layer's configuration."""
