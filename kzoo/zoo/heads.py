"""What models end in, and the loss and metrics that go with it."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task


def head(x: keras.KerasTensor, task: Task) -> keras.KerasTensor:
    """The last layers of a model.

    Args:
        x: Features [batch, width], or [batch, members, width] where each member answers by itself.
        task: The task.

    Returns:
        For classification, probabilities [batch, classes] that sum to 1. For labels, the probability of each [batch,
        labels]. For regression, targets [batch, num_targets] in their raw units: the layer before learns them
        standardised. With members, [batch, members, ...].
    """
    if task.kind == "classification":
        return _outputs(x, task.num_classes, activation="softmax", name="probabilities")
    if task.kind == "multi-label":
        return _outputs(x, task.num_classes, activation="sigmoid", name="probabilities")
    x = _outputs(x, task.num_targets, name="standardized_outputs")
    return keras.layers.Normalization(
        mean=list(task.target_mean),
        variance=[scale**2 for scale in task.target_scale],
        invert=True,
        name="outputs",
    )(x)


def _outputs(x: keras.KerasTensor, units: int, **options: Any) -> keras.KerasTensor:
    if len(x.shape) == 2:
        return keras.layers.Dense(units, **options)(x)
    _, members, width = x.shape
    # Glorot's rule would count the members as inputs.
    initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
    shape = (members, units)
    return keras.layers.EinsumDense("bmi,mio->bmo", shape, bias_axes="mo", kernel_initializer=initializer, **options)(x)


def loss(task: Task) -> keras.losses.Loss:
    """The loss to train with: cross-entropy of classes or labels, or the mean squared error of standardised targets."""
    if task.kind == "classification":
        return keras.losses.SparseCategoricalCrossentropy()
    if task.kind == "multi-label":
        return keras.losses.BinaryCrossentropy()
    from kzoo.zoo.losses import StandardizedMeanSquaredError

    return StandardizedMeanSquaredError(task.target_scale)


def metrics(task: Task) -> list[keras.metrics.Metric]:
    """What to report beside the loss, in the targets' raw units for regression."""
    if task.kind == "classification":
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    if task.kind == "multi-label":
        return [keras.metrics.BinaryAccuracy(name="accuracy")]
    return [keras.metrics.MeanAbsoluteError(), keras.metrics.RootMeanSquaredError()]
