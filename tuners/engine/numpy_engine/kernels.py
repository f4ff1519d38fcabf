"""Layers written out in numpy: what each computes, and its derivative, for several models at once.

Nothing is compiled, so that a trial costs what its arithmetic costs. For the matrices of small models a call of numpy
takes a tenth of what a call of TensorFlow takes, and both multiply matrices equally fast. Every array has a leading
axis of models, the members, so that one call serves them all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.activations import ACTIVATIONS

Gradients = tuple[NDArray, ...]


class Kernel:
    """A layer of the members, or a part of one. `forward` in training keeps what `backward` needs.

    Attributes:
        weights: Arrays [members, ...], the trainable ones first; updated in place.
        gradients: Of the trainable weights; `backward` writes them.
        of_members: Names of attributes that are arrays with something for each member.
        keeps_zero: Whether a unit that is zero for all examples, and leads nowhere, stays so and learns nothing: units
            are added to narrow members until all are as wide as the widest.
    """

    weights: Sequence[NDArray] = ()
    gradients: Sequence[NDArray] = ()
    of_members: tuple[str, ...] = ()
    keeps_zero = False

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """The output.

        Args:
            *inputs: Arrays [members, batch, ..., channels].
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

    def key(self) -> tuple[object, ...]:
        """Equal for kernels that can be of one model and another, and be joined."""
        return (type(self).__name__,)

    def joined(self, others: Sequence[Any]) -> Any:
        """The kernel of this one's members and those of others with the same key, without weights."""
        made = copy.copy(self)
        for name in self.of_members:
            setattr(made, name, np.concatenate([getattr(each, name) for each in (self, *others)]))
        return made

    def part(self, members: slice | list[int]) -> Any:
        """The kernel of some of the members, without weights."""
        made = copy.copy(self)
        for name in self.of_members:
            setattr(made, name, getattr(self, name)[members])
        return made


class Multiply(Kernel):
    """The product with a dense layer's kernel, of inputs [members, batch, features]."""

    keeps_zero = True

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._x = single(inputs[0])
        return self._x @ self.weights[0]

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        np.matmul(self._x.transpose(0, 2, 1), gradient, out=self.gradients[0])
        return (gradient @ self.weights[0].transpose(0, 2, 1),) if wanted else ()


class Bias(Kernel):
    """The bias of a dense layer."""

    keeps_zero = True

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        return inputs[0] + self.weights[0][:, None]

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        np.add.reduce(gradient, axis=1, out=self.gradients[0])
        return (gradient,)


class Activate(Kernel):
    """An activation.

    Args:
        name: As Keras calls it, one of `ACTIVATIONS`.
    """

    def __init__(self, name: str) -> None:
        self.name, self._derived = name, ACTIVATIONS[name]
        self.keeps_zero = name != "sigmoid"

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        y, self._kept = self._derived.value(inputs[0])
        return y

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (self._derived.gradient(self._kept, gradient),)

    def key(self) -> tuple[object, ...]:
        """See `Kernel`."""
        return ("activate", self.name)


class Drop(Kernel):
    """keras.layers.Dropout.

    Args:
        rate: Share that is dropped, in (0, 1).
        shape: Of an example.

    Attributes:
        rates: [members].
        shapes: [members, axes].
        random: What is drawn from for each member [members].
    """

    of_members = ("rates", "shapes", "random")
    keeps_zero = True

    def __init__(self, rate: float, shape: tuple[int, ...]) -> None:
        self.rates, self.shapes, self.random = np.array([rate]), np.array([shape]), np.empty(1, object)

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = inputs[0]
        if not training:
            return x
        self._mask = np.empty(x.shape, np.float32)
        own = zip(self.rates.tolist(), self.shapes.tolist(), self.random, strict=True)
        for mask, (rate, shape, random) in zip(self._mask, own, strict=True):
            # Integers, since floats take twice as long to draw; as many as the member would draw alone.
            count = len(mask) * math.prod(shape)
            drawn = random.bit_generator.random_raw((count + 1) // 2).view(np.uint32)[:count]
            kept = drawn.reshape(len(mask), *shape) >= np.uint32(rate * 2**32)
            np.multiply(kept, np.float32(1 / (1 - rate)), out=mask[..., : shape[-1]])
            mask[..., shape[-1] :] = 0
        return x * self._mask

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self._mask,)


class Add(Kernel):
    """keras.layers.Add."""

    keeps_zero = True

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._count = len(inputs)
        return sum(inputs[2:], inputs[0] + inputs[1])

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient,) * self._count


def rows_of(x: NDArray) -> NDArray:
    """An array [members, ..., channels] as [members, rows, channels]."""
    return x if x.ndim == 3 else x.reshape(len(x), -1, x.shape[-1])


def some(values: list[Any], members: slice | list[int]) -> list[Any]:
    """Some of a list with one value for each member."""
    return values[members] if isinstance(members, slice) else [values[member] for member in members]


def single(x: NDArray) -> NDArray:
    """An array in single precision."""
    return x if x.dtype == np.float32 else x.astype(np.float32)
