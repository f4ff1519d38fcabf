"""Layers written out: what each computes from tensors, and its derivative.

A kernel holds only what changes the graph; weights, rates and constants come in at each step. With `Step.members`,
every tensor has a leading member axis and every weight too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import tensorflow as tf

from tuners.engine.population.activations import ACTIVATIONS

Saved = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Step:
    """What a kernel may use while it computes.

    Attributes:
        weights: Variables of the node.
        rates: One float a rate of the node; [members] with `members`.
        constants: Arrays of the node that are no weights.
        training: Whether batch statistics and dropout are on.
        members: Whether tensors have a leading member axis.
        seed: Integers [2], others in every step and node.
    """

    weights: tuple[Any, ...]
    rates: tuple[Any, ...]
    constants: tuple[Any, ...]
    training: bool
    members: bool
    seed: Callable[[], Any]

    def along(self, values: Any, x: Any) -> Any:
        """Values [channels], or [members, channels], laid along the last axis of x."""
        if not self.members:
            return values
        shape = tf.shape(values)
        return tf.reshape(values, [shape[0], *[1] * (x.shape.rank - 2), shape[1]])

    def each(self, rate: Any, x: Any) -> Any:
        """A rate, or one for each member [members], laid along the first axis of x."""
        return tf.reshape(rate, [-1, *[1] * (x.shape.rank - 1)]) if self.members else rate

    def inner_axes(self, x: Any) -> list[int]:
        """The axes of x but members and channels."""
        return list(range(int(self.members), x.shape.rank - 1))


class Kernel:
    """A layer, or a part of one. Subclasses are frozen dataclasses: two that are equal share a graph."""

    members: ClassVar[bool] = True
    """Whether it can compute several members at once."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """The output, and what the derivative needs."""
        raise NotImplementedError

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """Gradients of the inputs (none where `inputs` is False) and of the trainable weights."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Normalize(Kernel):
    """keras.layers.Normalization, with offset and scale [1, ..., channels] as constants."""

    invert: bool

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        (x,), (offset, scale) = inputs, step.constants
        x = tf.cast(x, tf.float32)
        return (x * scale + offset if self.invert else (x - offset) / scale), ()

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        scale = step.constants[1]
        return ((gradient * scale if self.invert else gradient / scale),), ()


@dataclasses.dataclass(frozen=True)
class Rescale(Kernel):
    """keras.layers.Rescaling with numbers."""

    scale: float
    offset: float

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        return tf.cast(inputs[0], tf.float32) * self.scale + self.offset, ()

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        return (gradient * self.scale,), ()


@dataclasses.dataclass(frozen=True)
class Flatten(Kernel):
    """keras.layers.Flatten."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        shape = tf.shape(inputs[0])
        kept = 1 + int(step.members)
        return tf.reshape(inputs[0], tf.concat([shape[:kept], [-1]], 0)), (shape,)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        return (tf.reshape(gradient, saved[0]),), ()


@dataclasses.dataclass(frozen=True)
class Multiply(Kernel):
    """The product with a dense layer's kernel, of inputs [batch, features]."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x, kernel = tf.cast(inputs[0], tf.float32), step.weights[0].read_value()
        return tf.matmul(x, kernel), (x, kernel)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        x, kernel = saved
        upstream = (tf.matmul(gradient, kernel, transpose_b=True),) if inputs else ()
        return upstream, (tf.matmul(x, gradient, transpose_a=True),)


@dataclasses.dataclass(frozen=True)
class Bias(Kernel):
    """The bias of a dense or convolutional layer."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x, bias = inputs[0], step.weights[0].read_value()
        return (x + step.along(bias, x) if step.members else tf.nn.bias_add(x, bias)), ()

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        if step.members:
            return (gradient,), (tf.reduce_sum(gradient, step.inner_axes(gradient)),)
        return (gradient,), (tf.raw_ops.BiasAddGrad(out_backprop=gradient),)


@dataclasses.dataclass(frozen=True)
class Activate(Kernel):
    """An activation by its Keras name."""

    name: str

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x = inputs[0]
        y = ACTIVATIONS[self.name].value(x)
        return y, (x, y)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        x, y = saved
        return (ACTIVATIONS[self.name].gradient(x, y, gradient),), ()


@dataclasses.dataclass(frozen=True)
class Drop(Kernel):
    """keras.layers.Dropout, its rate a rate of the node."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x = inputs[0]
        if not step.training:
            return x, ()
        rate = step.each(step.rates[0], x)
        drawn = tf.random.stateless_uniform(tf.shape(x), step.seed(), alg="philox")
        mask = tf.cast(drawn >= rate, tf.float32) * (1.0 / (1.0 - rate))
        return x * mask, (mask,)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        return (gradient * saved[0],), ()


@dataclasses.dataclass(frozen=True)
class Add(Kernel):
    """keras.layers.Add."""

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        return tf.add_n(inputs), (len(inputs),)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        return (gradient,) * saved[0], ()
