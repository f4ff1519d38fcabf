"""The tuner: runs the trials of any oracle, fast, and keeps the best models."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
import time
import traceback
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np

from tuners.engine.choice import Engines
from tuners.engine.numpy_engine.member import Member
from tuners.engine.request import Request, Trained
from tuners.engine.results import Epochs, averaged
from tuners.folds import Folds
from tuners.machine import Memory, frozen_heap
from tuners.oracle import CoarseToFineOracle
from tuners.parallel.chief import serve_oracle
from tuners.parallel.chief_client import PersistentClient, beating
from tuners.parallel.worker_pipe import is_worker
from tuners.protocols import Observer
from tuners.pruning import Race, SuccessiveHalving
from tuners.store import checkpoints
from tuners.trial_metrics import means_of


class FastTuner(keras_tuner.Tuner):
    """A `keras_tuner.Tuner` that trains the same trials faster, with any oracle and any hypermodel.

    The best weights of a trial stay in memory and are written once, when the trial turns out to be among the best.
    Metrics of every epoch go to the oracle. Every trial starts from a seed of its own, derived from the oracle's, so
    that a trial that is run again gives the same result.

    Args:
        oracle: A `keras_tuner.Oracle`.
        hypermodel: A `keras_tuner.HyperModel` or a function that takes `hp` and returns a compiled Keras model.
        engine: How trials are trained, to the same result either way: "fit" by `HyperModel.fit`; "graph" with whole
            epochs in the graph and the data on the device; "population" with the model written out in numpy, so that no
            trial waits for a graph; "auto" by the fastest that takes the trial (see `tuners.engine.choice`).
        keep_checkpoints: Number of best trials whose weights are kept on disk, >= 1.
        trial_time_limit: Seconds after which a trial begins no further epoch, or None. With several executions or
            folds it holds for each.
        folds: Number of folds of a cross-validation over x and y, or None. A trial's metrics are the mean over the
            folds, and the weights that are kept are the best fold's.
        pruning: What ends trials early that fall behind, such as `SuccessiveHalving()`, or None. They count as
            completed, with what they have reached. Goes with one execution a trial and no folds. Trials in worker
            processes and on Ray are judged where the oracle is, whose tuner is the one to be given this; with
            keras-tuner's own distributed search it does not go.
        trials_at_once: Number of trials that the oracle is asked for at a time, >= 1. Those that the population engine
            takes, and whose models are alike but for widths and rates, are trained together, each as it would be
            alone: faster where models are small. The oracle knows less of the results when it is asked.
        observer: Is told of epochs and trials as they end; see `tuners.protocols.Observer`.
        **kwargs: Arguments of `keras_tuner.Tuner`: `executions_per_trial`, `max_model_size`, `optimizer`, `loss`,
            `metrics`, `distribution_strategy`, `directory`, `project_name`, `tuner_id`, `overwrite`.

    Attributes:
        race: What pruning judges trials by, or None.
        epochs_saved: Epochs that pruning has left out since this tuner was made.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        hypermodel: Any = None,
        *,
        engine: str = "auto",
        keep_checkpoints: int = 3,
        trial_time_limit: float | None = None,
        folds: int | None = None,
        pruning: SuccessiveHalving | None = None,
        trials_at_once: int = 1,
        observer: Observer | None = None,
        **kwargs: Any,
    ) -> None:
        self._engines = Engines(engine)
        if keep_checkpoints < 1:
            raise ValueError(f"keep_checkpoints is {keep_checkpoints!r}; expected 1 or more.")
        if trials_at_once < 1:
            raise ValueError(f"trials_at_once is {trials_at_once!r}; expected 1 or more.")
        if trials_at_once > 1 and _distributed_role():
            raise ValueError("trials_at_once does not go with keras-tuner's distributed search: leave it out.")
        if trials_at_once > 1 and type(self).run_trial is not FastTuner.run_trial:
            raise ValueError("trials_at_once does not go with a run_trial of your own, which runs one: leave it out.")
        self.trials_at_once = trials_at_once
        if is_worker() or _distributed_role() == "worker":
            # What the parent has begun anew is not to be removed again.
            kwargs["overwrite"] = False
        super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)
        self.oracle: Any
        if not isinstance(self.oracle, keras_tuner.Oracle):
            self.oracle = PersistentClient(self.oracle)
        self.folds = None if folds is None else Folds(folds)
        self.race = None if pruning is None else self._race(pruning)
        self.epochs_saved = 0
        self.keep_checkpoints = keep_checkpoints
        self.trial_time_limit, self.observer = trial_time_limit, observer
        self._memory = Memory()

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Search for the best hyperparameters.

        Args:
            *args: Positional arguments of `model.fit`.
            **kwargs: Keyword arguments of `model.fit`. `verbose=0` silences the search as well.

        Raises:
            RuntimeError: Too many trials in a row have failed.
            keras_tuner.errors.FatalError: Nothing can be trained as things are; the message says why.
        """
        if self._is_chief():
            if "verbose" in kwargs:
                self.oracle.verbose = kwargs["verbose"]
            serve_oracle(self)
            return
        if "verbose" in kwargs and hasattr(self.oracle, "verbose"):
            self.oracle.verbose = kwargs["verbose"]
        # Epoch by epoch output of model.fit drowns what the search has to say.
        kwargs["verbose"] = 0 if kwargs.get("verbose", "auto") in ("auto", 0, 1) else kwargs["verbose"]
        self.on_search_begin()
        with frozen_heap():
            while trials := self._next_trials():
                for trial in trials:
                    self.on_trial_begin(trial)
                for trial in self._attempted(trials, args, kwargs):
                    self.on_trial_end(trial)
        if self.epochs_saved and getattr(self.oracle, "verbose", False):
            print(f"Pruning has saved {self.epochs_saved} epochs.")
        self.on_search_end()

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> list[dict[str, float]]:
        """Train the model of a trial.

        Args:
            trial: The trial.
            *args: Positional arguments of `model.fit`.
            **kwargs: Keyword arguments of `model.fit`.

        Returns:
            Metrics of each epoch, averaged over the executions and folds.
        """
        return self._end(trial, self._engines.finish(self._begin(trial, args, kwargs)))

    def _begin(self, trial: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Trained | Member]:
        """The executions and folds of a trial, trained or made ready."""
        parts = [(args, kwargs)]
        if self.folds is not None:
            # Not before: a worker learns the seed of a search with its first trial.
            parts = [((), fold) for fold in self.folds.of(args, kwargs, self._seed("folds", 0))]
        return [
            self._engines.begin(self._request(trial, number, *part))
            for number, part in enumerate(parts * self.executions_per_trial)
        ]

    def _end(self, trial: Any, executions: Sequence[Trained | Exception]) -> Epochs:
        """Keep the best of the executions and folds of a trial; the mean of their metrics."""
        trained = []
        for each in executions:
            if isinstance(each, Exception):
                raise each
            trained.append(each)
        epochs = averaged([each.epochs for each in trained], self.oracle.objective)
        self._keep(trial, max(trained, key=lambda each: self._merit(each.epochs)), self._merit(epochs))
        return epochs

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Mapping[str, float]) -> bool:
        """An epoch of a trial has ended, here or in a worker process.

        Args:
            trial: The trial.
            epoch: Epochs so far.
            epochs: Epochs in all.
            logs: Metrics of the epoch.

        Returns:
            Whether the trial is to end with it.
        """
        if self.observer is not None:
            self.observer.on_epoch(trial, epoch, epochs, logs)
        if self.race is None or not self.race.falls_behind(trial.trial_id, epoch, epochs, logs):
            return False
        self.epochs_saved += epochs - epoch
        return True

    def on_trial_end(self, trial: Any) -> None:
        """Hand the trial back to the oracle and drop the weights of those that are no longer among the best.

        Args:
            trial: The trial, with its status.
        """
        if trial.message and not isinstance(self.oracle, keras_tuner.Oracle):
            # keras-tuner's protocol does not carry it to the chief.
            print(trial.message, file=sys.stderr)
        if self.race is not None and trial.status != "COMPLETED":
            # Its epochs are not kept either, so that a search that goes on judges as the unbroken one.
            self.race.forget(trial.trial_id)
        try:
            self.oracle.end_trial(trial)
        finally:
            known = self.oracle.get_trial(trial.trial_id)
            if self.observer is not None and known.status != "RUNNING":
                self.observer.on_trial_end(known)
        if isinstance(self.oracle, keras_tuner.Oracle):
            self.prune()
        self.save()

    def prune(self) -> None:
        """Drop the weights of the trials that are not among the best; for the process that has the oracle."""
        # Another process may have written the weights of a trial whose end is not known here yet.
        kept = [*self._best(self.keep_checkpoints), *self.oracle.ongoing_trials.values()]
        checkpoints.keep_only(self.project_dir, [each.trial_id for each in kept])

    def load_model(self, trial: Any) -> keras.Model:
        """The model of a trial, with the weights of its best epoch.

        Args:
            trial: A trial, such as one of `oracle.get_best_trials`.

        Returns:
            A compiled model.

        Raises:
            CheckpointError: The weights of that trial are not kept.
        """
        model = self._build(trial.hyperparameters)
        checkpoints.load_weights(self.project_dir, trial.trial_id, model)
        return model

    def save(self) -> None:
        """Keep the state of the search; our oracle's is on disk already, and that of a distant one is its chief's."""
        if isinstance(self.oracle, keras_tuner.Oracle) and not isinstance(self.oracle, CoarseToFineOracle):
            super().save()

    def _next_trials(self) -> list[Any]:
        """Trials to be run at once; none where the search is over."""
        found: list[Any] = []
        while len(found) < self.trials_at_once:
            self.pre_create_trial()
            trial = self.oracle.create_trial(f"{self.tuner_id}-{len(found)}" if found else self.tuner_id)
            if trial.status == "STOPPED":
                break
            if trial.status == "IDLE":
                if found:
                    break
                # An idle worker waits for others; asking without a pause would take a core.
                time.sleep(0.2)
                continue
            found.append(trial)
            # A search that goes on asks for the rest of those it was interrupted in, as if it had not been.
            if self.trials_at_once > 1 and len(self.oracle.trials) % self.trials_at_once == 0:
                break
        return found

    def _attempted(self, trials: Sequence[Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Any]:
        """The trials, each when it has a status."""
        if len(trials) == 1:
            with beating(self.oracle, trials[0].trial_id), _judged(trials[0]):
                self._report(trials[0], self.run_trial(trials[0], *args, **kwargs))
            yield trials[0]
            return
        begun: dict[str, list[Trained | Member]] = {}
        for trial in trials:
            with _judged(trial):
                begun[trial.trial_id] = self._begin(trial, args, kwargs)
        finished = iter(self._engines.finish([each for parts in begun.values() for each in parts]))
        for trial in trials:
            parts = [next(finished) for _ in begun.get(trial.trial_id, ())]
            if parts:
                with _judged(trial):
                    self._report(trial, self._end(trial, parts))
            yield trial

    def _report(self, trial: Any, epochs: Epochs) -> None:
        for step, metrics in enumerate(epochs):
            self.oracle.update_trial(trial.trial_id, metrics, step=step)
        trial.status = "COMPLETED"

    def _request(self, trial: Any, execution: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        keras.utils.set_random_seed(self._seed(trial.trial_id, execution))
        model = self._build(trial.hyperparameters)
        epochs = int(kwargs.get("epochs", 1))
        return Request(
            hypermodel=self.hypermodel,
            hp=trial.hyperparameters,
            model=model,
            args=args,
            # Callbacks have state, such as the patience of an early stop, that no other trial may inherit.
            kwargs={**kwargs, "callbacks": copy.deepcopy(kwargs.get("callbacks"))},
            objective=self.oracle.objective,
            on_epoch=lambda epoch, logs: self.on_epoch(trial, epoch, epochs, logs),
            time_limit=self.trial_time_limit,
        )

    def _seed(self, of: str, execution: int) -> int:
        return trial_seed(getattr(self.oracle, "seed", 0), of, execution)

    def _race(self, rule: SuccessiveHalving) -> Race:
        """What the trials that have ended reached, where a search goes on."""
        if self.folds is not None or self.executions_per_trial > 1:
            raise ValueError("pruning compares single trainings: leave out folds and executions_per_trial, or pruning.")
        if _distributed_role():
            raise ValueError(
                "pruning does not go with keras-tuner's distributed search, whose protocol has no way to end a trial: "
                "search in worker processes or on Ray instead (kzoo search --workers or --ray), or leave out pruning."
            )
        # Has a journal that is there read.
        self.oracle.get_space()
        race = Race(rule, self.oracle.objective)
        for trial_id in self.oracle.end_order:
            trial = self.oracle.trials[trial_id]
            if trial.metrics.exists(race.objective.name):
                race.take(trial_id, means_of(trial, race.objective.name).values())
        return race

    def _build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        keras.backend.clear_session(free_memory=False)
        self._memory.collect()
        strategy = self.distribution_strategy
        with strategy.scope() if strategy is not None else contextlib.nullcontext():
            model = self.hypermodel.build(hp)
            if not isinstance(model, keras.Model):
                raise keras_tuner.errors.FatalTypeError(
                    f"The hypermodel built {type(model).__name__}; expected a keras.Model. Is a `return` missing?"
                )
            self._recompile(model)
        if self.max_model_size and model.built and model.count_params() > self.max_model_size:
            raise keras_tuner.errors.FailedTrialError(
                f"Oversized model: {model.count_params()} parameters, max_model_size is {self.max_model_size}."
            )
        return model

    def _recompile(self, model: keras.Model) -> None:
        given = {"optimizer": self.optimizer, "loss": self.loss, "metrics": self.metrics}
        replaced = {name: keras.saving.serialize_keras_object(value) for name, value in given.items() if value}
        if replaced:
            # By configuration, so that every model gets an optimizer and metrics of its own.
            model.compile_from_config({**model.get_compile_config(), **replaced})

    def _merit(self, epochs: Sequence[Mapping[str, float]]) -> float:
        """The best epoch's objective, more is better; -inf where none is a number."""
        sign = 1 if self.oracle.objective.direction == "max" else -1
        values = [sign * float(self.oracle.objective.get_value(each)) for each in epochs]
        return max((value for value in values if np.isfinite(value)), default=-np.inf)

    def _keep(self, trial: Any, trained: Trained, merit: float) -> None:
        sign = 1 if self.oracle.objective.direction == "max" else -1
        best = [each for each in self._best(self.keep_checkpoints) if each.trial_id != trial.trial_id]
        # The latest trial of a leading configuration stands for it, whatever it reached itself.
        leads = any(each.hyperparameters.values == trial.hyperparameters.values for each in best)
        # Written before the oracle knows, so that a trial that has ended always has its weights.
        if leads or len(best) < self.keep_checkpoints or merit > min(sign * each.score for each in best):
            checkpoints.save_weights(self.project_dir, trial.trial_id, trained.weights, trained.build_config)

    def _best(self, count: int) -> list[Any]:
        return [each for each in self.oracle.get_best_trials(count) if each.status == "COMPLETED"]

    def _is_chief(self) -> bool:
        return isinstance(self.oracle, keras_tuner.Oracle) and _distributed_role() == "chief"


@contextlib.contextmanager
def _judged(trial: Any) -> Iterator[None]:
    """Give a trial a status and a message where what is done for it raises."""
    try:
        yield
    except keras_tuner.errors.FatalError:
        raise
    except keras_tuner.errors.FailedTrialError:
        trial.status, trial.message = "FAILED", traceback.format_exc()
    except Exception:
        trial.status, trial.message = "INVALID", traceback.format_exc()


def _distributed_role() -> str:
    """What keras-tuner's variables make of this process: "chief", "worker", or "" where there are none."""
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return ""
    return "chief" if "chief" in os.environ.get("KERASTUNER_TUNER_ID", "") else "worker"


def trial_seed(seed: int, trial_id: str, execution: int) -> int:
    """Seed of one execution of a trial, 0 to 2**32 - 1; trials of neighbouring seeds share no draws."""
    return zlib.crc32(f"{seed}/{trial_id}/{execution}".encode())
