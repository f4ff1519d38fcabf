"""What models end in, and the loss and metrics that go with it."""

from __future__ import annotations

from kzoo.lazy import keras
from kzoo.task import Task


def head(x: keras.KerasTensor, task: Task) -> keras.KerasTensor:
    """The last layers of a model.

    Args:
        x: Features [batch, width].
        task: The task.

    Returns:
        For classification, probabilities [batch, classes] that sum to 1. For labels, the probability of each [batch,
        labels]. For regression, targets [batch, num_targets]
        in their raw units: the layer before learns them standardised.
    """
    if task.kind == "classification":
        return keras.layers.Dense(task.num_classes, activation="softmax", name="probabilities")(x)
    if task.kind == "multi-label":
        return keras.layers.Dense(task.num_classes, activation="sigmoid", name="probabilities")(x)
    x = keras.layers.Dense(task.num_targets, name="standardized_outputs")(x)
    return keras.layers.Normalization(
        mean=list(task.target_mean),
        variance=[scale**2 for scale in task.target_scale],
        invert=True,
        name="outputs",
    )(x)


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
