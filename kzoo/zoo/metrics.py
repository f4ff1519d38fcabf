"""Metrics that Keras lacks for class ids or several classes, as functions of sums over examples.

They are registered with Keras, so that saved models load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

BINS = 1024
"""Groups that log odds are sorted into; those of one group count as equal."""

LARGEST_ODDS = 20.0
"""Log odds, from minus to plus, that the groups cover."""

LEAST = 6e-8
"""The least that float32 tells from 1."""


class OfSums(keras.metrics.Metric):
    """A metric that is a function of sums over examples.

    Args:
        shape: Of the sums.
        name: Name of the metric.
        **options: Options of `keras.metrics.Metric`.

    Attributes:
        of_sums: That it is so, for fast tuners: told of all examples at once it is the same as batch by batch.
    """

    of_sums = True

    def __init__(self, shape: Sequence[int], name: str, **options: Any) -> None:
        super().__init__(name=name, **options)
        self.sums = self.add_variable(shape=tuple(shape), initializer="zeros", name="sums")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds examples.

        Args:
            y_true: Targets.
            y_pred: Predictions [batch, values].
            sample_weight: Weights [batch], or None.
        """
        y_pred = ops.cast(y_pred, self.dtype)
        weights = ops.ones_like(y_pred[:, 0])
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), [-1])
        self.sums.assign(self.sums + self._summed(y_true, y_pred, weights))

    def _summed(self, y_true: Any, y_pred: Any, weights: Any) -> Any:
        raise NotImplementedError


class OfClasses(OfSums):
    """A metric of probabilities, for class ids [batch], or for labels [batch, labels] of 0 and 1.

    Args:
        classes: Number of classes or labels.
        multi_label: Whether targets are labels.
        shape: Of the sums.
        name: Name of the metric.
        **options: Options of `keras.metrics.Metric`.
    """

    def __init__(self, classes: int, multi_label: bool, shape: Sequence[int], name: str, **options: Any) -> None:
        super().__init__(shape, name, **options)
        self.classes, self.multi_label = classes, multi_label

    def _given(self, y_true: Any) -> Any:
        """Which classes or labels are right, 0 or 1 [batch, classes]."""
        if self.multi_label:
            return ops.cast(y_true, self.dtype)
        return ops.one_hot(ops.cast(ops.reshape(y_true, [-1]), "int32"), self.classes, dtype=self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "classes": self.classes, "multi_label": self.multi_label}


