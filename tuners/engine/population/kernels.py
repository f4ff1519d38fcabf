"""Layers written out in numpy: what each computes, and its derivative.

Nothing is compiled, so that a trial costs what its arithmetic costs. For the matrices of small models a call of numpy
takes a tenth of what a call of TensorFlow takes, and both multiply matrices equally fast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuners.engine.population.activations import ACTIVATIONS

Gradients = tuple[NDArray, ...]


class Kernel:
    """A layer of one model, or a part of one. `forward` in training keeps what `backward` needs.

    Attributes:
        weights: Arrays, the trainable ones first; updated in place.
        gradients: Of the trainable weights; `backward` writes them.
    """

    weights: Sequence[NDArray] = ()
    gradients: Sequence[NDArray] = ()

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """The output.

        Args:
            *inputs: Arrays [batch, ..., channels].
            training: Whether batch statistics and dropout are on.
        """
        raise NotImplementedError

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """Gradients of the inputs; those of the weights are left in `gradients`.

        Args:
            gradient: Of the output of the last `forward` in training.
            wanted: Whether the inputs' gradients are needed; none are given where not.
        """
        raise NotImplementedError


class Fixed(Kernel):
    """A kernel that does the same to an example in every trial, and so can be applied to all data beforehand."""

    def key(self) -> tuple[object, ...]:
        """Equal for kernels that compute the same."""
        raise NotImplementedError


class Normalize(Fixed):
    """keras.layers.Normalization.

    Args:
        offset: Array that broadcasts to the inputs.
        scale: Likewise.
        invert: Whether normalised values are taken back.
    """

    def __init__(self, offset: NDArray, scale: NDArray, invert: bool) -> None:
        self.offset, self.scale, self.invert = offset, scale, invert

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = _float(inputs[0])
        return x * self.scale + self.offset if self.invert else (x - self.offset) / self.scale

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self.scale if self.invert else gradient / self.scale,)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("normalize", self.offset.tobytes(), self.scale.tobytes(), self.offset.shape, self.invert)


class Rescale(Fixed):
    """keras.layers.Rescaling with numbers.

    Args:
        scale: Factor.
        offset: Added after it.
    """

    def __init__(self, scale: float, offset: float) -> None:
        self.scale, self.offset = scale, offset

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        return _float(inputs[0]) * self.scale + self.offset

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self.scale,)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("rescale", self.scale, self.offset)


class Flatten(Fixed):
    """keras.layers.Flatten."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        return inputs[0].reshape(len(inputs[0]), -1)

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient.reshape(self._shape),)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("flatten",)


class Multiply(Kernel):
    """The product with a dense layer's kernel, of inputs [batch, features]."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._x = _float(inputs[0])
        return self._x @ self.weights[0]

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        np.matmul(self._x.T, gradient, out=self.gradients[0])
        return (gradient @ self.weights[0].T,) if wanted else ()


class Bias(Kernel):
    """The bias of a dense or convolutional layer."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        return inputs[0] + self.weights[0]

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        np.add.reduce(rows_of(gradient), axis=0, out=self.gradients[0])
        return (gradient,)


class Activate(Kernel):
    """An activation.

    Args:
        name: As Keras calls it, one of `ACTIVATIONS`.
    """

    def __init__(self, name: str) -> None:
        self._derived = ACTIVATIONS[name]

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        y, self._kept = self._derived.value(inputs[0])
        return y

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (self._derived.gradient(self._kept, gradient),)


class Drop(Kernel):
    """keras.layers.Dropout.

    Args:
        rate: Share that is dropped, in (0, 1).

    Attributes:
        random: What is drawn from.
    """

    random: np.random.Generator

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = inputs[0]
        if not training:
            return x
        # Integers, since floats take twice as long to draw.
        drawn = self.random.bit_generator.random_raw((x.size + 1) // 2).view(np.uint32)[: x.size]
        kept = drawn.reshape(x.shape) >= np.uint32(self.rate * 2**32)
        self._mask = kept * np.float32(1 / (1 - self.rate))
        return x * self._mask

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self._mask,)


class Add(Kernel):
    """keras.layers.Add."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._count = len(inputs)
        return sum(inputs[2:], inputs[0] + inputs[1])

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient,) * self._count


def rows_of(x: NDArray) -> NDArray:
    """An array [..., channels] as [rows, channels]."""
    return x.reshape(-1, x.shape[-1])


def _float(x: NDArray) -> NDArray:
    return x if x.dtype == np.float32 else x.astype(np.float32)
