"""The worker's side of a search: a tuner trains the trials that are ordered."""

from __future__ import annotations

import traceback
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.parallel.channel import Report, serve
from tuners.parallel.messages import Ended, Epoch, Order


def serve_trials(tuner: Any, *args: Any, **kwargs: Any) -> None:
    """Train the trials that a parent sends, until it has no more; the last line of a worker's script.

    The worker goes when its parent goes, however that ends.

    Args:
        tuner: A `FastTuner` with the hypermodel, in the directory of the search; its oracle is only read.
        *args: Positional arguments of `model.fit`.
        **kwargs: Keyword arguments of `model.fit`.

    Raises:
        RuntimeError: This process was not started by `search_in_processes`.
    """
    serve(lambda order, report: train_trial(tuner, order, report, *args, **kwargs))


def train_trial(tuner: Any, order: Order, report: Report, *args: Any, **kwargs: Any) -> Ended:
    """Train one trial; what it raises is in the answer.

    Args:
        tuner: A `FastTuner`.
        order: The trial.
        report: Is told of its epochs.
        *args: Positional arguments of `model.fit`.
        **kwargs: Keyword arguments of `model.fit`.
    """
    # A seed that the parent has drawn is known to it alone; results may depend on nothing else.
    tuner.oracle.seed = order.seed
    tuner.observer = _Reporter(report)
    hyperparameters = tuner.oracle.get_space()
    hyperparameters.values = dict(order.values)
    declared = len(hyperparameters.space)
    trial = Trial(hyperparameters, trial_id=order.trial_id)
    epochs, message = [], None
    try:
        epochs, status = tuner.run_trial(trial, *args, **kwargs), "COMPLETED"
    except Exception as error:
        status, message = _status(error), traceback.format_exc()
    if len(hyperparameters.space) == declared:
        return Ended(order.trial_id, status, message, epochs)
    config = hyperparameters.get_config()
    return Ended(order.trial_id, status, message, epochs, config["values"], config["space"])


def _status(error: Exception) -> str:
    if isinstance(error, keras_tuner.errors.FatalError):
        return "FATAL"
    return "FAILED" if isinstance(error, keras_tuner.errors.FailedTrialError) else "INVALID"


class _Reporter:
    def __init__(self, report: Report) -> None:
        self.report = report

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Any) -> None:
        values = {name: float(value) for name, value in logs.items()}
        self.report(Epoch(trial.trial_id, int(epoch), int(epochs), values))

    def on_trial_end(self, trial: Any) -> None:
        """The parent tells of the ends of trials."""
