"""Activations of images, and their derivatives, as one loop each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.fused.loops import Batches, loop, shaped


@dataclasses.dataclass(frozen=True)
class Loops:
    """An activation.

    Attributes:
        forward: Takes x [batch, ...] and what passes through in an epoch.
        backward: Takes x and the gradient of the output, flat; gives that of x.
        saved: Seconds for every number, at least.
        compiles_forward: Whether `forward` is compiled as well, which takes a while; else it serves arrays of any size.
    """

    forward: Callable[[Any, Batches], Any]
    backward: Callable[[Any, Any], Any]
    saved: float
    compiles_forward: bool = True


def _derivative(activation: Callable[[Any], Any]) -> Any:
    def backward(x: Any, gradient: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = activation(x)
        return tape.gradient(y, x, gradient)

    return loop(backward, (tf.float32, 1))


def _forward(activation: Callable[[Any], Any]) -> Callable[[Any, Batches], Any]:
    compiled = loop(activation)
    return lambda x, batches: shaped(compiled(batches.flat(x)), x)


LOOPS = {
    keras.activations.gelu: Loops(_forward(keras.activations.gelu), _derivative(keras.activations.gelu), 2e-9),
    # In this form TensorFlow has an operation for it, and in validation makes it one with the convolution before.
    keras.activations.silu: Loops(
        lambda x, _: x * tf.sigmoid(x), _derivative(keras.activations.silu), 1e-9, compiles_forward=False
    ),
}
"""Those that TensorFlow computes in several operations; for the others its own are faster."""


def can_be_fused(layer: Any) -> bool:
    """Whether a layer has an activation that there are loops for."""
    # Not a property, which may have no way to be set; and not by equality, which an object may not have.
    activation = vars(layer).get("activation")
    return any(activation is each for each in LOOPS)


def fused(layer: Any, batches: Batches, *, training: bool) -> Callable[[Any], Any]:
    """The activation of a layer, by loops where compiling them is worth it.

    Args:
        layer: One that `can_be_fused` takes.
        batches: What passes through it in an epoch.
        training: Whether there will be derivatives.
    """
    by_keras = layer.activation
    loops = LOOPS[by_keras]
    # Without derivatives nothing of it is compiled, so that it need not be worth that.
    if not training and not loops.compiles_forward:
        return lambda x: loops.forward(x, batches)

    @tf.custom_gradient
    def by_loops(x: Any) -> Any:
        def gradient(dy: Any) -> Any:
            return shaped(loops.backward(batches.flat(x), batches.flat(dy)), x)

        return loops.forward(x, batches), gradient

    return lambda x: by_loops(x) if batches.are_worth_it(x, loops.saved) else by_keras(x)
