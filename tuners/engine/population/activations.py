"""Activations with their derivatives."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""Klambauer et al., 2017: Self-Normalizing Neural Networks."""


@dataclasses.dataclass(frozen=True)
class Derived:
    """An elementwise function and its derivative.

    Attributes:
        value: Takes x.
        gradient: Takes x, y = value(x) and dy, and gives dx.
    """

    value: Callable[[NDArray], NDArray]
    gradient: Callable[[NDArray, NDArray, NDArray], NDArray]


def _normal_cdf(x: NDArray) -> NDArray:
    return 0.5 * (1.0 + special.erf(x * math.sqrt(0.5)))


def _gelu_gradient(x: NDArray, y: NDArray, dy: NDArray) -> NDArray:
    density = np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return dy * (_normal_cdf(x) + x * density)


def _silu_gradient(x: NDArray, y: NDArray, dy: NDArray) -> NDArray:
    gate = special.expit(x)
    return dy * (gate + y * (1.0 - gate))


def _elu(x: NDArray) -> NDArray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: NDArray) -> NDArray:
    return SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))


def _selu_gradient(x: NDArray, y: NDArray, dy: NDArray) -> NDArray:
    return dy * np.where(x > 0, np.float32(SELU_SCALE), y + SELU_SCALE * SELU_ALPHA)


ACTIVATIONS = {
    "relu": Derived(lambda x: np.maximum(x, 0), lambda x, y, dy: dy * (y > 0)),
    "tanh": Derived(np.tanh, lambda x, y, dy: dy * (1 - y * y)),
    "sigmoid": Derived(special.expit, lambda x, y, dy: dy * y * (1 - y)),
    "elu": Derived(_elu, lambda x, y, dy: dy * np.where(x > 0, np.float32(1), y + 1)),
    "selu": Derived(_selu, _selu_gradient),
    "gelu": Derived(lambda x: x * _normal_cdf(x), _gelu_gradient),
    "silu": Derived(lambda x: x * special.expit(x), _silu_gradient),
}
"""By the name that Keras writes into a layer's configuration."""
