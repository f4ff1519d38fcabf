"""Dropout of images as one loop that draws, compares and scales; its derivative draws the same again.

TensorFlow draws a number for every element into memory, by a generator whose rounds take longer than a convolution
of few channels. A generator that goes by counters gives an element's number from its place alone, so that nothing is
kept for the derivative.

References:
    Widynski, 2020: Squares: A Fast Counter-Based RNG, for the generator. Steele, Lea and Flood, 2014: Fast Splittable
    Pseudorandom Number Generators, for the mixing of its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.fused.loops import Batches, loop, shaped

GOLDEN = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio, the step of SplitMix64."""

SAVED = 5e-9
"""Seconds for every number, at least."""


def can_be_fused(layer: Any) -> bool:
    """Whether a layer is dropout of single elements."""
    # Not a subclass, which may do something else.
    return type(layer) is keras.layers.Dropout and layer.noise_shape is None and layer.rate > 0


def fused(layer: Any, batches: Batches) -> Callable[..., Any]:
    """The call of a layer, of large arrays by loops.

    Args:
        layer: One that `can_be_fused` takes.
        batches: What passes through it in an epoch.
    """
    by_keras, rate = layer.call, layer.rate

    def call(inputs: Any, training: bool = False) -> Any:
        if not training:
            return by_keras(inputs, training=False)
        # A number, or one that is read when an epoch begins, which Keras' own dropout does not take.
        exact = tf.convert_to_tensor(rate, tf.float64)
        if not batches.are_worth_it(inputs, SAVED):
            drawn = keras.random.uniform(tf.shape(inputs), dtype=inputs.dtype, seed=layer.seed_generator)
            kept = inputs * tf.cast(1 / (1 - exact), inputs.dtype)
            return tf.where(drawn >= tf.cast(exact, inputs.dtype), kept, tf.zeros([], inputs.dtype))
        least, scale = tf.cast(tf.round(exact * 2**32), tf.uint64), tf.cast(1 / (1 - exact), tf.float32)
        seed = layer.seed_generator.next()

        @tf.custom_gradient
        def drop(x: Any) -> Any:
            def dropped(values: Any) -> Any:
                return shaped(_loop(batches.flat(values), tf.cast(seed, tf.int64), least, scale), x)

            return dropped(x), dropped

        return drop(inputs)

    return call


def _drop(x: Any, seed: Any, least: Any, scale: Any) -> Any:
    return tf.where(squares(_key(seed), tf.size(x)) >= least, x * scale, 0.0)


def squares(key: Any, count: Any) -> Any:
    """Random numbers of 32 bits, as uint64 [count].

    Args:
        key: uint64, odd and irregular.
        count: How many.
    """
    y = tf.cast(tf.range(count), tf.uint64) * key
    z = y + key
    x = _halves_changed(y * y + y)
    x = _halves_changed(x * x + z)
    x = _halves_changed(x * x + y)
    return tf.bitwise.right_shift(x * x + z, tf.constant(32, tf.uint64))


def _halves_changed(x: Any) -> Any:
    half = tf.constant(32, tf.uint64)
    return tf.bitwise.bitwise_or(tf.bitwise.right_shift(x, half), tf.bitwise.left_shift(x, half))


def _key(seed: Any) -> Any:
    """A key from two integers, by the mixing function of SplitMix64."""
    first, second = tf.cast(seed[0], tf.uint64), tf.cast(seed[1], tf.uint64)
    z = first + second * tf.constant(GOLDEN, tf.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64)))
        z *= tf.constant(factor, tf.uint64)
    z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(31, tf.uint64)))
    return tf.bitwise.bitwise_or(z, tf.constant(1, tf.uint64))


_loop = loop(_drop, (tf.int64, 1), (tf.uint64, 0), (tf.float32, 0))
