"""From the records of a journal to the state of the search they tell of."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass
class TrialState:
    """A trial as the journal has it.

    Attributes:
        trial_id: Its id.
        number: Its number, from 0, in the order of the trials' start.
        point: Coordinates in the unit cube by name.
        state: What `keras_tuner.engine.trial.Trial.get_state` gave, the space left out; None while it runs.
        values: Values of its hyperparameters.
        runs: Times that it was run to an end.
        seconds: How long its last run took, or None.
    """

    trial_id: str
    number: int
    point: dict[str, float]
    values: dict[str, Any]
    state: dict[str, Any] | None = None
    runs: int = 0
    seconds: float | None = None


@dataclasses.dataclass
class SearchState:
    """A search as the journal has it.

    Attributes:
        header: The first record, or an empty one where it was damaged.
        space: Configurations of the hyperparameters, as keras-tuner writes them.
        trials: By id, in the order of their numbers.
        end_order: Ids of the trials that have ended, in the order in which they did.
        elapsed: Seconds that the search has run for.
        stopped: Why it ended before its trials were used up, or "".
    """

    header: dict[str, Any] = dataclasses.field(default_factory=dict)
    space: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    trials: dict[str, TrialState] = dataclasses.field(default_factory=dict)
    end_order: list[str] = dataclasses.field(default_factory=list)
    elapsed: float = 0.0
    stopped: str = ""

    @property
    def unfinished(self) -> list[str]:
        """Ids of the trials that were started and have not ended."""
        ended = set(self.end_order)
        return [trial_id for trial_id in self.trials if trial_id not in ended]


def replay(records: list[dict[str, Any]]) -> SearchState:
    """The state after all records; records of kinds that are not known are for a later version and left out."""
    search = SearchState()
    for record in records:
        kind = record["kind"]
        if kind == "header":
            search.header = record
        elif kind == "space":
            search.space = record["space"]
        elif kind == "created":
            trial = TrialState(record["trial_id"], record["number"], record["point"], record["values"])
            search.trials[trial.trial_id] = trial
        elif kind in ("ended", "retried"):
            _end(search, record)
        elif kind == "stopped":
            search.stopped = record["reason"]
    search.trials = dict(sorted(search.trials.items(), key=lambda item: item[1].number))
    return search


def _end(search: SearchState, record: dict[str, Any]) -> None:
    state, trial_id = record["state"], record["state"]["trial_id"]
    trial = search.trials.get(trial_id)
    if trial is None:  # The line of its start was damaged.
        trial = search.trials[trial_id] = TrialState(trial_id, record["number"], record["point"], {})
    trial.runs = record["runs"]
    trial.seconds = record.get("seconds")
    trial.values = record["values"]
    search.elapsed = max(search.elapsed, record.get("elapsed", 0.0))
    if record["kind"] == "ended":
        trial.state = state
        search.end_order.append(trial_id)
