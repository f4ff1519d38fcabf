"""The loss with its derivative, and the metrics, as sums over examples."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuners.engine.population.reading import UnknownModelError

METRICS = {
    "SparseCategoricalAccuracy": "sparse",
    "CategoricalAccuracy": "categorical",
    "BinaryAccuracy": "binary",
    "MeanAbsoluteError": "absolute",
    "MeanSquaredError": "squared",
    "RootMeanSquaredError": "root",
}
NAMES = {"mae": "absolute", "mean_absolute_error": "absolute", "mse": "squared", "mean_squared_error": "squared"}


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What is measured.

    Attributes:
        names: Of the metrics, the loss first, as they are reported.
        kinds: Of the metrics but the loss, values of `METRICS`.
        head: Activation that the output still has to get, or "".
        loss: What stands for the loss in comparisons.
        fused: Whether the loss is the cross-entropy of class ids, from logits.
        function: The Keras loss; two of one configuration are the same.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    head: str
    loss: str
    fused: bool
    function: Any = dataclasses.field(compare=False)

    def loss_and_gradient(self, output: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        """Mean loss of a batch, and its derivative by the output.

        Args:
            output: What the program gives [batch, ...], before the head; [members, batch, ...] with members.
            y: Targets.
            weights: Of the examples, or None.

        Returns:
            The loss [] or [members], and a tensor like the output.
        """
        if not self.fused:
            with tf.GradientTape() as tape:
                tape.watch(output)
                loss = self.function(y, self.predictions(output), weights)
            return loss, tape.gradient(loss, output)
        each, gradient = self._cross_entropy(output, y)
        rows = tf.cast(tf.shape(output)[-2], tf.float32)
        if weights is not None:
            each, gradient = each * weights, gradient * weights[..., None]
        return tf.reduce_sum(each, -1) / rows, gradient / rows

    def loss_only(self, output: Any, y: Any, weights: Any) -> Any:
        """Mean loss of a batch, [] or [members]; arguments as above."""
        if not self.fused:
            return self.function(y, self.predictions(output), weights)
        each = self._cross_entropy(output, y)[0]
        return tf.reduce_mean(each if weights is None else each * weights, -1)

    def predictions(self, output: Any) -> Any:
        """What the Keras model gives."""
        return keras.activations.get(self.head)(output) if self.head else output

    def sums(self, output: Any, y: Any) -> list[Any]:
        """Sum over the examples of each metric, [] or [members]."""
        if not self.kinds:
            return []
        # The largest logit is the largest probability.
        values = output if self.head == "softmax" else self.predictions(output)
        return [tf.reduce_sum(_metric(kind, values, y), -1) for kind in self.kinds]

    def results(self, sums: Any, rows: int) -> dict[str, float]:
        """Metrics by name from sums over examples, the loss first."""
        means = np.asarray(sums, np.float64) / rows
        roots = [False, *(kind == "root" for kind in self.kinds)]
        return {
            name: float(np.sqrt(value)) if root else float(value)
            for name, value, root in zip(self.names, means, roots, strict=True)
        }

    def _cross_entropy(self, output: Any, y: Any) -> tuple[Any, Any]:
        shape = tf.shape(output)
        each, gradient = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
            features=tf.reshape(output, [-1, shape[-1]]), labels=tf.reshape(tf.cast(y, tf.int64), [-1])
        )
        return tf.reshape(each, shape[:-1]), tf.reshape(gradient, shape)


def _metric(kind: str, values: Any, y: Any) -> Any:
    if kind == "sparse":
        found = tf.argmax(values, -1, output_type=tf.int32)
        return tf.cast(tf.equal(found, tf.reshape(tf.cast(y, tf.int32), tf.shape(found))), tf.float32)
    if kind == "categorical":
        return tf.cast(tf.equal(tf.argmax(values, -1), tf.argmax(y, -1)), tf.float32)
    y = tf.reshape(tf.cast(y, tf.float32), tf.shape(values))
    if kind == "binary":
        return tf.reduce_mean(tf.cast(tf.equal(tf.cast(values > 0.5, tf.float32), y), tf.float32), -1)
    return tf.reduce_mean(tf.abs(values - y) if kind == "absolute" else tf.square(values - y), -1)


def read(model: keras.Model, head: str, y: Any) -> Scoring:
    """What a compiled model is trained for and measured by.

    Args:
        model: A compiled Keras model with one output.
        head: Activation that its program leaves out.
        y: Targets.

    Raises:
        UnknownModelError: The loss or a metric is not known here.
    """
    config = model.get_compile_config()
    if config.get("weighted_metrics") or config.get("loss_weights") or config.get("jit_compile") is True:
        raise UnknownModelError("the model is compiled with weighted_metrics, loss_weights or jit_compile")
    found = [_read_metric(each, y, model.output_shape[-1]) for each in _listed(config.get("metrics"))]
    loss = keras.losses.get(model.loss)
    if len(model.output_shape) != 2 or not isinstance(loss, keras.losses.Loss):
        raise UnknownModelError("the loss is a function, or the output is not [batch, values]")
    own = type(loss)
    if not own.__module__.startswith("keras.") and "get_config" not in vars(own):
        raise UnknownModelError(f"the loss {own.__name__} does not say its configuration")
    settings = loss.get_config()
    if loss.reduction != "sum_over_batch_size" or loss.dtype != "float32":
        raise UnknownModelError("the loss is not a mean in float32")
    fused = own is keras.losses.SparseCategoricalCrossentropy and settings["from_logits"] == (head == "")
    fused &= settings.get("ignore_class") is None and head in ("", "softmax")
    names, kinds = zip(*found, strict=True) if found else ((), ())
    key = f"{own.__module__}.{own.__qualname__} {json.dumps(settings, sort_keys=True, default=str)}"
    return Scoring(("loss", *names), tuple(kinds), head, key, fused, loss)


def _listed(metrics: Any) -> Sequence[Any]:
    if metrics is None:
        return ()
    if not isinstance(metrics, list | tuple):
        raise UnknownModelError("the metrics are not a list")
    return metrics


def _read_metric(metric: Any, y: Any, width: int) -> tuple[str, str]:
    if isinstance(metric, str):
        if metric in ("accuracy", "acc"):
            classes = "categorical" if y.ndim == 2 and y.shape[1] > 1 else "sparse"
            return metric, "binary" if width == 1 else classes
        if metric in NAMES:
            return metric, NAMES[metric]
    elif isinstance(metric, Mapping) and metric.get("class_name") in METRICS and metric["module"] == "keras.metrics":
        if metric["config"].get("threshold", 0.5) == 0.5:
            return metric["config"]["name"], METRICS[metric["class_name"]]
    raise UnknownModelError(f"the metric {metric if isinstance(metric, str) else type(metric).__name__}")
