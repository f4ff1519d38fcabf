"""The loss with its derivative, and the metrics, as sums over examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.activations import sigmoid
from tuners.engine.numpy_engine.losses import CompiledLoss, compiled_loss
from tuners.engine.numpy_engine.reading import UnknownModelError

METRICS = {
    "SparseCategoricalAccuracy": "sparse",
    "CategoricalAccuracy": "categorical",
    "BinaryAccuracy": "binary",
    "MeanAbsoluteError": "absolute",
    "MeanSquaredError": "squared",
    "RootMeanSquaredError": "root",
}
LOSSES = {
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "BinaryCrossentropy": "binary_crossentropy",
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "Huber": "huber",
    "Poisson": "poisson",
}
"""Classes of losses and the functions that names such as "mse" stand for."""
NAMES = {"mae": "absolute", "mean_absolute_error": "absolute", "mse": "squared", "mean_squared_error": "squared"}


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What is measured.

    Attributes:
        names: Of the metrics, the loss first, as they are reported.
        kinds: Of the metrics but the loss, values of `METRICS`.
        head: Activation that the output still has to get, or "".
        loss: The Keras loss with its derivative; None where it is the cross-entropy of class ids, from logits.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    head: str
    loss: CompiledLoss | None

    def losses_and_gradient(self, output: NDArray, y: NDArray, weights: NDArray | None) -> tuple[NDArray, NDArray]:
        """Mean loss of each member's batch, and its derivative by the output.

        Args:
            output: What the network gives [members, batch, values], before the head.
            y: Targets [members, batch, ...].
            weights: Of the examples [members, batch], or None.

        Returns:
            The losses [members], and an array like the output.
        """
        if self.loss is not None:
            found = [self.loss.value_and_gradient(*each) for each in _each(output, y, weights)]
            return np.array([loss for loss, _ in found]), np.stack([gradient for _, gradient in found])
        each, shares, ids = _cross_entropy(output, y)
        shares.reshape(-1, shares.shape[-1])[np.arange(ids.size), ids] -= 1
        rows = np.float32(output.shape[1])
        shares *= 1 / rows if weights is None else (weights / rows)[..., None]
        return _mean(each, weights), shares

    def losses(self, output: NDArray, y: NDArray, weights: NDArray | None) -> NDArray:
        """Mean loss of each member's batch [members]; arguments as above."""
        if self.loss is not None:
            return np.array([self.loss.value(*each) for each in _each(output, y, weights)])
        return _mean(_cross_entropy(output, y)[0], weights)

    def sums(self, output: NDArray, y: NDArray) -> list[NDArray]:
        """Sum over the examples of each metric [members]; arguments as above."""
        # The largest logit is the largest probability.
        values = sigmoid(output) if self.head == "sigmoid" else output
        return [np.add.reduce(_metric(kind, values, y), axis=1) for kind in self.kinds]

    def results(self, sums: NDArray, rows: int) -> dict[str, float]:
        """Metrics by name from sums over examples, the loss first."""
        means = sums / rows
        roots = [False, *(kind == "root" for kind in self.kinds)]
        return {
            name: float(np.sqrt(value)) if root else float(value)
            for name, value, root in zip(self.names, means, roots, strict=True)
        }


def _each(output: NDArray, y: NDArray, weights: NDArray | None) -> Iterator[tuple[Any, ...]]:
    for member in range(len(output)):
        yield output[member], y[member], None if weights is None else weights[member]


def _mean(each: NDArray, weights: NDArray | None) -> NDArray:
    return np.add.reduce(each if weights is None else each * weights, axis=1) / each.shape[1]


def _cross_entropy(output: NDArray, y: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Loss of each example [members, batch], probabilities, and class ids [members * batch]."""
    ids = y.reshape(-1).astype(np.intp)
    shifted = output - np.maximum.reduce(output, axis=-1, keepdims=True)
    shares = np.exp(shifted)
    total = np.add.reduce(shares, axis=-1, keepdims=True)
    shares /= total
    found = shifted.reshape(-1, output.shape[-1])[np.arange(ids.size), ids].reshape(output.shape[:2])
    return np.log(total[..., 0]) - found, shares, ids


def _metric(kind: str, values: NDArray, y: NDArray) -> NDArray:
    if kind == "sparse":
        return values.argmax(-1) == y.reshape(values.shape[:2])
    if kind == "categorical":
        return values.argmax(-1) == y.argmax(-1)
    y = y.reshape(values.shape).astype(np.float32)
    if kind == "binary":
        return np.mean((values > 0.5) == y, -1)
    return np.mean(np.abs(values - y) if kind == "absolute" else np.square(values - y), -1)


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
    loss = _read_loss(model)
    if len(model.output_shape) != 2:
        raise UnknownModelError("the output is not [batch, values]")
    if loss.reduction != "sum_over_batch_size" or loss.dtype != "float32":
        raise UnknownModelError("the loss is not a mean in float32")
    names, kinds = zip(*found, strict=True) if found else ((), ())
    written = _is_cross_entropy(loss, head)
    if written and not _are_ids(y, model.output_shape[-1]):
        raise UnknownModelError(f"the targets are not class ids from 0 to {model.output_shape[-1] - 1}")
    return Scoring(("loss", *names), tuple(kinds), head, None if written else compiled_loss(loss, head))


def _read_loss(model: keras.Model) -> keras.losses.Loss:
    loss = keras.losses.get(model.loss)
    if isinstance(loss, keras.losses.Loss):
        return loss
    # What a name stands for; its class computes the same.
    named = {getattr(keras.losses, function): getattr(keras.losses, name) for name, function in LOSSES.items()}
    if loss not in named:
        raise UnknownModelError("the loss is a function")
    return named[loss]()


def _is_cross_entropy(loss: keras.losses.Loss, head: str) -> bool:
    if type(loss) is not keras.losses.SparseCategoricalCrossentropy or head not in ("", "softmax"):
        return False
    settings = loss.get_config()
    return settings["from_logits"] == (head == "") and settings.get("ignore_class") is None


def _are_ids(y: NDArray, classes: int) -> bool:
    return y.size == len(y) and 0 <= y.min() and y.max() < classes


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
