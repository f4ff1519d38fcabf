"""What models end in, and the loss and metrics that go with it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task


def head(x: keras.KerasTensor, task: Task, *, initializer: str = "glorot_uniform") -> keras.KerasTensor:
    """The last layers of a model.

    Args:
        x: Features [batch, width], or [batch, members, width] where each member answers by itself.
        task: The task.
        initializer: Of the kernel. A model that is this layer alone begins at "zeros", the answer that knows no input:
            its loss has one minimum, and what random weights say of many inputs takes long to unlearn.

    Returns:
        For classification, probabilities [batch, classes] that sum to 1. For labels, the probability of each [batch,
        labels]. For regression, targets [batch, num_targets] in their raw units: the layer before learns them
        standardised. With members, [batch, members, ...].
    """
    if task.kind == "classification":
        return _outputs(x, task.num_classes, activation="softmax", kernel_initializer=initializer, name="probabilities")
    if task.kind == "multi-label":
        return _outputs(x, task.num_classes, activation="sigmoid", kernel_initializer=initializer, name="probabilities")
    x = _outputs(x, task.num_targets, kernel_initializer=initializer, name="standardized_outputs")
    x = keras.layers.Normalization(
        mean=list(task.target_mean),
        variance=[scale**2 for scale in task.target_scale],
        invert=True,
        name="log_outputs" if task.log_target else "outputs",
    )(x)
    return keras.layers.Activation("exponential", name="outputs")(x) if task.log_target else x


def _outputs(x: keras.KerasTensor, units: int, *, kernel_initializer: str, **options: Any) -> keras.KerasTensor:
    if len(x.shape) == 2:
        return keras.layers.Dense(units, kernel_initializer=kernel_initializer, **options)(x)
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

    return StandardizedMeanSquaredError(task.target_scale, logarithms=task.log_target)


def metrics(task: Task, names: Iterable[str] = ()) -> list[keras.metrics.Metric]:
    """What to report beside the loss, in the targets' raw units for regression.

    Args:
        task: The task.
        names: Of metrics to add to those that cost nothing, such as "auc": those of `task.objectives`, without "val_".

    Raises:
        ValueError: There is no such metric for the task.
    """
    if task.kind == "regression":
        found: list[keras.metrics.Metric] = [keras.metrics.MeanAbsoluteError(), keras.metrics.RootMeanSquaredError()]
    elif task.kind == "multi-label":
        found = [keras.metrics.BinaryAccuracy(name="accuracy")]
    else:
        found = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    known = {"loss", *(metric.name for metric in found)}
    return found + [_metric(task, name) for name in metric_names(task, names) if name not in known]


def metric_names(task: Task, names: Iterable[str]) -> tuple[str, ...]:
    """Metrics as they are reported, by names that people use.

    Raises:
        ValueError: There is no such metric for the task.
    """
    return tuple(dict.fromkeys(task.objective_named(name).removeprefix("val_") for name in names))


def _metric(task: Task, name: str) -> keras.metrics.Metric:
    from kzoo.zoo import metrics

    if name == "r2":
        mean, scale = task.target_mean, task.target_scale
        if task.log_target:
            mean = tuple(map(math.exp, mean))
            scale = tuple(center * width for center, width in zip(mean, scale, strict=True))
        return metrics.R2(mean, scale)
    if name == "balanced_accuracy":
        return metrics.BalancedAccuracy(task.num_classes)
    kinds = {"auc": metrics.AUC, "pr_auc": metrics.PRAUC, "f1": metrics.MacroF1}
    return kinds[name](task.num_classes, multi_label=task.kind == "multi-label")
