"""The loss with its derivative, and the metrics, as sums over examples."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.building import build_metrics
from tuners.engine.call import FitCall
from tuners.engine.declined import Declined
from tuners.engine.identity import complete_config
from tuners.engine.numpy_engine.activations import HEADS
from tuners.engine.numpy_engine.losses import CompiledLoss, CompiledLosses, WrittenLoss
from tuners.engine.numpy_engine.metrics import EpochMetric, EpochMetrics, is_of_sums

METRICS = {
    keras.metrics.SparseCategoricalAccuracy: "sparse",
    keras.metrics.CategoricalAccuracy: "categorical",
    keras.metrics.BinaryAccuracy: "binary",
    keras.metrics.MeanAbsoluteError: "absolute",
    keras.metrics.MeanSquaredError: "squared",
    keras.metrics.RootMeanSquaredError: "root",
}
"""By exact class."""

BY_KERAS = "keras"
"""The kind of a metric that computes itself, once an epoch."""

BY_LARGEST = {"sparse", "categorical"}
"""Those that look at the place of the largest value alone."""

LOSSES = {
    getattr(keras.losses, function): getattr(keras.losses, name)
    for name, function in {
        "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
        "CategoricalCrossentropy": "categorical_crossentropy",
        "BinaryCrossentropy": "binary_crossentropy",
        "MeanSquaredError": "mean_squared_error",
        "MeanAbsoluteError": "mean_absolute_error",
        "Huber": "huber",
        "Poisson": "poisson",
    }.items()
}
"""Functions that names such as "mse" stand for, and the classes that compute the same."""


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What is measured.

    Attributes:
        names: Of the metrics, the loss first, as they are reported.
        kinds: Of the metrics but the loss, values of `METRICS`, or `BY_KERAS`.
        head: Activation that the output still has to get, or None.
        loss: The loss with its derivative; None where it is the cross-entropy of class ids, from logits.
        validation_loss: The same for validation, whose targets may be of another type, with weights or without.
        kind: Equal for what measures the same; see `Part.kind`.
        metrics: Those that are `BY_KERAS`, by name.
        seen: What these are yet to be told of: outputs before the head, and targets, of the batches of an epoch.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    head: Any
    loss: CompiledLoss | WrittenLoss | None
    validation_loss: CompiledLoss | WrittenLoss | None
    kind: tuple[Any, ...]
    metrics: Mapping[str, EpochMetric] = dataclasses.field(default_factory=dict)
    seen: list[tuple[NDArray[Any], NDArray[Any]]] = dataclasses.field(default_factory=list)

    def loss_and_gradient(self, output: NDArray[Any], *targets: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Mean loss of a batch, and its derivative by the output.

        Args:
            output: What the network gives [batch, values], before the head.
            *targets: Targets [batch, ...], and weights of the examples [batch] if there are any.
        """
        if self.loss is not None:
            return self.loss.value_and_gradient(output, *targets)
        each, shares, ids = _cross_entropy(output, targets[0])
        shares[np.arange(len(ids)), ids] -= 1
        rows = np.float32(len(output))
        if len(targets) > 1:
            shares *= (targets[1] / rows)[:, None]
        else:
            shares *= 1 / rows
        return _mean(each, *targets[1:]), shares

    def mean_loss(self, output: NDArray[Any], *targets: NDArray[Any]) -> float:
        """Mean loss of a batch of validation; arguments as above."""
        if self.validation_loss is not None:
            return self.validation_loss.value(output, *targets)
        return _mean(_cross_entropy(output, targets[0])[0], *targets[1:])

    def sums(self, output: NDArray[Any], y: NDArray[Any]) -> list[float]:
        """Sum over the examples of each metric but the loss; arguments as above."""
        if not self.kinds:
            return []
        # The largest logit is the largest probability.
        place_alone = set(self.kinds) - {BY_KERAS} <= BY_LARGEST
        as_it_is = self.head is None or (self.head is keras.activations.softmax and place_alone)
        values = output if as_it_is else HEADS[self.head](output)
        if self.metrics:
            self.seen.append((output.copy(), y))
        return [0.0 if kind == BY_KERAS else float(np.add.reduce(_metric(kind, values, y))) for kind in self.kinds]

    def results(self, sums: NDArray[Any], rows: int) -> dict[str, float]:
        """Metrics by name from sums over examples."""
        means = sums / rows
        roots = [False, *(kind == "root" for kind in self.kinds)]
        found = {
            name: float(np.sqrt(value)) if root else float(value)
            for name, value, root in zip(self.names, means, roots, strict=True)
        }
        return found | self._by_keras()

    def _by_keras(self) -> dict[str, Any]:
        """What the metrics that compute themselves say of the epoch, by name."""
        if not self.seen:
            return {}
        values, y = (np.concatenate(part) for part in zip(*self.seen, strict=True))
        self.seen.clear()
        return {name: metric(y, values) for name, metric in self.metrics.items()}

    def give(self, metrics: Sequence[Any], sums: NDArray[Any], rows: int) -> None:
        """Leave the Keras metrics as they would be now.

        Args:
            metrics: Of the model, the loss first.
            sums: Over the examples.
            rows: How many.
        """
        for name, metric, total in zip(self.names, metrics, sums, strict=True):
            if name in self.metrics:
                self.metrics[name].give(metric)
                continue
            for variable, value in zip(metric.variables, (total, rows), strict=True):
                variable.assign(value)


