"""Batch norm written out.

References:
    Ioffe and Szegedy, 2015: Batch Normalization, for the derivative.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from tuners.engine.population.kernels import Kernel, Saved, Step


@dataclasses.dataclass(frozen=True)
class BatchNorm(Kernel):
    """keras.layers.BatchNormalization over the last axis; weights gamma, beta, moving mean and variance.

    Its momentum is a rate of the node.

    Attributes:
        epsilon: Added to the variance.
    """

    epsilon: float

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x = inputs[0]
        if not step.training:
            return self._fixed(step, x), ()
        return self._several(step, x) if step.members else self._fused(step, x)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        if not step.members:
            x, gamma, *reserved = saved
            dx, dgamma, dbeta, _, _ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=_as_map(gradient),
                x=x,
                scale=gamma,
                reserve_space_1=reserved[0],
                reserve_space_2=reserved[1],
                reserve_space_3=reserved[2],
                epsilon=self.epsilon,
            )
            return (_like(dx, gradient),), (dgamma, dbeta)
        normed, scale = saved
        axes = step.inner_axes(gradient)
        rows = tf.cast(tf.reduce_prod(tf.shape(gradient)[1:-1]), tf.float32)
        dgamma = tf.reduce_sum(gradient * normed, axes, keepdims=True)
        dbeta = tf.reduce_sum(gradient, axes, keepdims=True)
        dx = scale * (gradient - (dbeta + normed * dgamma) / rows)
        return (dx,), (tf.squeeze(dgamma, axes), tf.squeeze(dbeta, axes))

    def _fixed(self, step: Step, x: Any) -> Any:
        gamma, beta, mean, variance = (each.read_value() for each in step.weights)
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        return x * step.along(scale, x) + step.along(beta - mean * scale, x)

    def _fused(self, step: Step, x: Any) -> tuple[Any, Saved]:
        gamma, beta = (each.read_value() for each in step.weights[:2])
        as_map = _as_map(x)
        y, mean, variance, *reserved = tf.raw_ops.FusedBatchNormV3(
            x=as_map, scale=gamma, offset=beta, mean=[], variance=[], epsilon=self.epsilon
        )
        rows = tf.cast(tf.size(x) // tf.size(mean), tf.float32)
        # The fused operation gives the unbiased variance; Keras keeps the biased one.
        self._keep(step, mean, variance * ((rows - 1.0) / rows))
        return _like(y, x), (as_map, gamma, *reserved)

    def _several(self, step: Step, x: Any) -> tuple[Any, Saved]:
        gamma, beta = (step.along(each.read_value(), x) for each in step.weights[:2])
        axes = step.inner_axes(x)
        mean = tf.reduce_mean(x, axes, keepdims=True)
        centred = x - mean
        variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
        inverse = tf.math.rsqrt(variance + self.epsilon)
        normed = centred * inverse
        self._keep(step, tf.squeeze(mean, axes), tf.squeeze(variance, axes))
        return normed * gamma + beta, (normed, gamma * inverse)

    def _keep(self, step: Step, mean: Any, variance: Any) -> None:
        newest = 1.0 - step.each(step.rates[0], mean)
        for moving, value in zip(step.weights[2:], (mean, variance), strict=True):
            moving.assign_sub((moving.read_value() - value) * newest, read_value=False)


def _as_map(x: Any) -> Any:
    if x.shape.rank == 4:
        return x
    shape = tf.shape(x)
    return tf.reshape(x, [shape[0], 1, 1, shape[1]])


def _like(y: Any, x: Any) -> Any:
    return y if x.shape.rank == 4 else tf.squeeze(y, [1, 2])
