"""Elementwise operations as one loop over the numbers, which XLA compiles for the machine at hand.

TensorFlow takes one operation after the other, each of which reads and writes whole maps of images, and its kernels are
compiled for machines of any age. A loop is compiled for every number of elements that it is called with, in 30 to 100
ms, and stays for the process: arrays are flattened and filled up, so that as many shapes as can be share one.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tuners.engine.device import has_gpu

COMPILING = 0.1
"""Seconds, at most, that it takes to compile a loop."""


def loop(function: Callable[..., Any], *dtypes: Any) -> Any:
    """A function as one compiled loop.

    Args:
        function: Takes a flat float32 array, and then what `dtypes` say.
        *dtypes: Of its further arguments, scalars or flat arrays of one size with the first: (dtype, rank).
    """
    shapes = [tf.TensorSpec([None] * rank, dtype) for dtype, rank in ((tf.float32, 1), *dtypes)]
    return tf.function(function, input_signature=shapes, jit_compile=True, autograph=False)


@dataclasses.dataclass(frozen=True)
class Batches:
    """The batches of a training.

    Attributes:
        rows: Examples in an epoch.
        size: Examples in each batch but the last one of an epoch.
        epochs: How many, at most.
    """

    rows: int
    size: int
    epochs: int

    @property
    def largest(self) -> int:
        """Examples in the largest batch."""
        return min(self.size, self.rows)

    def are_worth_it(self, x: Any, saved: float) -> bool:
        """Whether to compute a layer by loops.

        Args:
            x: Its input [batch, ...].
            saved: Seconds for every number.
        """
        sizes = x.shape[1:]
        return (
            x.dtype == tf.float32
            and sizes.is_fully_defined()
            and math.prod(sizes) * self.rows * self.epochs * saved >= COMPILING
            and has_compiler()
        )

    def flat(self, x: Any) -> Any:
        """An array [batch, ...] as a flat one of the size that loops are compiled for, with zeros at the end.

        A last batch that is short is filled up as well: compiling for it too would take longer.
        """
        numbers = math.prod(x.shape[1:]) * self.largest
        values = tf.reshape(x, [-1])
        # Where nothing is missing, nothing is copied.
        return tf.pad(values, [[0, tf.maximum(numbers + room(numbers) - tf.size(values), 0)]])


def shaped(values: Any, x: Any) -> Any:
    """What a loop has made of `flat(x)`, in the shape of x."""
    return tf.ensure_shape(tf.reshape(values[: tf.size(x)], tf.shape(x)), x.shape)


def room(numbers: int) -> int:
    """How many zeros to fill up with: a process compiles for 32 sizes between two powers of two, and keeps each."""
    return -numbers % (1 << max(0, numbers.bit_length() - 6))


@functools.cache
def has_compiler() -> bool:
    """Whether loops can be compiled and would be faster: not on a GPU, and not where TensorFlow comes without XLA."""
    if has_gpu():
        return False
    try:
        loop(lambda x: x + 1)(tf.zeros(1))
    except (tf.errors.OpError, ValueError):
        return False
    return True
