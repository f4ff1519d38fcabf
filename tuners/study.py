"""A search as it is on disk, read without TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import html
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuners.space.dimensions import Cube, cube_from_space
from tuners.store.journal import read_journal
from tuners.store.keras_tuner_project import read_project
from tuners.store.records import replay
from tuners.strategy.configurations import Configurations, alike
from tuners.strategy.luck import is_rate
from tuners.strategy.scores import gain_of, tie_breaker
from tuners.trackers.mlflow_runs import write_mlflow
from tuners.trackers.optuna_study import write_optuna
from tuners.trial_record import TrialRecord, record_of

if TYPE_CHECKING:
    import optuna
    import pandas as pd

COLUMNS = (
    *("number", "status", "score", "best_epoch", "epochs_trained", "parameters", "seconds", "worker", "seed"),
    *("engines", "reason"),
)
"""Of every study as a table."""

SHOWN = 10
"""Trials in a notebook."""


@dataclasses.dataclass(frozen=True, repr=False)
class Study:
    """A search: what was asked for and what came of it.

    Attributes:
        objective: Name of the metric that was optimised.
        direction: "min" or "max".
        seed: Seed of the search.
        trials: In the order of their start.
        space: Configurations of the hyperparameters, as keras-tuner writes them.
        stopped: Why the search ended early, or "".
        elapsed: Seconds that it has run for.
        about: What it is of, as far as it was recorded: rows, validation_rows, epochs, executions, folds, date,
            machine, python, versions.
    """

    objective: str
    direction: str
    seed: int
    trials: tuple[TrialRecord, ...]
    space: tuple[Mapping[str, Any], ...] = ()
    stopped: str = ""
    elapsed: float = 0.0
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Study:
        """The study of a directory; the search may still be running.

        Args:
            directory: Directory of the search (`<directory>/<project_name>`).

        Returns:
            The study.

        Raises:
            FileNotFoundError: The directory holds no search.
            JournalError: It was written by a newer version.
        """
        search = replay(read_journal(directory), directory)
        objectives = search.header.get("objective", {})
        single = len(objectives) == 1
        name, direction = next(iter(objectives.items())) if single else ("multi_objective", "min")
        seed = search.header.get("seed", 0)
        trials = [record_of(number, trial, seed) for number, trial in enumerate(search.trials.values(), start=1)]
        return cls(
            objective=name,
            direction=direction,
            seed=seed,
            trials=tuple(trials),
            space=tuple(search.space),
            stopped=search.stopped,
            elapsed=search.elapsed,
            about=search.about,
        )

    @classmethod
    def from_keras_tuner(cls, directory: str | os.PathLike[str], objective: str | None = None) -> Study:
        """The study of a project of keras-tuner's own tuners, such as RandomSearch, BayesianOptimization, Hyperband.

        Their trials have no learning curves, since keras-tuner keeps the best epoch alone. What Hyperband gives a
        trial to train for is a hyperparameter `epochs`.

        Args:
            directory: `<directory>/<project_name>`.
            objective: Name of the metric that was optimised, which keras-tuner does not write; worked out where it is
                not given.

        Raises:
            FileNotFoundError: The directory holds no project.
            ValueError: It cannot be read, or the objective cannot be told from other metrics.
        """
        project = read_project(Path(directory), objective)
        # One epoch is no curve, also where the best one was the first.
        trials = (
            dataclasses.replace(record_of(number, trial, None), history={})
            for number, trial in enumerate(project.trials.values(), start=1)
        )
        name, direction = next(iter(project.header["objective"].items()))
        seed, space = project.header["seed"], tuple(project.space)
        return cls(name, direction, seed, tuple(trials), space, about=project.about)

    @classmethod
    def from_results(
        cls, objective: str, direction: str, results: Iterable[tuple[Mapping[str, Any], float | None]]
    ) -> Study:
        """What is known from elsewhere, such as a grid or another tool, for `earlier=` and `learn_from=` of a search.

        Args:
            objective: Name of the metric.
            direction: "min" or "max".
            results: Values of the hyperparameters by name, each with what they reached; None where they diverged.

        Raises:
            ValueError: The direction is none.
        """
        if direction not in ("min", "max"):
            raise ValueError(f"direction is {direction!r}; expected 'min' or 'max'.")
        trials = [
            TrialRecord(f"{number:04d}", number + 1, "INVALID" if score is None else "COMPLETED", dict(values), score)
            for number, (values, score) in enumerate(results)
        ]
        return cls(objective, direction, 0, tuple(trials))

    def __repr__(self) -> str:
        """In a line: thousands of trials are nothing to read."""
        best = f", best {self.best[0].score:.4g} by trial {self.best[0].number}" if self.best else ""
        return f"Study({self.objective!r}, {self.direction!r}, {len(self.trials)} trials{best})"

    def _repr_html_(self) -> str:
        """In a notebook: the best trials, and what they are of."""
        numbers = [trial.number for trial in self.best[:SHOWN]]
        table = self.to_dataframe().set_index("number").reindex(numbers).dropna(axis="columns", how="all")
        columns = [name for name in table.columns if name not in ("status", "worker", "engines", "reason", "seed")]
        return f"<p>{html.escape(repr(self))}</p>{table[columns].to_html(float_format='{:.4g}'.format)}"

    @functools.cached_property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, in the order of their start."""
        return tuple(trial for trial in self.trials if _has_score(trial))

    @functools.cached_property
    def default(self) -> TrialRecord | None:
        """The first trial with a score at the default of every hyperparameter, or None."""
        if not self.space:
            return None
        cube = self.cube()
        values = cube.to_values(cube.to_point({}))
        at_default = (
            trial
            for trial in self.completed
            if all(alike(trial.values.get(name), value) for name, value in values.items())
        )
        return next(at_default, None)

    @functools.cached_property
    def best(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, the best first; of equals that with the least loss, then the earlier one.

        Trials with the same values are one configuration: its latest trial stands at the mean of their scores, the
        others come last. The default comes before those that lead it by no more than luck. All this as in
        `CoarseToFineOracle.get_best_trials`.
        """
        configurations = Configurations()
        for index, trial in enumerate(self.trials):
            if trial.status != "RUNNING":
                configurations.start(index, trial.values)
                configurations.finish(index, gain_of(trial.score, self.direction), self._loss_of(trial))
        default = configurations.with_values(self.default.values) if self.default else None
        rows = self.fact("validation_rows") if is_rate(self.objective) else None
        leading = [self.trials[max(each.scores)] for each in configurations.best(default, rows)]
        known = {trial.trial_id for trial in leading}
        return (*leading, *(trial for trial in self.completed if trial.trial_id not in known))

    @property
    def default_stands(self) -> bool:
        """Whether the default is the best though others have reached more, since luck explains that."""
        if self.default is None or not self.best or self.best[0].values != self.default.values:
            return False
        gains = [gain_of(trial.score, self.direction) for trial in self.best if trial.values != self.default.values]
        return max(gains, default=-math.inf) > gain_of(self.best[0].score, self.direction)

    def _loss_of(self, trial: TrialRecord) -> float:
        """The loss of the best epoch of a trial, as `tuners.trial_metrics.loss_of` has it."""
        losses = trial.history.get(tie_breaker(self.objective), ())
        return losses[trial.best_epoch - 1] if trial.best_epoch and trial.best_epoch <= len(losses) else 0.0

    def runs_of(self, trial: TrialRecord) -> tuple[TrialRecord, ...]:
        """The trials with a score that have the values of a trial, itself included."""
        return tuple(each for each in self.completed if each.values == trial.values)

    def best_values(self, count: int = 1) -> list[dict[str, Any]]:
        """Values of the best trials, as `CoarseToFineOracle(initial=...)` takes them for another search.

        Args:
            count: Number of trials at most, >= 1.
        """
        return [dict(trial.values) for trial in self.best[:count]]

    def fact(self, name: str) -> int | None:
        """A whole number of `about`, such as "validation_rows"; None where it was not recorded."""
        value = self.about.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def by_number(self, number: int) -> TrialRecord:
        """The trial of a number.

        Raises:
            KeyError: There is none.
        """
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise KeyError(f"There is no trial {number}; they are numbered from 1 to {len(self.trials)}.")

    def to_dataframe(self) -> pd.DataFrame:
        """The trials as a table: one row each, with their values by the names that people use.

        Returns:
            Columns number, status, score, best_epoch, epochs_trained, parameters, seconds, worker, seed, engines and
            reason, then one for each hyperparameter, empty where it did not apply.
        """
        import pandas as pd

        names = dict.fromkeys(name for trial in self.trials for name in trial.shown)
        rows = [
            {
                "number": trial.number,
                "status": trial.status,
                "score": trial.score,
                "best_epoch": trial.best_epoch,
                "epochs_trained": len(trial.history.get(self.objective, ())) or None,
                "parameters": trial.parameters,
                "seconds": trial.seconds,
                "worker": trial.worker,
                "seed": trial.seed,
                "engines": " ".join(trial.engines),
                "reason": trial.reason,
                **{name: trial.shown.get(name) for name in names},
            }
            for trial in self.trials
        ]
        return pd.DataFrame(rows, columns=[*COLUMNS, *names])

    def to_optuna(self, storage: str | optuna.storages.BaseStorage | None, name: str) -> optuna.Study:
        """Write the study as one of Optuna (`kzoo[optuna]`), which optuna-dashboard opens.

        Hyperparameters have the names that people use; where one did not apply to a trial, the trial does not have it.
        Trial n has the number n - 1 there, and its own in its attributes, with its seconds, seed, worker and so on. The
        curve of the objective is its intermediate values, by epochs from 1. Trials without a score, and those that have
        not ended, are failed ones. The study is written whole or not at all.

        Args:
            storage: As `optuna.create_study` takes it, such as "sqlite:///studies.db".
            name: What the study is called there.

        Returns:
            Optuna's study.

        Raises:
            ModuleNotFoundError: Optuna is not installed.
            optuna.exceptions.DuplicatedStudyError: There is a study of that name.
        """
        return write_optuna(self, storage, name)

    def to_mlflow(self, experiment: str, tracking_uri: str | None = None) -> str:
        """Write the study as runs of MLflow (`kzoo[mlflow]`): one for the search, and one below it for each trial.

        A trial has its values as parameters, every metric by epochs from 1, its `score`, and its seed, worker and so on
        as tags.

        Args:
            experiment: Name of an experiment, which is made where there is none.
            tracking_uri: Address of the server or database; MLflow's own choice where not given.

        Returns:
            The id of the run of the search.

        Raises:
            ModuleNotFoundError: MLflow is not installed.
            ConnectionError: Nobody listens at the address.
            mlflow.exceptions.MlflowException: It cannot be written.
        """
        return write_mlflow(self, experiment, tracking_uri)

    def cube(self) -> Cube:
        """The search space."""
        return cube_from_space(self.space)


def _has_score(trial: TrialRecord) -> bool:
    return trial.status == "COMPLETED" and trial.score is not None and math.isfinite(trial.score)
