"""Layers of images [batch, height, width, channels] written out; convolution and pooling are TensorFlow's."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.population.kernels import Gradients, Kernel


class Convolve(Kernel):
    """The convolution of keras.layers.Conv2D, without its bias.

    Args:
        strides: In both directions.
        padding: "SAME" or "VALID".
    """

    def __init__(self, strides: tuple[int, int], padding: str) -> None:
        self._options: dict[str, Any] = {"strides": [1, *strides, 1], "padding": padding}

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._x, self._kernel = tf.constant(inputs[0], tf.float32), tf.constant(self.weights[0])
        return np.asarray(tf.raw_ops.Conv2D(input=self._x, filter=self._kernel, **self._options))

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        dy, shapes = tf.constant(gradient), (self._x.shape, self._kernel.shape)
        self.gradients[0][...] = tf.raw_ops.Conv2DBackpropFilter(
            input=self._x, filter_sizes=shapes[1], out_backprop=dy, **self._options
        )
        if not wanted:
            return ()
        dx = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shapes[0], filter=self._kernel, out_backprop=dy, **self._options
        )
        return (np.asarray(dx),)


class Pool(Kernel):
    """keras.layers.MaxPooling2D or AveragePooling2D.

    Args:
        largest: Whether the maximum is taken, not the mean.
        size: Of the window.
        strides: In both directions.
        padding: "SAME" or "VALID".
    """

    def __init__(self, largest: bool, size: tuple[int, int], strides: tuple[int, int], padding: str) -> None:
        self.largest = largest
        self._window: dict[str, Any] = {"ksize": [1, *size, 1], "strides": [1, *strides, 1], "padding": padding}

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._x = tf.constant(inputs[0], tf.float32)
        if self.largest:
            self._y = tf.raw_ops.MaxPool(input=self._x, **self._window)
        else:
            self._y = tf.raw_ops.AvgPool(value=self._x, **self._window)
        return np.asarray(self._y)

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        dy = tf.constant(gradient)
        if self.largest:
            dx = tf.raw_ops.MaxPoolGrad(orig_input=self._x, orig_output=self._y, grad=dy, **self._window)
        else:
            dx = tf.raw_ops.AvgPoolGrad(orig_input_shape=self._x.shape, grad=dy, **self._window)
        return (np.asarray(dx),)


class AverageMap(Kernel):
    """keras.layers.GlobalAveragePooling2D."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        return inputs[0].mean(axis=(1, 2))

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        share = gradient / np.float32(self._shape[1] * self._shape[2])
        return (np.broadcast_to(share[:, None, None, :], self._shape),)
