"""Keras losses with their derivatives, compiled once for all trials."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.numpy_engine.reading import UnknownModelError

_COMPILED: dict[tuple[type, str, str], CompiledLoss] = {}


class CompiledLoss:
    """A loss of the output of a model, and its derivative.

    Args:
        loss: The Keras loss.
        head: Activation that the output has to get first, or "".
    """

    def __init__(self, loss: keras.losses.Loss, head: str) -> None:
        self._loss, self._head = loss, keras.activations.get(head or "linear")
        self._value = tf.function(self._of, reduce_retracing=True)
        self._both = tf.function(self._with_gradient, reduce_retracing=True)

    def value(self, output: NDArray, y: NDArray, weights: NDArray | None) -> float:
        """Mean loss of a batch.

        Args:
            output: Of the model [batch, values], before the head.
            y: Targets.
            weights: Of the examples [batch], or None.
        """
        return float(self._value(*_tensors(output, y, weights)))

    def value_and_gradient(self, output: NDArray, y: NDArray, weights: NDArray | None) -> tuple[float, NDArray]:
        """Mean loss of a batch, and its derivative by the output; arguments as above."""
        loss, gradient = self._both(*_tensors(output, y, weights))
        return float(loss), np.asarray(gradient)

    def _of(self, output: Any, y: Any, weights: Any) -> Any:
        return self._loss(y, self._head(output), weights)

    def _with_gradient(self, output: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(output)
            loss = self._of(output, y, weights)
        return loss, tape.gradient(loss, output)


def compiled_loss(loss: keras.losses.Loss, head: str) -> CompiledLoss:
    """The compiled form of a loss, the same for losses of one class and configuration.

    Args:
        loss: The Keras loss.
        head: Activation of the output that the model leaves out, or "".

    Raises:
        UnknownModelError: The loss does not say what it is.
    """
    own = type(loss)
    if not own.__module__.startswith("keras.") and "get_config" not in vars(own):
        raise UnknownModelError(f"the loss {own.__name__} does not say its configuration")
    key = (own, json.dumps(loss.get_config(), sort_keys=True, default=str), head)
    if key not in _COMPILED:
        _COMPILED[key] = CompiledLoss(loss, head)
    return _COMPILED[key]


def _tensors(*arrays: NDArray | None) -> list[Any]:
    return [None if array is None else tf.constant(array) for array in arrays]
