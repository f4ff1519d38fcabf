"""Metrics that compute themselves, once an epoch, where those written out in numpy do not have them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.declined import Declined
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

TRIED = 12
"""Examples that a metric is tried on."""


def is_of_sums(metric: Any) -> bool:
    """Whether a metric told of the examples of an epoch at once is the same as told of one batch after the other."""
    means = isinstance(metric, keras.metrics.MeanMetricWrapper) and is_of_keras(metric)
    # One that wraps a function of the user's may get the mean of a batch from it.
    named = means and type(metric) is not keras.metrics.MeanMetricWrapper
    return type(metric) in KNOWN or named or isinstance(metric, OfSums)


def is_by_examples(metric: Any, y: NDArray[Any], width: int) -> bool:
    """Whether a metric says the same of examples at once and of one batch after the other, as it does not over axis 0.

    Args:
        metric: Built; it begins anew.
        y: Targets.
        width: Numbers in an answer.
    """
    random = np.random.default_rng(0)
    some = y[random.integers(len(y), size=TRIED)]
    answers = random.uniform(0.05, 0.95, (TRIED, width)).astype(np.float32)
    results = []
    for ends in ((TRIED,), (TRIED // 3, TRIED)):
        metric.reset_state()
        for begin, end in zip((0, *ends), ends, strict=False):
            metric.update_state(some[begin:end], answers[begin:end])
        results.append(np.asarray(metric.result()))
    metric.reset_state()
    return bool(np.allclose(results[0], results[1], rtol=1e-4, atol=1e-5, equal_nan=True))


class EpochMetric:
    """A metric of all examples of an epoch.

    Args:
        metric: The Keras metric, built.
        head: Activation that the answers still have to get, or None. Keras looks behind it: a cross-entropy of
            probabilities that a softmax gave is that of its logits, in a graph.
        traced: Whether it is computed by a graph, which is worth its time where many trials have the same one.
    """

    def __init__(self, metric: Any, head: Any, traced: bool) -> None:
        self._metric, self._head = metric, head
        self._of = tf.function(self._result, autograph=False, reduce_retracing=True) if traced else self._result

    def __call__(self, y: NDArray[Any], values: NDArray[Any]) -> Any:
        """The metric as Keras reports it.

        Args:
            y: Targets of all examples.
            values: The model's answers to them, before the head.
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
        self._metric.update_state(y, values if self._head is None else self._head(values))
        return self._metric.result()


class EpochMetrics:
    """The metrics of a search that compute themselves: those that are alike are one."""

    def __init__(self) -> None:
        self._known: dict[Any, EpochMetric] = {}

    def of(self, metric: Any, y: NDArray[Any], width: int, head: Any) -> EpochMetric:
        """What computes a metric.

        Args:
            metric: The metric of a model, built.
            y: Targets.
            width: Numbers in an answer.
            head: Activation that the answers still have to get, or None.

        Raises:
            Declined: It depends on what is in a batch together.
        """
        config = complete_config(metric)
        key = (type(metric), config, y.shape[1:], y.dtype, width, head)
        if config is not None and key in self._known:
            return self._known[key]
        if not is_by_examples(metric, y, width):
            raise Declined(f"the metric {metric.name} depends on which examples are in a batch together")
        made = EpochMetric(metric, head, traced=config is not None or head is not None)
        if config is not None:
            # The metric of one trial stands for those of all: it begins anew in every epoch.
            self._known[key] = made
        return made
