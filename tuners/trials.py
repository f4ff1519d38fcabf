"""keras-tuner's trials: made from values, told of metrics, scored, and made again from what a journal has of them."""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.store.replay import TrialState
from tuners.verdict import direction, directions, means_of


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


def take_metrics(trial: Trial, objective: Any, metrics: Mapping[str, float], step: int) -> None:
    """Metrics of an epoch of a trial.

    Args:
        trial: The trial.
        objective: A `keras_tuner.Objective`, or several in one.
        metrics: Values by name.
        step: The epoch, from 0.

    Raises:
        ValueError: The objective, or a part of it, is not among them.
    """
    parts = directions(objective)
    missing = [name for name in parts if name not in metrics]
    if missing:
        raise ValueError(
            f"The objective {', '.join(missing)} is not among the metrics of the trial: {', '.join(metrics)}."
        )
    wanted = {**parts, objective.name: objective.direction}
    for name, value in {objective.name: objective.get_value(metrics), **metrics}.items():
        if not trial.metrics.exists(name):
            trial.metrics.register(name, wanted.get(name) or direction(name))
        # Not `update`, which looks for the best of all epochs at every epoch.
        trial.metrics.set_history(name, [types.SimpleNamespace(value=float(value), step=step)])


def set_score(trial: Trial, objective: Any) -> None:
    """Give a trial, all of whose epochs are finite, the score of its best one."""
    best = max if objective.direction == "max" else min
    epochs = means_of(trial, objective.name)
    trial.best_step = best(epochs, key=epochs.__getitem__)
    trial.score = epochs[trial.best_step]
