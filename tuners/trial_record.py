"""One trial of a study, as its journal tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tuners.space.shown import reason, shown_name, shown_value
from tuners.store.facts import trial_seed
from tuners.store.records import TrialState


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
        parameters: Weights of its model, those that are not trained included, or None where that is not known.
        redundant_biases: Names of the layers of its model whose bias does nothing, since batch norm follows.
        promised: What it was expected to reach in the end where `CurveStopping` stopped it, else None.
    """

    trial_id: str
    number: int
    status: str
    values: dict[str, Any]
    score: float | None = None
    best_epoch: int | None = None
    history: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict, repr=False)
    message: str = ""
    seconds: float | None = None
    engines: tuple[str, ...] = ()
    refusals: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    executions: tuple[float, ...] = dataclasses.field(default=(), repr=False)
    seed: int | None = dataclasses.field(default=None, repr=False)
    worker: str = dataclasses.field(default="", repr=False)
    ended: float | None = dataclasses.field(default=None, repr=False)
    parameters: int | None = dataclasses.field(default=None, repr=False)
    redundant_biases: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    promised: float | None = dataclasses.field(default=None, repr=False)

    @property
    def expected(self) -> float | None:
        """What it has promised where it was stopped, else its score: what its values are worth."""
        return self.score if self.promised is None else self.promised

    @property
    def shown(self) -> dict[str, Any]:
        """The values by the names that people use: momentum where 1 - momentum was searched."""
        return {shown_name(name): shown_value(name, value) for name, value in self.values.items()}

    @property
    def reason(self) -> str:
        """Why it has no score: the line of what went wrong that names an error, else the last one, or ""."""
        return reason(self.message)


def record_of(number: int, trial: TrialState, seed: int | None) -> TrialRecord:
    """The record of a trial.

    Args:
        number: Its number, from 1.
        trial: What the journal tells of it.
        seed: Seed of the search, or None where that says nothing of the trial's.
    """
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
        parameters=trial.engines.get("parameters"),
        redundant_biases=tuple(trial.engines.get("redundant_biases", ())),
        promised=None if score is None else trial.engines.get("promised"),
    )


def _means(observations: list[dict[str, Any]]) -> tuple[float, ...]:
    if [each["step"] for each in observations] != list(range(len(observations))):
        return ()  # An oracle may be told of some epochs alone, which are no curve.
    return tuple(sum(each["value"]) / len(each["value"]) for each in observations)
