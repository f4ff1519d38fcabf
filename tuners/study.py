"""A search as it is on disk, read without TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuners.space.dimensions import Cube, cube_from_space
from tuners.space.shown import reason, shown_name, shown_value
from tuners.store.facts import trial_seed
from tuners.store.journal import read_journal
from tuners.store.keras_tuner_project import read_project
from tuners.store.records import TrialState, replay
from tuners.strategy.configurations import Configurations
from tuners.strategy.scores import gain_of, tie_breaker

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class TrialRecord:
    """One trial of a study.

    Attributes:
        trial_id: Its id.
        number: Its number in the order of the trials' start, from 1.
        status: "COMPLETED", "INVALID" (infeasible: its loss was not finite), "FAILED", or "RUNNING" where it has not
            ended.
        values: Values of the hyperparameters that applied.
        score: The objective in its best epoch, or None.
        best_epoch: That epoch, from 1, or None.
        history: Metrics by name, one value per epoch.
        message: What went wrong, or "".
        seconds: How long it took, or None.
        engines: What trained it, such as "numpy" or "fit"; empty where that is not known.
        refusals: Why faster engines did not train it, by their names.
        executions: The objective of each execution or fold where there were several.
        seed: Of its first execution, or None where that is not known.
        worker: The worker process that trained it, or "".
        ended: Seconds that the search had run for when it ended, or None.
    """

    trial_id: str
    number: int
    status: str
    values: dict[str, Any]
    score: float | None = None
    best_epoch: int | None = None
    history: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    message: str = ""
    seconds: float | None = None
    engines: tuple[str, ...] = ()
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict)
    executions: tuple[float, ...] = ()
    seed: int | None = None
    worker: str = ""
    ended: float | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """The values by the names that people use: momentum where 1 - momentum was searched."""
        return {shown_name(name): shown_value(name, value) for name, value in self.values.items()}

    @property
    def reason(self) -> str:
        """Why it has no score: the line of what went wrong that names an error, else the last one, or ""."""
        return reason(self.message)


@dataclasses.dataclass(frozen=True)
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
        trials = [_record(number, trial, seed) for number, trial in enumerate(search.trials.values(), start=1)]
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
            dataclasses.replace(_record(number, trial, None), history={})
            for number, trial in enumerate(project.trials.values(), start=1)
        )
        name, direction = next(iter(project.header["objective"].items()))
        seed, space = project.header["seed"], tuple(project.space)
        return cls(name, direction, seed, tuple(trials), space, about=project.about)

    @functools.cached_property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, in the order of their start."""
        return tuple(trial for trial in self.trials if _has_score(trial))

    @functools.cached_property
    def best(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, the best first; of equals that with the least loss, then the earlier one.

        Trials with the same values are one configuration: its latest trial stands at the mean of their scores, the
        others come last, as in `CoarseToFineOracle.get_best_trials`.
        """
        configurations = Configurations()
        for index, trial in enumerate(self.trials):
            if trial.status != "RUNNING":
                configurations.start(index, trial.values)
                configurations.finish(index, gain_of(trial.score, self.direction), self._loss_of(trial))
        leading = [self.trials[max(each.scores)] for each in configurations.best()]
        known = {trial.trial_id for trial in leading}
        return (*leading, *(trial for trial in self.completed if trial.trial_id not in known))

    def _loss_of(self, trial: TrialRecord) -> float:
        """The loss of the best epoch of a trial, as `tuners.trial_metrics.loss_of` has it."""
        losses = trial.history.get(tie_breaker(self.objective), ())
        return losses[trial.best_epoch - 1] if trial.best_epoch and trial.best_epoch <= len(losses) else 0.0

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
            Columns number, status, score, best_epoch, epochs_trained, seconds, worker, seed, engines and reason, then
            one for each hyperparameter, empty where it did not apply.
        """
        import pandas as pd

        names = dict.fromkeys(name for trial in self.trials for name in trial.shown)
        return pd.DataFrame(
            [
                {
                    "number": trial.number,
                    "status": trial.status,
                    "score": trial.score,
                    "best_epoch": trial.best_epoch,
                    "epochs_trained": len(trial.history.get(self.objective, ())) or None,
                    "seconds": trial.seconds,
                    "worker": trial.worker,
                    "seed": trial.seed,
                    "engines": " ".join(trial.engines),
                    "reason": trial.reason,
                    **{name: trial.shown.get(name) for name in names},
                }
                for trial in self.trials
            ]
        )

    def cube(self) -> Cube:
        """The search space."""
        return cube_from_space(self.space)


def _has_score(trial: TrialRecord) -> bool:
    return trial.status == "COMPLETED" and trial.score is not None and math.isfinite(trial.score)


def _record(number: int, trial: TrialState, seed: int | None) -> TrialRecord:
    own_seed = None if seed is None else trial_seed(seed, trial.trial_id, 0)
    if trial.state is None:
        return TrialRecord(trial.trial_id, number, "RUNNING", trial.values, seed=own_seed)
    state = trial.state
    score = state["score"] if state["status"] == "COMPLETED" else None
    metrics = state["metrics"]["metrics"]
    return TrialRecord(
        trial_id=trial.trial_id,
        number=number,
        status=state["status"],
        values=trial.values,
        score=score,
        best_epoch=None if score is None else state["best_step"] + 1,
        history={name: means for name, metric in metrics.items() if (means := _means(metric["observations"]))},
        message=state["message"] or "",
        seconds=trial.seconds,
        engines=tuple(trial.engines.get("used", ())),
        refusals=trial.engines.get("refusals", {}),
        executions=tuple(map(float, trial.engines.get("executions", ()))),
        seed=own_seed,
        worker=trial.engines.get("worker", ""),
        ended=trial.elapsed,
    )


def _means(observations: list[dict[str, Any]]) -> tuple[float, ...]:
    if [each["step"] for each in observations] != list(range(len(observations))):
        return ()  # An oracle may be told of some epochs alone, which are no curve.
    return tuple(sum(each["value"]) / len(each["value"]) for each in observations)
