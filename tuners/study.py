"""A search as it is on disk, read without TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import Any

from tuners.space.dimensions import Cube, cube_from_space
from tuners.store.journal import read_journal
from tuners.store.records import TrialState, replay
from tuners.strategy.configurations import Configurations
from tuners.strategy.scores import gain_of


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
    """

    objective: str
    direction: str
    seed: int
    trials: tuple[TrialRecord, ...]
    space: tuple[Mapping[str, Any], ...] = ()
    stopped: str = ""
    elapsed: float = 0.0

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
        trials = [_record(number, trial) for number, trial in enumerate(search.trials.values(), start=1)]
        return cls(
            objective=name,
            direction=direction,
            seed=search.header.get("seed", 0),
            trials=tuple(trials),
            space=tuple(search.space),
            stopped=search.stopped,
            elapsed=search.elapsed,
        )

    @functools.cached_property
    def completed(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, in the order of their start."""
        return tuple(trial for trial in self.trials if trial.status == "COMPLETED" and trial.score is not None)

    @functools.cached_property
    def best(self) -> tuple[TrialRecord, ...]:
        """Trials with a score, the best first, the earlier of equals first.

        Trials with the same values are one configuration: its latest trial stands at the mean of their scores, the
        others come last, as in `CoarseToFineOracle.get_best_trials`.
        """
        configurations = Configurations()
        for index, trial in enumerate(self.trials):
            if trial.status != "RUNNING":
                configurations.start(index, trial.values)
                configurations.finish(index, gain_of(trial.score, self.direction))
        leading = [self.trials[max(each.scores)] for each in configurations.best()]
        known = {trial.trial_id for trial in leading}
        return (*leading, *(trial for trial in self.completed if trial.trial_id not in known))

    def best_values(self, count: int = 1) -> list[dict[str, Any]]:
        """Values of the best trials, as `CoarseToFineOracle(initial=...)` takes them for another search.

        Args:
            count: Number of trials at most, >= 1.
        """
        return [dict(trial.values) for trial in self.best[:count]]

    def cube(self) -> Cube:
        """The search space."""
        return cube_from_space(self.space)


def _record(number: int, trial: TrialState) -> TrialRecord:
    if trial.state is None:
        return TrialRecord(trial.trial_id, number, "RUNNING", trial.values)
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
        history={name: _means(metric["observations"]) for name, metric in metrics.items()},
        message=state["message"] or "",
        seconds=trial.seconds,
        engines=tuple(trial.engines.get("used", ())),
        refusals=trial.engines.get("refusals", {}),
    )


def _means(observations: list[dict[str, Any]]) -> tuple[float, ...]:
    return tuple(sum(each["value"]) / len(each["value"]) for each in observations)
