"""Losses with their derivatives: in numpy where they are known, else Keras' own, compiled once for all trials."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.identity import complete_config
from tuners.protocols import WithDerivative

Written: TypeAlias = "Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]"
"""The loss of each example and its derivative by the predictions, from targets and predictions [batch, values]."""


class WrittenLoss:
    """A loss of the output of a model, and its derivative, in numpy; see `CompiledLoss` for the methods.

    A step of a small model takes less time than a call of TensorFlow.
    """

    def __init__(self, written: Written) -> None:
        self._written = written

    def value(self, output: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
        """See `CompiledLoss.value`."""
        each, _ = self._written(y.reshape(output.shape).astype(np.float32, copy=False), output)
        return float(np.add.reduce(each if weights is None else each * weights) / len(each))

    def value_and_gradient(
        self, output: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> tuple[float, NDArray[Any]]:
        """See `CompiledLoss.value_and_gradient`."""
        each, slope = self._written(y.reshape(output.shape).astype(np.float32, copy=False), output)
        if weights is not None:
            each, slope = each * weights, slope * weights[:, None]
        rows = np.float32(len(each))
        return float(np.add.reduce(each) / rows), slope / rows


def squared_error(y: NDArray[Any], output: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of each example the mean of the squared errors [batch], and its derivative [batch, values]."""
    error = output - y
    return np.square(error).mean(axis=-1), error * np.float32(2 / error.shape[-1])


def binary_cross_entropy(y: NDArray[Any], output: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same of the cross-entropy of labels, from logits."""
    small = np.exp(-np.abs(output))
    each = np.maximum(output, 0) - output * y + np.log1p(small)
    shares = np.where(output >= 0, 1, small) / (1 + small)
    return each.mean(axis=-1), (shares - y) / np.float32(y.shape[-1])


def categorical_cross_entropy(y: NDArray[Any], output: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same of the cross-entropy of shares of classes, from logits.

    The derivative is TensorFlow's, which takes it that the shares of an example sum to 1.
    """
    shifted = output - np.maximum.reduce(output, axis=-1, keepdims=True)
    shares = np.exp(shifted)
    total = np.add.reduce(shares, axis=-1, keepdims=True)
    return np.add.reduce(y * (np.log(total) - shifted), axis=-1), shares / total - y


OF_LOGITS: dict[type, tuple[Any, Written]] = {
    keras.losses.BinaryCrossentropy: (keras.activations.sigmoid, binary_cross_entropy),
    keras.losses.CategoricalCrossentropy: (keras.activations.softmax, categorical_cross_entropy),
}
"""Losses by exact class: the head with which Keras computes them from logits, and the loss in numpy."""


def _written(loss: keras.losses.Loss, head: Any) -> Written | None:
    if loss.reduction != "sum_over_batch_size" or loss.dtype != "float32":
        return None
    if type(loss) in OF_LOGITS:
        usual, written = OF_LOGITS[type(loss)]
        plain = loss.axis == -1 and not loss.label_smoothing
        return written if plain and head is (None if loss.from_logits else usual) else None
    if head is not None:
        return None
    if type(loss) is keras.losses.MeanSquaredError:
        return squared_error
    return loss.value_and_derivative if isinstance(loss, WithDerivative) else None


class CompiledLoss:
    """A loss of the output of a model, and its derivative.

    Args:
        loss: The Keras loss, or a function of targets and predictions.
        head: Activation that the output has to get first, or None.
        y: Targets, for their shape and type.
        width: Numbers in an output.
        weighted: Whether examples have weights.
    """

    def __init__(self, loss: keras.losses.Loss, head: Any, y: NDArray[Any], width: int, weighted: bool) -> None:
        self._loss, self._head = loss, head or keras.activations.linear
        shapes = [tf.TensorSpec([None, width], tf.float32), tf.TensorSpec([None, *y.shape[1:]], y.dtype)]
        self._specs = [*shapes, *([tf.TensorSpec([None], tf.float32)] if weighted else [])]

    def value(self, *arrays: NDArray[Any]) -> float:
        """Mean loss of a batch: of the output [batch, values] before the head, targets, and weights [batch] if any."""
        return float(self._value(*map(tf.constant, arrays)))

    def value_and_gradient(self, *arrays: NDArray[Any]) -> tuple[float, NDArray[Any]]:
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

    def of(
        self, loss: keras.losses.Loss, head: Any, y: NDArray[Any], width: int, weighted: bool
    ) -> CompiledLoss | WrittenLoss:
        """A loss in numpy, or its compiled form, which is the same for losses that were made with the same arguments.

        Args:
            loss: The Keras loss.
            head: Activation of the output that the model leaves out, or None.
            y: Targets.
            width: Numbers in an output.
            weighted: Whether examples have weights.
        """
        written = _written(loss, head)
        if written is not None and y.size == len(y) * width:
            return WrittenLoss(written)
        config = complete_config(loss)
        key = (type(loss), config, head, y.shape[1:], y.dtype, width, weighted)
        if config is None or key not in self._known:
            made = CompiledLoss(loss, head, y, width, weighted)
            if config is None:
                return made
            self._known[key] = made
        return self._known[key]
