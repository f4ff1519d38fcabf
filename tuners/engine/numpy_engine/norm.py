"""Batch norm written out.

References:
    Ioffe and Szegedy, 2015: Batch Normalization, for the derivative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import Gradients, Kernel, rows_of


class BatchNorm(Kernel):
    """keras.layers.BatchNormalization over the last axis; weights gamma, beta, moving mean and variance.

    Args:
        epsilon: Added to the variance.
        momentum: Share of the moving mean and variance that stays in a step.
    """

    of_members = ("epsilon", "newest")

    def __init__(self, epsilon: float, momentum: float) -> None:
        self.epsilon: NDArray = np.array([[epsilon]], np.float32)
        self.newest: NDArray = np.array([[1 - momentum]], np.float32)
        self.keeps_zero = epsilon > 0

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = rows_of(inputs[0])
        gamma, beta, moving_mean, moving_variance = self.weights
        if not training:
            scale = gamma / np.sqrt(moving_variance + self.epsilon)
            return (x * scale[:, None] + (beta - moving_mean * scale)[:, None]).reshape(inputs[0].shape)
        rows = np.float32(x.shape[1])
        mean = np.add.reduce(x, axis=1) / rows
        normed = x - mean[:, None]
        variance = np.einsum("mij,mij->mj", normed, normed) / rows
        inverse = 1 / np.sqrt(variance + self.epsilon)
        normed *= inverse[:, None]
        moving_mean += (mean - moving_mean) * self.newest
        moving_variance += (variance - moving_variance) * self.newest
        self._normed, self._scale = normed, (gamma * inverse)[:, None]
        y = normed * gamma[:, None]
        y += beta[:, None]
        return y.reshape(inputs[0].shape)

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        dy, (dgamma, dbeta) = rows_of(gradient), self.gradients
        np.einsum("mij,mij->mj", dy, self._normed, out=dgamma)
        np.add.reduce(dy, axis=1, out=dbeta)
        share = np.float32(1 / dy.shape[1])
        dx = self._normed * (dgamma * -share)[:, None]
        dx -= (dbeta * share)[:, None]
        dx += dy
        dx *= self._scale
        return (dx.reshape(gradient.shape),)
