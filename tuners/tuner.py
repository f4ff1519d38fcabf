"""The tuner: runs the trials of any oracle, fast, and keeps the best models."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from numpy.typing import NDArray

from tuners.callbacks import copied_callbacks, give_directories, hooks_of
from tuners.compiling import compile_with
from tuners.engine.best_epoch import BestEpoch
from tuners.engine.choice import Engines, EngineUse, summary_of
from tuners.engine.redundant import redundant_biases
from tuners.engine.results import Trained, averaged, epochs_of
from tuners.folds import Folds, Rows, facts_of_call
from tuners.log import get_logger
from tuners.machine import Memory, frozen_heap
from tuners.oracle import CoarseToFineOracle
from tuners.parallel.chief import serve_oracle
from tuners.parallel.chief_client import PersistentClient, beating
from tuners.parallel.worker_pipe import is_worker
from tuners.private_apis import gradients_with_graphs
from tuners.protocols import Observer, OnlyFits
from tuners.pruning import Race, Rule
from tuners.session import clear_session
from tuners.space.dimensions import cube_from_space
from tuners.space.shown import reason
from tuners.store import checkpoints
from tuners.store.facts import trial_seed
from tuners.store.files import write_file
from tuners.strategy.features import features_by_name
from tuners.strategy.scores import gain_of, score_of
from tuners.trial_metrics import directions, means_of

_LOG = get_logger(__name__)

BUILDING = ("_build_and_fit_model", "_build_hypermodel", "_try_build")
"""What keras-tuner keeps for subclasses to override, which then have the model in hand."""

NO_HYPERMODEL = (
    "Received `hypermodel=None`, which goes only with a `run_trial` of your own that needs no hypermodel: pass a "
    "function that takes `hp` and returns a compiled Keras model, or a `keras_tuner.HyperModel`."
)


class FastTuner(keras_tuner.Tuner):
    """A `keras_tuner.Tuner` that trains the same trials faster, with any oracle and any hypermodel.

    The best weights of a trial stay in memory and are written once, when the trial turns out to be among the best.
    Metrics of every epoch go to the oracle. Every trial starts from a seed of its own, derived from the oracle's, so
    that a trial that is run again gives the same result.

    Args:
        oracle: A `keras_tuner.Oracle`.
        hypermodel: A `keras_tuner.HyperModel` or a function that takes `hp` and returns a compiled Keras model.
        engine: What trains when `HyperModel.fit` calls `model.fit`, to the same result either way: "fit" for
            `model.fit` itself; "graph" for whole epochs in the graph with the data on the device; "numpy" for the model
            written out in numpy, so that no trial waits for a graph; "auto" for the fastest that takes the model. An
            engine that cannot do what `model.fit` does leaves it to `model.fit` (see `tuners.engine.choice`).
        keep_checkpoints: Number of best trials whose weights are kept on disk, >= 1.
        trial_time_limit: Seconds after which a trial begins no further epoch, or None. With several executions or
            folds it holds for each.
        folds: Number of folds of a cross-validation over x and y; or for each fold the row numbers to train on and
            those to validate on, as scikit-learn's splitters give them; or None. A trial's metrics are the mean over
            the folds, and the weights that are kept are the best fold's.
        pruning: What ends trials early, `CurveStopping()`, `MedianStopping()` or `SuccessiveHalving()`, or None. They
            count as completed, with what they have reached. Goes with one execution a trial and no folds. Trials in
            worker processes and on Ray are judged where the oracle is, whose tuner is the one to be given this; with
            keras-tuner's own distributed search it does not go.
        observer: Is told of epochs and trials as they end; see `tuners.protocols.Observer`.
        **kwargs: Arguments of `keras_tuner.Tuner`: `executions_per_trial`, `max_model_size`, `optimizer`, `loss`,
            `metrics`, `distribution_strategy`, `directory`, `project_name`, `tuner_id`, `overwrite`. A model with more
            trainable weights than `max_model_size` is not trained; to our oracle it is infeasible, which is no failure.

    Attributes:
        race: What pruning judges trials by, or None.
        epochs_saved: Epochs that pruning has left out since this tuner was made.
        engine_uses: What trained in each call of `model.fit` since this tuner was made, and why no faster engine did.
        execution_scores: The best objective of each execution and fold of the last trial that was run here.
        parameters: Weights of the model of that trial, those that are not trained included; None where not known.
        redundant_biases: Names of the layers of that model whose bias does nothing, since batch norm follows.
        wanted: Id of a trial whose weights are kept whatever it reaches, where the oracle is in another process.
        stop_search: Set to true, by an observer for one, it ends the search that runs after the trial that runs.

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
        folds: int | Sequence[tuple[Rows, Rows]] | None = None,
        pruning: Rule | None = None,
        observer: Observer | None = None,
        **kwargs: Any,
    ) -> None:
        self._engines = Engines(engine)
        # Where the space is given, other processes may run the trials, and only those need the hypermodel.
        space = getattr(oracle, "hyperparameters", None)
        if hypermodel is None and type(self).run_trial is FastTuner.run_trial and not (space and space.space):
            raise ValueError(NO_HYPERMODEL)
        if keep_checkpoints < 1:
            raise ValueError(f"keep_checkpoints is {keep_checkpoints!r}; expected 1 or more.")
        if is_worker() or _distributed_role() == "worker":
            # What the parent has begun anew is not to be removed again.
            kwargs["overwrite"] = False
        scoring = getattr(type(oracle), "score_trial", None)
        self._scored_by_objective = scoring in (keras_tuner.Oracle.score_trial, CoarseToFineOracle.score_trial)
        # Hyperband goes on from the weights of a trial that it chooses itself.
        self._keeps_all = isinstance(oracle, keras_tuner.oracles.HyperbandOracle)
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
        self._trained_before = 0
        self.execution_scores: list[float] = []
        self.parameters: int | None = None
        self.redundant_biases: list[str] = []
        self.wanted: str | None = None
        self.stop_search = False

    @property
    def engine_uses(self) -> list[EngineUse]:
        """What trained in each call of `model.fit`; see above."""
        return self._engines.uses

    def search(self, *args: Any, **kwargs: Any) -> None:
        """Search for the best hyperparameters.

        Args:
            *args: Positional arguments of `model.fit`.
            **kwargs: Keyword arguments of `model.fit`. `verbose=0` silences the search as well.

        Raises:
            RuntimeError: Too many trials in a row have failed.
            keras_tuner.errors.FatalError: Nothing can be trained as things are; the message says why.
        """
        self.stop_search = False
        if self._is_chief():
            if "verbose" in kwargs:
                self.oracle.verbose = kwargs["verbose"]
            serve_oracle(self)
            return
        if "verbose" in kwargs and hasattr(self.oracle, "verbose"):
            self.oracle.verbose = kwargs["verbose"]
        if isinstance(self.oracle, CoarseToFineOracle):
            self.save()
            self.oracle.note_search(facts_of_call(args, kwargs, self.folds, self.executions_per_trial))
        self.on_search_begin()
        count = 0
        with frozen_heap():
            while not self.stop_search and (trial := self._next_trial()) is not None:
                self.on_trial_begin(trial)
                self.forget_trial()
                with beating(self.oracle, trial.trial_id), _judged(trial):
                    self._run_and_update_trial(trial, *args, **kwargs)
                    trial.status = "COMPLETED"
                self.note_engines(trial, self.trial_summary())
                self.on_trial_end(trial)
                count += 1
        if isinstance(self.oracle, CoarseToFineOracle):
            self.prune()
        if getattr(self.oracle, "verbose", False):
            self._say_what_became_of(count)
        self.on_search_end()

    def forget_trial(self) -> None:
        """Know nothing of the trial that was run before."""
        self._trained_before = len(self.engine_uses)
        self.execution_scores, self.parameters, self.redundant_biases = [], None, []

    def trial_summary(self) -> dict[str, Any]:
        """What is kept with the trial that was run, beside what it has reached."""
        uses = self.engine_uses[self._trained_before :]
        return summary_of(uses, self.execution_scores, self.parameters, self.redundant_biases)

    def _say_what_became_of(self, count: int) -> None:
        """Say what is to be known of a search that has ended, beside its best trial."""
        if not count:
            _LOG.info("No trial is left to train; max_trials is %s.", self.oracle.max_trials)
        if self.epochs_saved:
            _LOG.info("Pruning has saved %d epochs.", self.epochs_saved)
        if isinstance(self.oracle, CoarseToFineOracle) and self.oracle.end_order and not self._best(1):
            last = self.oracle.trials[self.oracle.end_order[-1]]
            why = reason(last.message or f"it is {last.status}.")
            _LOG.warning("No trial has reached a %s. The last one: %s", self.oracle.objective.name, why)

    def reload(self) -> None:
        """Take up the search in the project directory, with what another process has added to it meanwhile."""
        if isinstance(self.oracle, CoarseToFineOracle):
            self.oracle.reload()
            with contextlib.suppress(FileNotFoundError):
                self.set_state(json.loads(Path(self._get_tuner_fname()).read_text()))
            # The hypermodel may declare another space than it did.
            self._populate_initial_space()
        else:
            super().reload()

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        """Train the model of a trial; a subclass may do anything here that gives the objective.

        Args:
            trial: The trial.
            *args: Positional arguments of `model.fit`.
            **kwargs: Keyword arguments of `model.fit`.

        Returns:
            What `HyperModel.fit` returned, of each execution and fold. A subclass may return a `History`, a mapping of
            metrics, the value of the objective, or a list of these, whose average counts.
        """
        if self.hypermodel is None:
            raise keras_tuner.errors.FatalValueError(NO_HYPERMODEL)
        if kwargs.get("verbose") in ("auto", 1):
            # Epoch by epoch output of model.fit drowns what the search has to say.
            kwargs["verbose"] = 0
        parts: list[tuple[tuple[Any, ...], Mapping[str, Any]]] = [(args, kwargs)]
        if self.folds is not None:
            # Not before: a worker learns the seed of a search with its first trial.
            parts = [((), fold) for fold in self.folds.of(args, kwargs, self._seed("folds", 0))]
        executions = [
            self._execute(trial, number, *part) for number, part in enumerate(parts * self.executions_per_trial)
        ]
        epochs = averaged([each.epochs for each in executions], self.oracle.objective)
        direction = self.oracle.objective.direction
        self.execution_scores = [score_of(self._merit(each.epochs), direction) for each in executions]
        self.parameters = sum(each.size for each in executions[-1].weights)
        self._keep(trial, max(executions, key=lambda each: self._merit(each.epochs)), self._merit(epochs))
        return [each.result for each in executions]

    def _execute(self, trial: Any, number: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Trained:
        """Train the model of a trial once, by its hypermodel."""
        keras.utils.set_random_seed(self._seed(trial.trial_id, number))
        best = BestEpoch(
            self.oracle.objective,
            lambda epoch, epochs, logs: self.on_epoch(trial, epoch, epochs, logs),
            self.trial_time_limit,
        )
        callbacks = copied_callbacks(kwargs.get("callbacks"))
        give_directories(callbacks, lambda boards: self._configure_tensorboard_dir(boards, trial, number))
        callbacks += [*hooks_of(self, trial), best]
        self._built = None
        with gradients_with_graphs():
            result = self._build_and_fit_model(trial, *args, **{**kwargs, "callbacks": callbacks})
        epochs = epochs_of(result, self.oracle.objective)
        model = self._built if self._built is not None else best.model
        self.redundant_biases = redundant_biases(model)
        # Where training ran no callback, the last weights are the best that there are.
        weights = model.get_weights() if best.weights is None else best.weights
        return Trained(epochs, weights, model.get_build_config(), result)

    def _build_and_fit_model(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        """One execution, as keras-tuner calls it; subclasses prepare data or arguments here."""
        model = self._built = self._try_build(trial.hyperparameters)
        own = any(getattr(type(self), name) is not getattr(FastTuner, name) for name in BUILDING)
        with self._engines.answering(model, looked_at=own or not _only_fits(self.hypermodel)):
            return self.hypermodel.fit(trial.hyperparameters, model, *args, **kwargs)

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
        if self.race is None or self.compares(trial.trial_id):
            return False
        if not self.race.falls_behind(trial.trial_id, epoch, epochs, logs):
            return False
        self.epochs_saved += epochs - epoch
        return True

    def note_engines(self, trial: Any, engines: Mapping[str, Any]) -> None:
        """Have what trained a trial kept with it, where the oracle is ours.

        Args:
            trial: The trial.
            engines: What `tuners.engine.choice.summary_of` gives.
        """
        if isinstance(self.oracle, CoarseToFineOracle):
            promised = None if self.race is None else self.race.promised(trial.trial_id)
            kept = engines if promised is None else {**engines, "promised": promised}
            self.oracle.note_engines(trial.trial_id, kept)

    def on_trial_end(self, trial: Any) -> None:
        """Hand the trial back to the oracle and drop the weights of those that are no longer among the best.

        Args:
            trial: The trial, with its status.
        """
        if trial.message and not isinstance(self.oracle, keras_tuner.Oracle):
            # keras-tuner's protocol does not carry it to the chief.
            _LOG.warning("%s", trial.message)
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
        if self._keeps_all:
            return
        # Another process may have written the weights of a trial whose end is not known here yet.
        default = self.oracle.default if isinstance(self.oracle, CoarseToFineOracle) else None
        kept = [*self._best(self._kept), *self.oracle.ongoing_trials.values(), *([default] if default else [])]
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
        kept = checkpoints.kept_trials(self.project_dir)
        if trial.trial_id not in kept and os.path.exists(self._get_checkpoint_fname(trial.trial_id)):
            # A run_trial of a subclass has put it where keras-tuner looks for it.
            return super().load_model(trial)
        if trial.trial_id not in kept and trial.status in ("INVALID", "FAILED"):
            why = reason(trial.message or f"it is {trial.status}.")
            raise checkpoints.CheckpointError(f"Trial {trial.trial_id} has no weights: {why}")
        if type(self).run_trial is not FastTuner.run_trial and not kept:
            raise checkpoints.CheckpointError(
                f"{type(self).__name__}.run_trial has kept no weights of any trial: have it train by "
                "super().run_trial(trial, ...), which keeps those of the best epoch; or train the best values once "
                "more, by hypermodel.build(tuner.get_best_hyperparameters()[0])."
            )
        model = self._try_build(trial.hyperparameters)
        checkpoints.load_weights(self.project_dir, trial.trial_id, model)
        return model

    def save(self) -> None:
        """Keep the state of the search; our oracle's is on disk already, and that of a distant one is its chief's."""
        if not isinstance(self.oracle, keras_tuner.Oracle):
            return
        if not isinstance(self.oracle, CoarseToFineOracle):
            super().save()
            return
        # By this file keras-tuner knows that there is a search; what is in it is the state of a subclass.
        path, state = Path(self._get_tuner_fname()), json.dumps(self.get_state())
        if not path.exists() or path.read_text() != state:
            write_file(path, state.encode())

    def _next_trial(self) -> Any:
        """The next trial to run; None where the search is over."""
        while True:
            self.pre_create_trial()
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == "STOPPED":
                return None
            if trial.status != "IDLE":
                return trial
            # An idle worker waits for others; asking without a pause would take a core.
            time.sleep(0.2)

    def _run_and_update_trial(self, trial: Any, *args: Any, **kwargs: Any) -> None:
        """Run a trial and tell the oracle of its metrics."""
        before = self._times_reported(trial)
        result = self.run_trial(trial, *args, **kwargs)
        # Asked where a subclass may have reported only, since a distant oracle is asked over the network.
        overridden = type(self).run_trial is not FastTuner.run_trial
        if overridden and self._times_reported(self.oracle.get_trial(trial.trial_id)) > before:
            warnings.warn(
                "Calling `self.oracle.update_trial(trial_id, metrics)` in `Tuner.run_trial()` is deprecated. Please "
                "remove the call and do 'return metrics' in `Tuner.run_trial()` instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            return
        for step, metrics in enumerate(epochs_of(result, self.oracle.objective, "Tuner.run_trial()")):
            answer = self.oracle.update_trial(trial.trial_id, metrics, step=step)
            if getattr(answer, "status", answer) == "STOPPED":
                break

    def _times_reported(self, trial: Any) -> int:
        name = self.oracle.objective.name
        names = [each for each in (name, *directions(self.oracle.objective)) if trial.metrics.exists(each)]
        return sum(len(each.value) for each in trial.metrics.get_history(names[0])) if names else 0

    def _seed(self, of: str, execution: int) -> int:
        return trial_seed(getattr(self.oracle, "seed", 0), of, execution)

    def _race(self, rule: Rule) -> Race:
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
        race = Race(rule, self.oracle.objective, self._features)
        for trial_id in self.oracle.end_order:
            trial = self.oracle.trials[trial_id]
            if trial.metrics.exists(race.objective.name) and not self.compares(trial_id):
                race.take(trial_id, means_of(trial, race.objective.name).values())
        return race

    def _features(self, trial_ids: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """What a model of the response sees of some trials, by their ids."""
        if isinstance(self.oracle, CoarseToFineOracle):
            cube = self.oracle.cube
        else:
            cube = cube_from_space(self.oracle.hyperparameters.get_config()["space"])
        return features_by_name(cube, {each: self.oracle.trials[each].hyperparameters.values for each in trial_ids})

    def _try_build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        clear_session()
        self._memory.collect()
        model = self._build_hypermodel(hp)
        if not isinstance(model, keras.Model):
            is_older = type(model).__module__.startswith("tf_keras.")
            hint = " A model of tf_keras is of Keras 2; build it of keras, which is Keras 3." if is_older else ""
            raise keras_tuner.errors.FatalTypeError(
                "Expected the model-building function, or HyperModel.build() to return a valid Keras Model instance. "
                f"Received: {model} of type {type(model)}. Is a `return` missing?{hint}"
            )
        size = sum(math.prod(each.shape) for each in model.trainable_weights) if model.built else 0
        if self.max_model_size and size > self.max_model_size:
            raise keras_tuner.errors.FailedTrialError(
                f"Oversized model: {size} parameters, max_model_size is {self.max_model_size}. Skip model."
            )
        return model

    def _override_compile_args(self, model: keras.Model) -> None:
        given = {"optimizer": self.optimizer, "loss": self.loss, "metrics": self.metrics}
        if isinstance(model, keras.Model):
            compile_with(model, {name: value for name, value in given.items() if value})

    def _merit(self, epochs: Sequence[Mapping[str, float]]) -> float:
        """The best epoch's objective, more is better; -inf where none is a number."""
        objective = self.oracle.objective
        gains = [gain_of(objective.get_value(each), objective.direction) for each in epochs]
        return max(filter(math.isfinite, gains), default=-math.inf)

    def _keep(self, trial: Any, trained: Trained, merit: float) -> None:
        best = [each for each in self._best(self._kept) if each.trial_id != trial.trial_id]
        # The latest trial of a leading configuration stands for it, whatever it reached itself.
        leads = any(each.hyperparameters.values == trial.hyperparameters.values for each in best)
        # Where a subclass of an oracle gives the scores, only it knows which are among the best.
        unknown = self._keeps_all or not self._scored_by_objective or len(best) < self._kept
        # Written before the oracle knows, so that a trial that has ended always has its weights.
        direction = self.oracle.objective.direction
        # Of equals the loss decides, which the oracle compares.
        if (
            unknown
            or leads
            or trial.trial_id == self.wanted
            or self.compares(trial.trial_id)
            or merit >= min(gain_of(each.score, direction) for each in best)
        ):
            checkpoints.save_weights(self.project_dir, trial.trial_id, trained.weights, trained.build_config)

    @property
    def _kept(self) -> int:
        """Trials whose weights are kept: more than asked for while it is not decided which are the best."""
        return self.keep_checkpoints + (self.oracle.undecided if isinstance(self.oracle, CoarseToFineOracle) else 0)

    def compares(self, trial_id: str) -> bool:
        """Whether a trial is to tell how good a configuration is, so that it has to be trained to its end."""
        return isinstance(self.oracle, CoarseToFineOracle) and self.oracle.is_rerun(trial_id)

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


def _only_fits(hypermodel: Any) -> bool:
    """Whether nobody looks at a model after it was trained by a hypermodel."""
    if isinstance(hypermodel, OnlyFits):
        return hypermodel.only_fits
    # keras-tuner wraps a build function in a hypermodel of its own, whose fit is the plain one.
    return type(hypermodel).fit is keras_tuner.HyperModel.fit


def _distributed_role() -> str:
    """What keras-tuner's variables make of this process: "chief", "worker", or "" where there are none."""
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return ""
    return "chief" if "chief" in os.environ.get("KERASTUNER_TUNER_ID", "") else "worker"