def _mean(each: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    return float(np.add.reduce(each if weights is None else each * weights) / len(each))


def _cross_entropy(output: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Loss of each example [batch], probabilities [batch, classes], and class ids [batch]."""
    ids = y.reshape(-1).astype(np.intp)
    shifted = output - np.maximum.reduce(output, axis=-1, keepdims=True)
    shares = np.exp(shifted)
    total = np.add.reduce(shares, axis=-1, keepdims=True)
    shares /= total
    return np.log(total[:, 0]) - shifted[np.arange(len(ids)), ids], shares, ids


def _metric(kind: str, values: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    scores: NDArray[Any]
    if kind == "sparse":
        scores = values.argmax(-1) == y.reshape(len(values))
    elif kind == "categorical":
        scores = values.argmax(-1) == y.argmax(-1)
    else:
        y = y.reshape(values.shape).astype(np.float32)
        if kind == "binary":
            scores = np.mean((values > 0.5) == y, -1)
        else:
            scores = np.mean(np.abs(values - y) if kind == "absolute" else np.square(values - y), -1)
    return scores


class Scorings:
    """What is measured in the trials of a search: losses are compiled and metrics built once for all that are alike."""

    def __init__(self) -> None:
        self._losses, self._epoch_metrics = CompiledLosses(), EpochMetrics()
        self._metrics: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def of(self, call: FitCall, head: Any) -> Scoring:
        """What a compiled model is trained for and measured by.

        Args:
            call: Of a model with one output.
            head: Activation that its network leaves out.

        Raises:
            Declined: The loss or a metric is not known here.
        """
        model, y = call.model, call.training[1]
        width = model.output_shape[-1]
        if len(model.output_shape) != 2:
            raise Declined("the output is not [batch, values]")
        if model.losses:
            raise Declined("the model adds losses of its own")
        names, kinds = self._names_and_kinds(call)
        if "categorical" in kinds and y.ndim == 1:
            # Keras then looks for the largest id of the batch: it depends on what is validated together.
            raise Declined("the targets of a categorical accuracy are not [examples, classes]")
        loss = _loss(model)
        written = _is_cross_entropy(loss, head)
        if written and not are_ids(y, width):
            raise Declined(f"the targets are not class ids from 0 to {width - 1}")
        by_name: dict[str, Any] = {}
        if BY_KERAS in kinds:
            build_metrics(call)
            found = zip(names[1:], kinds, metrics_of(model)[1:], strict=True)
            by_name = {name: each for name, kind, each in found if kind == BY_KERAS}
        metrics = {name: self._epoch_metrics.of(each, y, width, head) for name, each in by_name.items()}
        # Of one name, and of other arguments: what has been tried of one says nothing of the other.
        of_metrics = tuple((name, type(each), complete_config(each) or id(each)) for name, each in by_name.items())
        given = [parts for parts in (call.training, call.validation) if parts is not None]
        losses = [None if written else self._losses.of(loss, head, parts[1], width, len(parts) > 2) for parts in given]
        forms = tuple((parts[1].dtype, len(parts)) for parts in given)
        # A loss that does not say all that it was made with is tried every time.
        of_loss = (type(loss), complete_config(loss) or id(loss), head, forms, y.shape[1:], width == 1)
        return Scoring(
            names=names,
            kinds=kinds,
            head=head,
            loss=losses[0],
            validation_loss=losses[-1],
            kind=("scoring", *of_loss, kinds, *of_metrics),
            metrics=metrics,
        )

    def _names_and_kinds(self, call: FitCall) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of what is reported, and kinds of the metrics but the loss."""
        config = call.model.get_compile_config()
        if config.get("weighted_metrics") or config.get("loss_weights"):
            raise Declined("the model is compiled with weighted_metrics or loss_weights")
        given = config.get("metrics") or []
        if not isinstance(given, list | tuple) or not all(map(_is_an_object, given)):
            raise Declined("a metric is a function, or they are not a list")
        shapes = (call.training[1].shape[1:], str(call.training[1].dtype), call.model.output_shape[1:])
        key = json.dumps([config.get("loss"), given, shapes], sort_keys=True)
        if key not in self._metrics:
            # Which one a name such as "accuracy" stands for, Keras decides when they are built.
            build_metrics(call)
            kinds = tuple(_kind(metric) for metric in metrics_of(call.model)[1:])
            self._metrics[key] = tuple(call.model.get_metrics_result()), kinds
        return self._metrics[key]


def _is_an_object(metric: Any) -> bool:
    """Whether a metric, as a configuration has it, is one of Keras' by name, or an object that says how it was made."""
    named = metric.get("class_name") if isinstance(metric, Mapping) else metric
    return isinstance(named, str) and named != "function"


def metrics_of(model: keras.Model) -> list[Any]:
    """The metrics of a model, the loss first; those that `compile` was given are in one that has them all."""
    found = [each for metric in model.metrics for each in getattr(metric, "metrics", None) or [metric]]
    return [metric for metric in found if metric.variables]


def _kind(metric: Any) -> str:
    kind = METRICS.get(type(metric))
    if kind is not None and metric.dtype == "float32" and metric.get_config().get("threshold", 0.5) == 0.5:
        return kind
    if is_of_sums(metric):
        return BY_KERAS
    raise Declined(f"the metric {metric.name} is a {type(metric).__name__}")


def _loss(model: keras.Model) -> keras.losses.Loss:
    given = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    loss = given if isinstance(given, keras.losses.Loss) else None
    if loss is None and callable(given) and given in LOSSES:
        loss = LOSSES[given]()
    if loss is None:
        raise Declined("the loss is not one of Keras', or there are several")
    if loss.reduction != "sum_over_batch_size" or loss.dtype != "float32":
        raise Declined("the loss is not a mean in float32")
    return loss


def _is_cross_entropy(loss: keras.losses.Loss, head: Any) -> bool:
    if type(loss) is not keras.losses.SparseCategoricalCrossentropy:
        return False
    if head is not None and head is not keras.activations.softmax:
        return False
    settings = loss.get_config()
    return settings["from_logits"] == (head is None) and settings.get("ignore_class") is None


def are_ids(y: NDArray[Any], classes: int) -> bool:
    """Whether targets are class ids, one for each example."""
    return y.size == len(y) and 0 <= y.min() and y.max() < classes