class Ranking(OfClasses):
    """How well probabilities rank the examples of a class before the others: the mean over the classes.

    Of two classes it is that of the second. A class that all examples are of, or none, is left out; the metric is NaN
    where that is so of all.

    Args:
        classes: Number of classes or labels.
        multi_label: Whether targets are labels.
        name: Name of the metric.
        **options: Options of `keras.metrics.Metric`.
    """

    def __init__(self, classes: int, name: str, multi_label: bool = False, **options: Any) -> None:
        ranked = 1 if classes == 2 and not multi_label else classes
        super().__init__(classes, multi_label, (ranked, 2, BINS), name, **options)
        self._ranked = ranked

    def _summed(self, y_true: Any, y_pred: Any, weights: Any) -> Any:
        given, y_pred = (each[:, -self._ranked :] for each in (self._given(y_true), y_pred))
        # Groups are as wide near 0 and near 1, where the probabilities of rare classes lie.
        odds = ops.log(ops.maximum(y_pred, 1e-30)) - ops.log(ops.maximum(1 - y_pred, LEAST))
        place = ops.floor((odds + LARGEST_ODDS) * (BINS / (2 * LARGEST_ODDS)))
        place = ops.cast(ops.clip(place, 0, BINS - 1), "int32")
        groups = place + BINS * (ops.cast(given, "int32") + 2 * ops.arange(self._ranked, dtype="int32"))
        each = ops.reshape(weights[:, None] * ops.ones_like(odds), [-1])
        sums = ops.segment_sum(each, ops.reshape(groups, [-1]), num_segments=2 * self._ranked * BINS)
        return ops.reshape(sums, self.sums.shape)

    def result(self) -> Any:
        """The mean over the classes."""
        others, own = self.sums[:, 0], self.sums[:, 1]
        counted = ops.cast((ops.sum(others, axis=-1) > 0) & (ops.sum(own, axis=-1) > 0), self.dtype)
        found = ops.where(counted > 0, self._of_class(others, own), 0.0)
        return ops.sum(found) / ops.sum(counted)

    def _of_class(self, others: Any, own: Any) -> Any:
        """The metric of each class [classes], from numbers of examples by rising log odds, [classes, bins]."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="kzoo")
class AUC(Ranking):
    """Area under the ROC curve: the share of pairs of examples, one of the class and one of others, in the right order.

    References:
        Hand and Till (2001), "A simple generalisation of the area under the ROC curve"; of several classes here one
        against the rest, each class with the same weight.
    """

    def __init__(self, classes: int, multi_label: bool = False, name: str = "auc", **options: Any) -> None:
        super().__init__(classes, name, multi_label, **options)

    def _of_class(self, others: Any, own: Any) -> Any:
        # A pair in one group counts half.
        below = ops.cumsum(others, axis=-1) - others / 2
        return ops.sum(own * below, axis=-1) / ops.maximum(ops.sum(own, axis=-1) * ops.sum(others, axis=-1), 1e-30)


@keras.saving.register_keras_serializable(package="kzoo")
class PRAUC(Ranking):
    """Area under the curve of precision over recall, as average precision: the mean precision at each of a class."""

    def __init__(self, classes: int, multi_label: bool = False, name: str = "pr_auc", **options: Any) -> None:
        super().__init__(classes, name, multi_label, **options)

    def _of_class(self, others: Any, own: Any) -> Any:
        others, own = ops.flip(others, axis=-1), ops.flip(own, axis=-1)
        right = ops.cumsum(own, axis=-1)
        precision = right / ops.maximum(right + ops.cumsum(others, axis=-1), 1e-30)
        return ops.sum(own * precision, axis=-1) / ops.maximum(ops.sum(own, axis=-1), 1e-30)


class Counts(OfClasses):
    """A metric of how many examples of each class were taken for what.

    The class is the one with the largest probability; a label is given where its probability is more than 0.5.

    Args:
        classes: Number of classes or labels.
        multi_label: Whether targets are labels.
        name: Name of the metric.
        **options: Options of `keras.metrics.Metric`.
    """

    def __init__(self, classes: int, name: str, multi_label: bool = False, **options: Any) -> None:
        super().__init__(classes, multi_label, (3, classes), name, **options)

    def _summed(self, y_true: Any, y_pred: Any, weights: Any) -> Any:
        given, weights = self._given(y_true), weights[:, None]
        if self.multi_label:
            taken = ops.cast(y_pred > 0.5, self.dtype)
        else:
            taken = ops.one_hot(ops.argmax(y_pred, axis=-1), self.classes, dtype=self.dtype)
        return ops.stack([ops.sum(each * weights, axis=0) for each in (given * taken, given, taken)])


@keras.saving.register_keras_serializable(package="kzoo")
class BalancedAccuracy(Counts):
    """The mean over the classes of the share of their examples that is recognised; absent classes are left out."""

    def __init__(self, classes: int, name: str = "balanced_accuracy", **options: Any) -> None:
        options.pop("multi_label", None)
        super().__init__(classes, name, **options)

    def result(self) -> Any:
        """The mean over the classes."""
        right, there, _ = self.sums[0], self.sums[1], self.sums[2]
        return ops.sum(right / ops.maximum(there, 1e-30)) / ops.sum(ops.cast(there > 0, self.dtype))


@keras.saving.register_keras_serializable(package="kzoo")
class MacroF1(Counts):
    """The mean over the classes of the F1 score; classes that are neither there nor answered are left out."""

    def __init__(self, classes: int, multi_label: bool = False, name: str = "f1", **options: Any) -> None:
        super().__init__(classes, name, multi_label, **options)

    def result(self) -> Any:
        """The mean over the classes."""
        right, both = self.sums[0], self.sums[1] + self.sums[2]
        return ops.sum(2 * right / ops.maximum(both, 1e-30)) / ops.sum(ops.cast(both > 0, self.dtype))


@keras.saving.register_keras_serializable(package="kzoo")
class R2(OfSums):
    """The share of the variance of a target that is explained, 1 - squared errors / squared deviations; their mean.

    Args:
        mean: Mean of each target in the training set; has no influence but on rounding.
        scale: Standard deviation of each.
        name: Name of the metric.
        **options: Options of `keras.metrics.Metric`.
    """

    def __init__(self, mean: Sequence[float], scale: Sequence[float], name: str = "r2", **options: Any) -> None:
        super().__init__((4, len(mean)), name, **options)
        self.mean, self.scale = [float(each) for each in mean], [float(each) for each in scale]

    def _summed(self, y_true: Any, y_pred: Any, weights: Any) -> Any:
        y_true = ops.reshape(ops.cast(y_true, self.dtype), ops.shape(y_pred))
        scale = ops.convert_to_tensor(self.scale, self.dtype)
        error, apart = (y_true - y_pred) / scale, (y_true - ops.convert_to_tensor(self.mean, self.dtype)) / scale
        of_each = (ops.ones_like(apart), apart, apart * apart, error * error)
        return ops.stack([ops.sum(each * weights[:, None], axis=0) for each in of_each])

    def result(self) -> Any:
        """The mean over the targets."""
        rows, total, squares, errors = (self.sums[index] for index in range(4))
        return ops.mean(1 - errors / (squares - total * total / rows))

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal metric."""
        return {**super().get_config(), "mean": self.mean, "scale": self.scale}
