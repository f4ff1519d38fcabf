"""Metrics that compute themselves, once an epoch, where those written out in numpy do not have them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.identity import complete_config, is_of_keras
from tuners.protocols import OfSums

KNOWN = (
    *(keras.metrics.AUC, keras.metrics.Precision, keras.metrics.Recall, keras.metrics.F1Score),
    *(keras.metrics.FBetaScore, keras.metrics.R2Score),
    *(keras.metrics.PrecisionAtRecall, keras.metrics.RecallAtPrecision),
    *(keras.metrics.TruePositives, keras.metrics.TrueNegatives),
    *(keras.metrics.FalsePositives, keras.metrics.FalseNegatives),
)
"""Metrics of Keras that are functions of sums over examples, by exact class."""


def is_of_sums(metric: Any) -> bool:
    """Whether a metric told of the examples of an epoch at once is the same as told of one batch after the other."""
    means = isinstance(metric, keras.metrics.MeanMetricWrapper) and is_of_keras(metric)
    # One that wraps a function of the user's may get the mean of a batch from it.
    named = means and type(metric) is not keras.metrics.MeanMetricWrapper
    return type(metric) in KNOWN or named or isinstance(metric, OfSums)


class EpochMetric:
    """A metric of all examples of an epoch.

    Args:
        metric: The Keras metric, built.
        traced: Whether it is computed by a graph, which is worth its time where many trials have the same one.
    """

    def __init__(self, metric: Any, traced: bool) -> None:
        self._metric = metric
        self._of = tf.function(self._result, autograph=False, reduce_retracing=True) if traced else self._result

    def __call__(self, y: NDArray[Any], values: NDArray[Any]) -> Any:
        """The metric as Keras reports it.

        Args:
            y: Targets of all examples.
            values: The model's answers to them.
        """
        result = np.asarray(self._of(tf.constant(y), tf.constant(values)))
        return result if result.ndim else float(result)

    def give(self, metric: Any) -> None:
        """Leave another metric as this one is now."""
        if metric is not self._metric:
            for variable, value in zip(metric.variables, self._metric.variables, strict=True):
                variable.assign(value)

    def _result(self, y: Any, values: Any) -> Any:
        self._metric.reset_state()
        self._metric.update_state(y, values)
        return self._metric.result()


class EpochMetrics:
    """The metrics of a search that compute themselves: those that are alike are one."""

    def __init__(self) -> None:
        self._known: dict[Any, EpochMetric] = {}

    def of(self, metric: Any, y: NDArray[Any], width: int) -> EpochMetric:
        """What computes a metric.

        Args:
            metric: The metric of a model, built.
            y: Targets.
            width: Numbers in an answer.
        """
        config = complete_config(metric)
        if config is None:
            return EpochMetric(metric, traced=False)
        key = (type(metric), config, y.shape[1:], y.dtype, width)
        if key not in self._known:
            # The metric of one trial stands for those of all: it begins anew in every epoch.
            self._known[key] = EpochMetric(metric, traced=True)
        return self._known[key]
