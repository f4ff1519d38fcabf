"""The worker's side of a search: a tuner trains the trials that are ordered."""

from __future__ import annotations

import traceback
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.engine.results import epochs_of
from tuners.machine import frozen_heap
from tuners.parallel.messages import Ended, Epoch, Order
from tuners.parallel.worker_pipe import Report, serve
from tuners.pruning import Rule, rule_from_config


def serve_trials(tuner: Any, *args: Any, **kwargs: Any) -> None:
    """Train the trials that a parent sends, until it has no more; the last line of a worker's script.

    The worker ends when its parent ends, however that happens.

    Args:
        tuner: A `FastTuner` with the hypermodel, in the directory of the search; its oracle is only read.
        *args: Positional arguments of `model.fit`.
        **kwargs: Keyword arguments of `model.fit`.

    Raises:
        RuntimeError: This process was not started by `search_in_processes`.
    """
    with frozen_heap():
        serve(lambda order, report: train_trial(tuner, order, report, *args, **kwargs))


def train_trial(tuner: Any, order: Order, report: Report, *args: Any, **kwargs: Any) -> Ended:
    """Train one trial; what it raises is in the answer.

    Args:
        tuner: A `FastTuner`.
        order: The trial.
        report: Is told of its epochs, and asked at the rungs whether it goes on.
        *args: Positional arguments of `model.fit`.
        **kwargs: Keyword arguments of `model.fit`.
    """
    # A seed that the parent has drawn is known to it alone; results may depend on nothing else.
    tuner.oracle.seed = order.seed
    rule = None if order.rule is None else rule_from_config(order.rule)
    tuner.observer, tuner.race = None, _Reporter(report, rule)
    tuner.wanted = order.trial_id if order.keep else None
    hyperparameters = tuner.oracle.get_space()
    hyperparameters.values = dict(order.values)
    declared = hyperparameters.get_config()["space"]
    trial = Trial(hyperparameters, trial_id=order.trial_id)
    epochs: list[dict[str, float]] = []
    message = None
    tuner.forget_trial()
    try:
        result = tuner.run_trial(trial, *args, **kwargs)
        epochs, status = epochs_of(result, tuner.oracle.objective, "Tuner.run_trial()"), "COMPLETED"
    except Exception as error:
        status, message = _status(error), traceback.format_exc()
    config = hyperparameters.get_config()
    turned_up = {} if config["space"] == declared else {"values": config["values"], "space": config["space"]}
    engines = tuner.trial_summary()
    return Ended(order.trial_id, status, message, epochs, engines=engines, **turned_up)


def _status(error: Exception) -> str:
    if isinstance(error, keras_tuner.errors.FatalError):
        return "FATAL"
    return "FAILED" if isinstance(error, keras_tuner.errors.FailedTrialError) else "INVALID"


class _Reporter:
    """Reports epochs to the parent, where the race is."""

    def __init__(self, report: Report, rule: Rule | None) -> None:
        self.report, self.rule = report, rule

    def falls_behind(self, trial_id: str, epoch: int, epochs: int, logs: Any) -> bool:
        values = {name: float(value) for name, value in logs.items()}
        asks = self.rule is not None and self.rule.is_rung(epoch, epochs)
        return self.report(Epoch(trial_id, int(epoch), int(epochs), values, asks))
