"""Hands out the oracle's trials and takes back their results; a trial whose process dies is handed out once more."""

from __future__ import annotations

import collections
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.parallel.messages import Ended, Epoch, Order
from tuners.pruning import rule_config

LOSSES = 2
"""Times that a trial may lose the process that trains it before it has failed."""


class Dispatch:
    """Stands between an oracle and whatever trains its trials.

    Args:
        tuner: A `FastTuner`; its oracle is asked and told here, its observer hears of all trials.

    Raises:
        ValueError: The tuner wants several trials at once.
    """

    def __init__(self, tuner: Any) -> None:
        self.tuner, self.oracle = tuner, tuner.oracle
        self._waiting: list[Trial] = []
        self._losses: collections.Counter[str] = collections.Counter()
        self._handed_out = 0
        self._nothing_left = False

    def take(self) -> Trial | None:
        """The next trial to train, or None where there is none before another has ended.

        Raises:
            RunLocked: Another process searches in the directory.
            OSError: The search cannot be written.
        """
        if self._waiting:
            return self._waiting.pop(0)
        if self._nothing_left:
            return None
        # Every trial is asked for under a name of its own: who asks again under the same name gets the same trial.
        self._handed_out += 1
        trial = self.oracle.create_trial(f"trainer{self._handed_out}")
        if trial.status == "RUNNING":
            return trial
        self._nothing_left = True
        return None

    def order(self, trial: Trial) -> Order:
        """The order for a trial, for the process that trains it."""
        race, seed = self.tuner.race, int(getattr(self.oracle, "seed", 0))
        rule = None if race is None else rule_config(race.rule)
        # Only the oracle here knows which of its trials tell how good a leader or the defaults are.
        keep = self.tuner.compares(trial.trial_id)
        return Order(trial.trial_id, dict(trial.hyperparameters.values), seed, rule, keep)

    def report(self, trial: Trial, epoch: Epoch) -> bool:
        """An epoch of a trial has ended; whether the trial is to end with it."""
        ends: bool = self.tuner.on_epoch(trial, epoch.epoch, epoch.epochs, epoch.logs)
        return ends

    def give_back(self, trial: Trial) -> None:
        """A trial was not begun; it goes to the next process that asks."""
        self._waiting.append(trial)

    def leave(self) -> None:
        """No process trains any more: the trials that were not begun go back to the oracle, where it is ours."""
        give_back = getattr(self.oracle, "give_back", None)
        while self._waiting and give_back is not None:
            give_back(self._waiting.pop(0).trial_id)

    def lose(self, trial: Trial, words: str) -> bool:
        """The process that trained a trial has died, with this last output; whether the trial is run again.

        Raises:
            RuntimeError: Too many trials in a row have failed.
        """
        self._losses[trial.trial_id] += 1
        if self._losses[trial.trial_id] < LOSSES:
            self._waiting.append(trial)
            return True
        self.end(trial, Ended(trial.trial_id, "FAILED", words))
        return False

    def end(self, trial: Trial, ended: Ended) -> None:
        """A trial has ended.

        Raises:
            keras_tuner.errors.FatalRuntimeError: Nothing can be trained as things are.
            RuntimeError: Too many trials in a row have failed.
            OSError: The search cannot be written.
        """
        self._nothing_left = False
        if ended.status == "FATAL":
            raise keras_tuner.errors.FatalRuntimeError(f"No trial can be trained as things are:\n{ended.message}")
        trial.status, trial.message = ended.status, ended.message
        if ended.space is not None:
            config = {"space": list(ended.space), "values": dict(ended.values)}
            trial.hyperparameters = keras_tuner.HyperParameters.from_config(config)
        try:
            for step, metrics in enumerate(ended.epochs):
                self.oracle.update_trial(trial.trial_id, metrics, step=step)
        except ValueError as error:
            trial.status, trial.message = "FAILED", str(error)
        self.tuner.note_engines(trial, ended.engines)
        self.tuner.on_trial_end(trial)
