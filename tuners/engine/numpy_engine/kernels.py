"""Layers written out in numpy: what each computes, and its derivative.

Nothing is compiled, so that a trial costs what its arithmetic costs. For the matrices of small models a call of numpy
takes a tenth of what a call of TensorFlow takes, and both multiply matrices equally fast.

References:
    Ioffe and Szegedy, 2015: Batch Normalization, for its derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.activations import Derived

Gradients = tuple[NDArray[Any], ...]


class Kernel:
    """A layer, or a part of one. `forward` in training keeps what `backward` needs.

    Attributes:
        weights: Arrays, the trainable ones first; updated in place.
        gradients: Of the trainable weights; `backward` writes them.
        fixed: Whether it does the same to an example in every step, and so can be applied to all data beforehand.
    """

    weights: Sequence[NDArray[Any]] = ()
    gradients: Sequence[NDArray[Any]] = ()
    fixed = False

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """The output.

        Args:
            *inputs: Arrays [batch, ..., channels].
            training: Whether batch statistics and dropout are on.
        """
        raise NotImplementedError

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """Gradients of the inputs; those of the weights are left in `gradients`.

        Args:
            gradient: Of the output of the last `forward` in training.
            wanted: Whether the inputs' gradients are needed; none are given where not.
        """
        raise NotImplementedError


class Multiply(Kernel):
    """The product with a dense layer's kernel, of inputs [batch, features]."""

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._x = _single(inputs[0])
        y: NDArray[Any] = self._x @ self.weights[0]
        return y

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        np.matmul(self._x.T, gradient, out=self.gradients[0])
        return (gradient @ self.weights[0].T,) if wanted else ()


class Bias(Kernel):
    """The bias of a dense layer, which broadcasts to what it takes."""

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        y: NDArray[Any] = inputs[0] + self.weights[0]
        return y

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        bias, more = self.gradients[0], gradient.ndim - self.gradients[0].ndim
        repeated = [more + axis for axis, size in enumerate(bias.shape) if size == 1]
        bias[...] = np.add.reduce(gradient, axis=(*range(more), *repeated)).reshape(bias.shape)
        return (gradient,)


class Activate(Kernel):
    """An activation.

    Args:
        derived: The function with its derivative.
    """

    def __init__(self, derived: Derived) -> None:
        self._derived = derived

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        y, self._kept = self._derived.value(inputs[0])
        return y

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (self._derived.gradient(self._kept, gradient),)


class Drop(Kernel):
    """keras.layers.Dropout.

    Args:
        rate: Share that is dropped, in (0, 1).

    Attributes:
        random: What is drawn from; None to leave everything in.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.random: np.random.Generator | None = None

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        x = inputs[0]
        if not training or self.random is None:
            self._mask = np.ones((), np.float32)
            return x
        # Integers, since floats take twice as long to draw.
        drawn = self.random.bit_generator.random_raw((x.size + 1) // 2).view(np.uint32)[: x.size]
        kept = drawn.reshape(x.shape) >= np.uint32(self._rate * 2**32)
        self._mask = np.multiply(kept, np.float32(1 / (1 - self._rate)), dtype=np.float32)
        return x * self._mask

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self._mask,)


class Add(Kernel):
    """keras.layers.Add of inputs of one shape."""

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._count = len(inputs)
        return sum(inputs[2:], inputs[0] + inputs[1])

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient,) * self._count


class BatchNorm(Kernel):
    """keras.layers.BatchNormalization over the last axis; weights gamma, beta, moving mean and variance.

    Args:
        epsilon: Added to the variance.
        momentum: Share of the moving mean and variance that stays in a step.
    """

    def __init__(self, epsilon: float, momentum: float) -> None:
        self._epsilon, self._newest = np.float32(epsilon), np.float32(1 - momentum)

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        x = _rows_of(inputs[0])
        gamma, beta, moving_mean, moving_variance = self.weights
        if not training:
            scale = gamma / np.sqrt(moving_variance + self._epsilon)
            return (x * scale + (beta - moving_mean * scale)).reshape(inputs[0].shape)
        rows = np.float32(len(x))
        mean = np.add.reduce(x, axis=0) / rows
        normed = x - mean
        variance = np.einsum("ij,ij->j", normed, normed) / rows
        inverse = 1 / np.sqrt(variance + self._epsilon)
        normed *= inverse
        moving_mean += (mean - moving_mean) * self._newest
        moving_variance += (variance - moving_variance) * self._newest
        self._normed, self._scale = normed, gamma * inverse
        y: NDArray[Any] = normed * gamma
        y += beta
        return y.reshape(inputs[0].shape)

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        dy, (dgamma, dbeta) = _rows_of(gradient), self.gradients
        np.einsum("ij,ij->j", dy, self._normed, out=dgamma)
        np.add.reduce(dy, axis=0, out=dbeta)
        share = np.float32(1 / len(dy))
        dx = self._normed * (dgamma * -share)
        dx -= dbeta * share
        dx += dy
        dx *= self._scale
        return (dx.reshape(gradient.shape),)


class Normalize(Kernel):
    """keras.layers.Normalization.

    Args:
        offset: Array that broadcasts to the inputs.
        scale: Likewise.
        invert: Whether normalised values are taken back.
    """

    fixed = True

    def __init__(self, offset: NDArray[Any], scale: NDArray[Any], invert: bool) -> None:
        self._offset, self._scale, self._invert = offset, scale, invert

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        x = _single(inputs[0])
        y: NDArray[Any] = x * self._scale + self._offset if self._invert else (x - self._offset) / self._scale
        return y

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self._scale if self._invert else gradient / self._scale,)


class Rescale(Kernel):
    """keras.layers.Rescaling with numbers.

    Args:
        scale: Factor.
        offset: Added after it.
    """

    fixed = True

    def __init__(self, scale: float, offset: float) -> None:
        self._scale, self._offset = scale, offset

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        # One array and no more, since whole data sets come by here.
        y: NDArray[Any] = np.multiply(inputs[0], self._scale, dtype=np.float32)
        y += self._offset
        return y

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self._scale,)


def _rows_of(x: NDArray[Any]) -> NDArray[Any]:
    """An array [..., channels] as [rows, channels]."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _single(x: NDArray[Any]) -> NDArray[Any]:
    """An array in single precision."""
    return x if x.dtype == np.float32 else x.astype(np.float32)
