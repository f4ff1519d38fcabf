"""Trials of keras-tuner: their metrics, whether they have diverged, their scores, and how the search stands."""

from __future__ import annotations

import collections
import copy
import functools
import math
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import metrics_tracking
from keras_tuner.engine.trial import Trial

from tuners.store.records import STATUSES, TrialState
from tuners.strategy.scores import BestSoFar, gain_of, goodness, tie_breaker

LOSSES = ("loss", "val_loss")

OVERSIZED = re.compile(r"Oversized model: \d+ parameters[^\n]*")
"""What tuners say, keras-tuner's own too, of a model that has more than `max_model_size`."""


def directions(objective: Any) -> dict[str, str]:
    """Which way is better, "min" or "max", by the name of each metric that an objective is made of."""
    parts = getattr(objective, "objectives", [objective])
    return {part.name: part.direction for part in parts}


MORE_IS_BETTER = ("accuracy", "acc", "auc", "f1", "f1_score", "precision", "recall", "r2", "r2_score")
"""How names of metrics end of which more is better, though keras-tuner does not know them: "val_macro_f1"."""


@functools.cache
def direction(metric: str) -> str:
    """Which way is better, "min" or "max", for a metric that is only recorded."""
    return known_direction(metric) or "min"


def known_direction(metric: str) -> str | None:
    """Which way is better, "min" or "max", by the name of a metric; None where that does not tell."""
    # Keras numbers the metrics of the models of a process: auc_1, auc_2.
    plain = re.sub(r"_\d+$", "", metric)
    # Kept by `direction`, since working it out takes keras-tuner longer than everything else in a report.
    found = metrics_tracking.infer_metric_direction(metric) or metrics_tracking.infer_metric_direction(plain)
    return found or ("max" if any(f"_{plain}".endswith(f"_{each}") for each in MORE_IS_BETTER) else None)


def with_direction(objective: Any) -> Any:
    """An objective as keras-tuner takes it, with the direction of names that it does not know."""
    if isinstance(objective, list | tuple):
        return [with_direction(each) for each in objective]
    if isinstance(objective, str) and metrics_tracking.infer_metric_direction(objective) is None:
        known = known_direction(objective)
        return keras_tuner.Objective(objective, known) if known else objective
    return objective


def number_of(value: Any) -> float | None:
    """A metric's value as a number; None where it is none, or several, as the F1 score of each class."""
    if not hasattr(value, "__float__"):
        return None
    array = np.asarray(value) if tuple(getattr(value, "shape", ())) else None
    if array is not None and array.size != 1:
        return None
    try:
        return float(value if array is None else array.reshape(-1)[0])
    except (TypeError, ValueError):  # Text in an array, for one.
        return None


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Those of some metrics that are numbers."""
    numbers = {name: number_of(value) for name, value in metrics.items()}
    return {name: value for name, value in numbers.items() if value is not None}


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


def with_values(space: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """A search space with the values of one trial."""
    # What declares a hyperparameter never changes and is shared: `HyperParameters.copy` costs ten times as much.
    made = copy.deepcopy(space, {id(each): each for each in space.space})
    made.values = dict(values)
    return made


def revived(known: TrialState, space: keras_tuner.HyperParameters) -> Trial:
    """A trial as it was when the journal was written."""
    hyperparameters = with_values(space, known.values)
    if known.state is None:
        return Trial(hyperparameters, trial_id=known.trial_id)
    return Trial.from_state({**known.state, "hyperparameters": hyperparameters.get_config()})


def take_metrics(trial: Trial, objective: Any, metrics: Mapping[str, Any], step: int) -> None:
    """Metrics of an epoch of a trial; what is no number is left out.

    Args:
        trial: The trial.
        objective: A `keras_tuner.Objective`, or several in one.
        metrics: Values by name.
        step: The epoch, from 0.

    Raises:
        ValueError: The objective, or a part of it, is not among them, or is no number.
    """
    parts, numbers = directions(objective), numbers_of(metrics)
    missing = [name for name in parts if name not in numbers]
    if missing:
        raise ValueError(
            f"Objective value missing in metrics reported to the Oracle, expected: {missing}, found: {[*numbers]}."
        )
    wanted = {**parts, objective.name: objective.direction}
    for name, value in {objective.name: objective.get_value(numbers), **numbers}.items():
        if not trial.metrics.exists(name):
            trial.metrics.register(name, wanted.get(name) or direction(name))
        # Not `update`, which looks for the best of all epochs at every epoch.
        trial.metrics.set_history(name, [types.SimpleNamespace(value=value, step=step)])


def set_score(trial: Trial, objective: Any) -> None:
    """Give a trial, all of whose epochs are finite, the score of its best one, of equals that with the least loss."""
    epochs, losses = means_of(trial, objective.name), _losses(trial, objective)
    trial.best_step = max(epochs, key=lambda step: goodness(epochs[step], losses.get(step), objective.direction))
    trial.score = epochs[trial.best_step]


def goodness_of(epoch: Mapping[str, float], objective: Any) -> tuple[float, float]:
    """What is larger where an epoch, whose metrics by name have the objective, is better."""
    return goodness(objective.get_value(epoch), epoch.get(tie_breaker(objective.name)), objective.direction)


def loss_of(trial: Trial, objective: Any) -> float:
    """The loss of the best epoch of a trial, which tells it from others with the same score; 0 where there is none."""
    return _losses(trial, objective).get(trial.best_step, 0.0) if trial.status == "COMPLETED" else 0.0


def _losses(trial: Trial, objective: Any) -> dict[int, float]:
    """The loss by epoch that breaks ties."""
    name = tie_breaker(objective.name)
    return means_of(trial, name) if name and trial.metrics.exists(name) else {}


class Tally:
    """Judges trials and counts them.

    Args:
        objective: A `keras_tuner.Objective`, or several in one.

    Attributes:
        runs: Times that each trial was run to an end, by id.
        failures: Failed trials in a row.
        best: The best so far.
    """

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self.runs: collections.Counter[str] = collections.Counter()
        self.failures = 0
        self.best = BestSoFar()

    def judge(self, trial: Trial, retries: int) -> bool:
        """Settle the status of a trial that was run to an end.

        Args:
            trial: The trial.
            retries: Times that a trial that raised is run again.

        Returns:
            Whether it is to be run again.
        """
        self.runs[trial.trial_id] += 1
        too_large = OVERSIZED.search(trial.message or "")
        if too_large and trial.status in ("FAILED", "INVALID"):
            # Many in a row are no reason to stop: the search learns to make smaller ones.
            trial.status, trial.message = "INVALID", f"infeasible: {too_large[0]}"
            return False
        if trial.status not in STATUSES:  # Whoever ran it has not said how it ended.
            trial.status = "COMPLETED" if trial.metrics.exists(self.objective.name) else "INVALID"
        if trial.status == "COMPLETED":
            diverged = divergence(trial, directions(self.objective))
            if diverged:
                trial.status, trial.message = "INVALID", f"infeasible: {diverged}"
            return False
        if trial.status == "INVALID" and self.runs[trial.trial_id] > retries:
            trial.status = "FAILED"
        again: bool = trial.status == "INVALID"
        return again

    def count(self, trial: Trial, rerun: bool = False) -> float:
        """Count a trial with its final status; one that runs an earlier one again is no new best.

        Returns:
            Its gain, -inf where it has no score.
        """
        self.failures = self.failures + 1 if trial.status == "FAILED" else 0
        gain = gain_of(trial.score if trial.status == "COMPLETED" else None, self.objective.direction)
        if not rerun:
            self.best.add(gain)
        return gain
