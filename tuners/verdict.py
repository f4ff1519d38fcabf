"""What a trial's metrics say: which way each is better, and whether the trial has diverged."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

from keras_tuner.engine import metrics_tracking
from keras_tuner.engine.trial import Trial

LOSSES = ("loss", "val_loss")


def directions(objective: Any) -> dict[str, str]:
    """Which way is better, "min" or "max", by the name of each metric that an objective is made of."""
    parts = getattr(objective, "objectives", [objective])
    return {part.name: part.direction for part in parts}


@functools.cache
def direction(metric: str) -> str:
    """Which way is better, "min" or "max", for a metric that is only recorded."""
    # Kept, since working it out takes keras-tuner longer than everything else in a report.
    return metrics_tracking.infer_metric_direction(metric) or "min"


def means_of(trial: Trial, metric: str) -> dict[int, float]:
    """A metric's mean over the executions of a trial, by epoch from 0, in their order."""
    # Not `observation.mean()`, which takes numpy's mean of what is one number mostly: twenty times as long.
    return {each.step: sum(each.value) / len(each.value) for each in trial.metrics.get_history(metric)}


def divergence(trial: Trial, objectives: Iterable[str]) -> str:
    """Where a trial's loss or objective was not finite, in words, or "".

    An accuracy stays finite when the weights are long NaN, so the losses are looked at whatever the objective.

    Args:
        trial: A trial with its metrics.
        objectives: Names of the metrics that are optimised.
    """
    for name in dict.fromkeys([*objectives, *LOSSES]):
        if trial.metrics.exists(name):
            for step, value in means_of(trial, name).items():
                if not math.isfinite(value):
                    return f"{name} was {value} in epoch {step + 1}."
    return ""
