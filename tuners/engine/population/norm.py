"""Batch norm written out.

References:
    Ioffe and Szegedy, 2015: Batch Normalization, for the derivative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuners.engine.population.kernels import Gradients, Kernel, rows_of


class BatchNorm(Kernel):
    """keras.layers.BatchNormalization over the last axis; weights gamma, beta, moving mean and variance.

    Args:
        epsilon: Added to the variance.
        momentum: Share of the moving mean and variance that stays in a step.
    """

    def __init__(self, epsilon: float, momentum: float) -> None:
        self.epsilon, self.newest = np.float32(epsilon), np.float32(1 - momentum)

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = rows_of(inputs[0])
        gamma, beta, moving_mean, moving_variance = self.weights
        if not training:
            scale = gamma / np.sqrt(moving_variance + self.epsilon)
            return (x * scale + (beta - moving_mean * scale)).reshape(inputs[0].shape)
        mean = np.add.reduce(x, axis=0) / np.float32(len(x))
        normed = x - mean
        variance = np.einsum("ij,ij->j", normed, normed) / np.float32(len(x))
        inverse = 1 / np.sqrt(variance + self.epsilon)
        normed *= inverse
        moving_mean += (mean - moving_mean) * self.newest
        moving_variance += (variance - moving_variance) * self.newest
        self._normed, self._scale = normed, gamma * inverse
        y = normed * gamma
        y += beta
        return y.reshape(inputs[0].shape)

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        dy, (dgamma, dbeta) = rows_of(gradient), self.gradients
        np.einsum("ij,ij->j", dy, self._normed, out=dgamma)
        np.add.reduce(dy, axis=0, out=dbeta)
        share = np.float32(1 / len(dy))
        dx = self._normed * (dgamma * -share)
        dx -= dbeta * share
        dx += dy
        dx *= self._scale
        return (dx.reshape(gradient.shape),)
