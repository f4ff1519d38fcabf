"""Losses of our own, registered with Keras so that saved models load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

LEAST = 1e-37
"""A number that float32 does not round to 0."""


@keras.saving.register_keras_serializable(package="kzoo")
class StandardizedMeanSquaredError(keras.losses.Loss):
    """Mean squared error of targets divided by their standard deviations.

    Every target weighs the same whatever its unit, and a learning rate means the same for every data set.

    Args:
        scale: Standard deviation of each target in the training set, or of its logarithm, all > 0.
        logarithms: Whether targets and predictions, all > 0, are compared by their logarithms.
        name: Name of the loss.
        **options: Options of `keras.losses.Loss`.
    """

    def __init__(
        self,
        scale: Sequence[float],
        logarithms: bool = False,
        name: str = "standardized_mean_squared_error",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.scale = [float(value) for value in scale]
        self.logarithms = bool(logarithms)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each example.

        Args:
            y_true: Targets [batch, targets] in raw units.
            y_pred: Predictions [batch, targets] in raw units.

        Returns:
            A tensor [batch].
        """
        y_true = keras.ops.reshape(keras.ops.cast(y_true, y_pred.dtype), keras.ops.shape(y_pred))
        if self.logarithms:
            # What is rounded to 0 has no logarithm.
            y_true, y_pred = (keras.ops.log(keras.ops.maximum(each, LEAST)) for each in (y_true, y_pred))
        error = (y_true - y_pred) / keras.ops.convert_to_tensor(self.scale, y_pred.dtype)
        return keras.ops.mean(keras.ops.square(error), axis=-1)

    def value_and_derivative(self, y_true: NDArray[Any], y_pred: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The same in numpy, with the derivative by the predictions.

        Args:
            y_true: Targets, float32 [batch, targets], in raw units.
            y_pred: Predictions, float32 [batch, targets], in raw units.

        Returns:
            Loss of each example [batch], and its derivative [batch, targets].
        """
        inner: NDArray[Any] = 1 / np.asarray(self.scale, np.float32)
        if self.logarithms:
            held = np.maximum(y_pred, np.float32(LEAST))
            inner = np.where(y_pred >= held, inner / held, np.float32(0))
            y_true, y_pred = np.log(np.maximum(y_true, np.float32(LEAST))), np.log(held)
        error = (y_pred - y_true) / np.asarray(self.scale, np.float32)
        return np.square(error).mean(axis=-1), error * inner * np.float32(2 / error.shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal loss."""
        return {**super().get_config(), "scale": self.scale, "logarithms": self.logarithms}
