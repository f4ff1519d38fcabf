"""Convolutions of 3 x 3 by Winograd's minimal filtering, which takes 16 products for what else takes 36.

Four numbers of an output, a square of 2 x 2, come from a square of 4 x 4 of the input. With both transformed, the
convolution is one product of matrices for each of the 16 places. The transforms are sums alone; they pass over the maps
several times, so that many channels are needed for the products to be worth it.

References:
    Lavin and Gray, 2016: Fast Algorithms for Convolutional Neural Networks, whose F(2 x 2, 3 x 3) this is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tuners.engine.device import has_one_thread
from tuners.engine.graph.fused import bias
from tuners.engine.graph.fused.loops import Batches

PLACES = 16
"""Numbers in a square of the input."""

KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
"""The transform of three weights of a kernel; G of the paper."""

FEWEST_CHANNELS = 48
"""Of input and output: with fewer the sums take as long as the products that are saved
(`tests/benchmarks/convolution_speed.py`)."""

LARGEST_PART = 9 * 2**20
"""Bytes of both transformed maps that are worked on at a time, since they should stay in the cache."""

MOST_PARTS = 64
"""Of a batch; each has operations of its own in the graph."""

SAVED = 2e-12
"""Seconds for every product of the convolution as it is written, at least, and for each loop that is compiled."""


def is_worth_it(layer: Any, x: Any, batches: Batches) -> bool:
    """Whether to compute a convolution so.

    Args:
        layer: A `keras.layers.Conv2D`.
        x: Its input [batch, height, width, channels].
        batches: What passes through it in an epoch.
    """
    # With more threads TensorFlow divides a convolution among them, and a loop has one.
    if not has_one_thread():
        return False
    if (layer.kernel_size, layer.strides, layer.dilation_rate) != ((3, 3), (1, 1), (1, 1)):
        return False
    if layer.padding != "same" or layer.groups != 1 or min(x.shape[-1], layer.filters) < FEWEST_CHANNELS:
        return False
    if not batches.are_worth_it(x, SAVED * 9 * layer.filters):
        return False
    parts, _ = _parts(x, layer.filters, batches)
    return parts <= min(MOST_PARTS, batches.largest)


def convolved(x: Any, kernel: Any, added: Any, batches: Batches) -> Any:
    """The convolution, by steps of one and with zeros around the map.

    Args:
        x: [batch, height, width, channels].
        kernel: [3, 3, channels, filters].
        added: The bias [filters].
        batches: What passes through in an epoch.

    Returns:
        [batch, height, width, filters].
    """
    (_, height, width, channels), filters = x.shape, kernel.shape[-1]
    parts, examples = _parts(x, filters, batches)
    transform = tf.constant(np.kron(KERNEL, KERNEL))

    def split(values: Any) -> list[Any]:
        # A last batch that is short is filled up with zeros.
        filled = tf.pad(values, [[0, examples * parts - tf.shape(values)[0]], [0, 0], [0, 0], [0, 0]])
        pieces: list[Any] = tf.split(tf.ensure_shape(filled, [examples * parts, *values.shape[1:]]), parts)
        return pieces

    def joined(values: Sequence[Any]) -> Any:
        return tf.concat(values, 0)[: tf.shape(x)[0]]

    @tf.custom_gradient
    def convolve(x: Any, kernel: Any, added: Any) -> Any:
        weights = tf.reshape(transform @ tf.reshape(kernel, [9, -1]), [PLACES, channels, filters])

        def forward(x: Any) -> Any:
            return _outputs(_squares(x) @ weights, added, height, width)

        def backward(x: Any, dy: Any) -> tuple[Any, Any]:
            # The squares are computed again, since they would take four times the memory of the map.
            squares, products = _squares(x), _products_back(dy)
            dx = _map_back(tf.matmul(products, weights, transpose_b=True), height, width)
            return dx, tf.matmul(squares, products, transpose_a=True)

        def gradient(dy: Any) -> tuple[Any, Any, Any]:
            dx, dweights = zip(*_in_turn(backward, split(x), split(dy)), strict=True)
            dkernel = tf.matmul(transform, tf.reshape(tf.add_n(dweights), [PLACES, -1]), transpose_a=True)
            return joined(dx), tf.reshape(dkernel, kernel.shape), bias.gradient(dy)

        return joined(_in_turn(forward, split(x))), gradient

    return convolve(x, kernel, added)


def _parts(x: Any, filters: int, batches: Batches) -> tuple[int, int]:
    """How many parts a batch has, by a power of two, and the examples in each: so batches of many sizes share parts."""
    numbers = batches.largest * math.prod(_along(*x.shape[1:3])) * PLACES * (x.shape[3] + filters)
    parts = 2 ** max(0, math.ceil(math.log2(numbers * tf.float32.size / LARGEST_PART)))
    return parts, math.ceil(batches.largest / parts)


def _along(height: int, width: int) -> tuple[int, int]:
    """How many squares there are along each side of a map, the last one over its edge where a side is odd."""
    return math.ceil(height / 2), math.ceil(width / 2)


def _in_turn(function: Callable[..., Any], *parts: list[Any]) -> list[Any]:
    """What a function makes of each part, one after the other: else TensorFlow may begin all before it ends one."""
    made: list[Any] = []
    for each in zip(*parts, strict=True):
        with tf.control_dependencies(tf.nest.flatten(made[-1:])):
            made.append(function(*each))
    return made


_loop = functools.partial(tf.function, jit_compile=True, autograph=False)
"""One for every shape, unlike `loops.loop`: which numbers are added depends on it."""

# Sums along one side, then along the other: a loop for each leaves less to compile than one for both, and is faster.


@_loop
def _squares(x: Any) -> Any:
    """The transform of a map: [places, squares, channels] of [examples, height, width, channels]."""
    high, wide = _along(*x.shape[1:3])
    x = tf.pad(x, [[0, 0], [1, 2 * high + 1 - x.shape[1]], [1, 2 * wide + 1 - x.shape[2]], [0, 0]])
    rows = tf.stack(_four([x[:, place : place + 2 * high - 1 : 2] for place in range(4)]))
    both = tf.stack(_four([rows[:, :, :, place : place + 2 * wide - 1 : 2] for place in range(4)]), 1)
    return tf.reshape(both, [PLACES, x.shape[0] * high * wide, x.shape[3]])


@_loop
def _outputs(products: Any, added: Any, height: int, width: int) -> Any:
    """The map of the products, and the bias: [examples, height, width, filters] of [places, squares, filters]."""
    high, wide = _along(height, width)
    products = tf.reshape(products, [4, 4, -1, high, wide, products.shape[2]])
    rows = _two(tf.unstack(products))
    both = tf.stack([tf.stack(_two(tf.unstack(row)), 3) for row in rows], 2)
    return tf.reshape(both, [-1, 2 * high, 2 * wide, products.shape[5]])[:, :height, :width] + added


@_loop
def _products_back(dy: Any) -> Any:
    """The gradient of the products of that of their map."""
    high, wide = _along(*dy.shape[1:3])
    dy = tf.pad(dy, [[0, 0], [0, 2 * high - dy.shape[1]], [0, 2 * wide - dy.shape[2]], [0, 0]])
    dy = tf.reshape(dy, [-1, high, 2, wide, 2, dy.shape[3]])
    rows = tf.stack(_two_back([dy[:, :, place] for place in range(2)]))
    both = tf.stack(_two_back([rows[:, :, :, :, place] for place in range(2)]), 1)
    return tf.reshape(both, [PLACES, dy.shape[0] * high * wide, dy.shape[5]])


@_loop
def _map_back(squares: Any, height: int, width: int) -> Any:
    """The gradient of a map of that of its squares."""
    high, wide = _along(height, width)
    squares = tf.reshape(squares, [4, 4, -1, high, wide, squares.shape[2]])
    rows = _overlapped(_four_back(tf.unstack(squares)), 2)
    both = _overlapped(_four_back(tf.unstack(rows)), 3)
    return tf.reshape(both, [-1, 2 * high, 2 * wide, squares.shape[5]])[:, :height, :width]


def _four(x: list[Any]) -> list[Any]:
    """Four numbers of an input, transformed: by the transpose of B of the paper."""
    return [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]]


def _four_back(x: list[Any]) -> list[Any]:
    """By B itself."""
    return [x[0], x[1] - x[2] + x[3], x[1] + x[2] - x[0], -x[3]]


def _two(x: list[Any]) -> list[Any]:
    """Two numbers of an output from four products: by the transpose of A of the paper."""
    return [x[0] + x[1] + x[2], x[1] - x[2] - x[3]]


def _two_back(x: list[Any]) -> list[Any]:
    """By A itself."""
    return [x[0], x[0] + x[1], x[0] - x[1], -x[1]]


def _overlapped(x: list[Any], axis: int) -> Any:
    """Sums of what squares have in common along an axis, as a further axis of two behind it.

    A square begins one place before its two outputs and ends one place behind them.
    """

    def moved(values: Any, by: int) -> Any:
        around, begin = np.zeros([values.shape.rank, 2], np.int32), np.zeros(values.shape.rank, np.int32)
        around[axis, int(by < 0)], begin[axis] = 1, int(by < 0)
        return tf.slice(tf.pad(values, around), begin, values.shape)

    return tf.stack([x[1] + moved(x[3], 1), x[2] + moved(x[0], -1)], axis + 1)
