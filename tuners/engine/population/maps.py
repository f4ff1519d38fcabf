"""Layers of images [batch, height, width, channels] written out; one member at a time."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import tensorflow as tf

from tuners.engine.population.kernels import Kernel, Saved, Step


@dataclasses.dataclass(frozen=True)
class Convolve(Kernel):
    """The convolution of keras.layers.Conv2D, without its bias."""

    members: ClassVar[bool] = False
    strides: tuple[int, int]
    padding: str

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x, kernel = tf.cast(inputs[0], tf.float32), step.weights[0].read_value()
        y = tf.raw_ops.Conv2D(input=x, filter=kernel, strides=self._strides, padding=self.padding)
        return y, (x, kernel)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        x, kernel = saved
        common = {"out_backprop": gradient, "strides": self._strides, "padding": self.padding}
        dkernel = tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=tf.shape(kernel), **common)
        if not inputs:
            return (), (dkernel,)
        return (tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(x), filter=kernel, **common),), (dkernel,)

    @property
    def _strides(self) -> list[int]:
        return [1, *self.strides, 1]


@dataclasses.dataclass(frozen=True)
class Pool(Kernel):
    """keras.layers.MaxPooling2D or AveragePooling2D."""

    members: ClassVar[bool] = False
    largest: bool
    size: tuple[int, int]
    strides: tuple[int, int]
    padding: str

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        x = inputs[0]
        y = tf.raw_ops.MaxPool(input=x, **self._window) if self.largest else tf.raw_ops.AvgPool(value=x, **self._window)
        return y, (x, y)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        x, y = saved
        if self.largest:
            return (tf.raw_ops.MaxPoolGrad(orig_input=x, orig_output=y, grad=gradient, **self._window),), ()
        return (tf.raw_ops.AvgPoolGrad(orig_input_shape=tf.shape(x), grad=gradient, **self._window),), ()

    @property
    def _window(self) -> dict[str, Any]:
        return {"ksize": [1, *self.size, 1], "strides": [1, *self.strides, 1], "padding": self.padding}


@dataclasses.dataclass(frozen=True)
class AverageMap(Kernel):
    """keras.layers.GlobalAveragePooling2D."""

    members: ClassVar[bool] = False

    def forward(self, step: Step, *inputs: Any) -> tuple[Any, Saved]:
        """See `Kernel`."""
        return tf.reduce_mean(inputs[0], [1, 2]), (tf.shape(inputs[0]),)

    def backward(self, step: Step, saved: Saved, gradient: Any, *, inputs: bool) -> tuple[Saved, Saved]:
        """See `Kernel`."""
        shape = saved[0]
        share = gradient / tf.cast(shape[1] * shape[2], tf.float32)
        return (tf.broadcast_to(share[:, None, None, :], shape),), ()
