"""Keras losses with their derivatives, compiled once for all trials that have the same one."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.identity import complete_config


class CompiledLoss:
    """A loss of the output of a model, and its derivative.

    Args:
        loss: The Keras loss, or a function of targets and predictions.
        head: Activation that the output has to get first, or None.
        y: Targets, for their shape and type.
        width: Numbers in an output.
        weighted: Whether examples have weights.
    """

    def __init__(self, loss: keras.losses.Loss, head: Any, y: NDArray, width: int, weighted: bool) -> None:
        self._loss, self._head = loss, head or keras.activations.linear
        shapes = [tf.TensorSpec([None, width], tf.float32), tf.TensorSpec([None, *y.shape[1:]], y.dtype)]
        self._specs = [*shapes, *([tf.TensorSpec([None], tf.float32)] if weighted else [])]

    def value(self, *arrays: NDArray) -> float:
        """Mean loss of a batch: of the output [batch, values] before the head, targets, and weights [batch] if any."""
        return float(self._value(*map(tf.constant, arrays)))

    def value_and_gradient(self, *arrays: NDArray) -> tuple[float, NDArray]:
        """Mean loss of a batch, and its derivative by the output; arguments as above."""
        loss, gradient = self._both(*map(tf.constant, arrays))
        return float(loss), np.asarray(gradient)

    @functools.cached_property
    def _value(self) -> Any:
        return tf.function(self._of, autograph=False).get_concrete_function(*self._specs)

    @functools.cached_property
    def _both(self) -> Any:
        return tf.function(self._with_gradient, autograph=False).get_concrete_function(*self._specs)

    def _of(self, output: Any, y: Any, weights: Any = None) -> Any:
        return self._loss(y, self._head(output), weights)

    def _with_gradient(self, output: Any, y: Any, weights: Any = None) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(output)
            loss = self._of(output, y, weights)
        return loss, tape.gradient(loss, output)


class CompiledLosses:
    """The compiled losses of a search."""

    def __init__(self) -> None:
        self._known: dict[Any, CompiledLoss] = {}

    def of(self, loss: keras.losses.Loss, head: Any, y: NDArray, width: int, weighted: bool) -> CompiledLoss:
        """The compiled form of a loss, the same for losses that were made with the same arguments.

        Args:
            loss: The Keras loss.
            head: Activation of the output that the model leaves out, or None.
            y: Targets.
            width: Numbers in an output.
            weighted: Whether examples have weights.
        """
        config = complete_config(loss)
        key = (type(loss), config, head, y.shape[1:], y.dtype, width, weighted)
        if config is None or key not in self._known:
            made = CompiledLoss(loss, head, y, width, weighted)
            if config is None:
                return made
            self._known[key] = made
        return self._known[key]
