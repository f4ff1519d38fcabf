"""The records of a journal: how a search is written into it, and how its state is read from it again."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuners.space.dimensions import cube_from_space
from tuners.store.journal import FILE, FORMAT, Journal, JournalError, read_journal

if TYPE_CHECKING:
    from keras_tuner.engine.trial import Trial

TRIAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

HYPERPARAMETERS = ("Boolean", "Choice", "Fixed", "Float", "Int")

STATUSES = ("COMPLETED", "FAILED", "INVALID")

FOREIGN = "oracle.json"
"""Where the oracles of keras-tuner keep a search; one that is given our directory sees there that it is not its."""


@dataclasses.dataclass
class TrialState:
    """A trial as the journal records it.

    Attributes:
        trial_id: Its id.
        number: Its number, from 0, in the order of the trials' start.
        point: Coordinates in the unit cube by name.
        state: What `keras_tuner.engine.trial.Trial.get_state` gave, the space left out; None while it runs.
        values: Values of its hyperparameters.
        runs: Times that it was run to an end.
        seconds: How long its last run took, or None.
        elapsed: Seconds that the search had run for when it ended, or None.
        engines: What trained it, "used", and why others did not, "refusals", the objective of each execution where
            there were several, "executions", how many weights its model has, "parameters", which worker it was,
            "worker", and what it has promised where it was stopped, "promised"; empty where that is not known.
    """

    trial_id: str
    number: int
    point: dict[str, float]
    values: dict[str, Any]
    state: dict[str, Any] | None = None
    runs: int = 0
    seconds: float | None = None
    elapsed: float | None = None
    engines: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class SearchState:
    """A search as the journal records it.

    Attributes:
        header: The first record, or an empty one where it was damaged.
        about: What the search is of, as its latest part says: rows, epochs, the machine and so on.
        space: Configurations of the hyperparameters, as keras-tuner writes them.
        trials: By id, in the order of their numbers.
        end_order: Ids of the trials that have ended, in the order in which they did.
        elapsed: Seconds that the search has run for.
        stopped: Why it ended before its trials were used up, or "".
    """

    header: dict[str, Any] = dataclasses.field(default_factory=dict)
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
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


def replay(records: list[dict[str, Any]], source: object = "the journal") -> SearchState:
    """The state after all records; records of unknown kinds are a later version's and are left out.

    Args:
        records: What `read_journal` gave.
        source: Where they are from, for the error.

    Raises:
        JournalError: A record is undamaged, but does not describe a search.
    """
    search = SearchState()
    for number, record in enumerate(records, start=1):
        try:
            _take(search, record)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise JournalError(f"{source}: record {number} is not of a search ({error}).") from None
    search.trials = dict(sorted(search.trials.items(), key=lambda item: item[1].number))
    return search


def _take(search: SearchState, record: dict[str, Any]) -> None:
    kind = record["kind"]
    if kind == "header":
        if not isinstance(record["seed"], int) or not set(record["objective"].values()) <= {"min", "max"}:
            raise ValueError("the header has no seed or no objective")
        _check_known(record.get("earlier", []))
        for source in record.get("learned_from", []):
            if not isinstance(source["name"], str):
                raise ValueError("a search that was learned from has no name")
            _check_known(source["trials"])
        search.header = record
    elif kind == "about":
        search.about = dict(record["about"])
    elif kind == "space":
        search.space = checked_space(record["space"])
    elif kind == "created":
        trial = TrialState(_checked_id(record["trial_id"]), *_checked(record))
        search.trials[trial.trial_id] = trial
    elif kind in ("ended", "retried"):
        _end(search, record)
    elif kind == "stopped":
        search.stopped = str(record["reason"])


def _check_known(trials: list[dict[str, Any]]) -> None:
    """Check trials of other searches: values by name, and a score or None."""
    for each in trials:
        _checked({"number": 0, "point": {}, "values": each["values"]})
        if not (each["score"] is None or _is_number(each["score"])):
            raise ValueError("the score of a trial of another search is not a number")


def _end(search: SearchState, record: dict[str, Any]) -> None:
    state, trial_id = checked_state(record["state"]), _checked_id(record["state"]["trial_id"])
    number, point, values = _checked(record)
    trial = search.trials.get(trial_id)
    if trial is None:  # The line of its start was damaged.
        trial = search.trials[trial_id] = TrialState(trial_id, number, point, {})
    if trial.state is not None:  # The first result stands.
        return
    if not (record.get("seconds") is None or _is_number(record["seconds"])):
        raise ValueError("seconds is not a number")
    trial.runs, trial.seconds, trial.values = int(record["runs"]), record.get("seconds"), values
    trial.engines = _checked_engines(record.get("engines", {}))
    trial.elapsed = float(record.get("elapsed", 0.0)) or None
    search.elapsed = max(search.elapsed, trial.elapsed or 0.0)
    if record["kind"] == "ended":
        trial.state = state
        search.end_order.append(trial_id)


def _checked_id(trial_id: Any) -> str:
    """An id that may be part of a path; a journal may come from anywhere."""
    if not (isinstance(trial_id, str) and TRIAL_ID.fullmatch(trial_id)):
        raise ValueError(f"trial_id is {str(trial_id)[:80]!r}; expected letters, digits, _ and -")
    return trial_id


def _checked(record: dict[str, Any]) -> tuple[int, dict[str, float], dict[str, Any]]:
    number, point, values = record["number"], record["point"], record["values"]
    if not (isinstance(number, int) and isinstance(point, dict) and isinstance(values, dict)):
        raise ValueError("number, point or values is of the wrong type")
    if not all(_is_number(each) for each in point.values()):
        raise ValueError("point has a coordinate that is not a number")
    if not all(each is None or isinstance(each, str) or _is_number(each) for each in values.values()):
        raise ValueError("values has a value that is neither text nor a number")
    return number, point, values


def _checked_engines(engines: dict[str, Any]) -> dict[str, Any]:
    """What trained a trial; searches of earlier versions do not say."""
    used, refusals = engines.get("used", []), engines.get("refusals", {})
    if not all(isinstance(each, str) for each in (*used, *refusals, *refusals.values(), engines.get("worker", ""))):
        raise ValueError("the engines of a trial are not text")
    if not all(map(_is_number, engines.get("executions", []))):
        raise ValueError("the executions of a trial are not numbers")
    if not all(isinstance(each, str) for each in engines.get("redundant_biases", [])):
        raise ValueError("the redundant biases of a trial are not names")
    if not isinstance(engines.get("parameters", 0), int):
        raise ValueError("the parameters of a trial are not a number")
    if not _is_number(engines.get("promised", 0.0)):
        raise ValueError("what a trial has promised is not a number")
    return engines


def _is_number(value: Any) -> bool:
    """Whether it is a number that float64 can hold; infinity and NaN are."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def checked_space(space: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Configurations of hyperparameters as they are; what is wrong with them is raised as it turns up."""
    for each in space:
        if each["class_name"] not in HYPERPARAMETERS or not isinstance(each["config"]["name"], str):
            raise ValueError(f"the space has {str(each)[:80]}, which is no hyperparameter")
    try:
        # Its defaults are looked for by whoever names the best trial.
        cube = cube_from_space(space)
        cube.to_values(cube.to_point({}))
    except (ArithmeticError, LookupError) as error:
        raise ValueError(f"the space has a hyperparameter that is none ({error})") from None
    return space


def checked_state(state: dict[str, Any]) -> dict[str, Any]:
    """The state of a trial that has ended, as keras-tuner writes it; what is wrong is raised as it turns up."""
    score, metrics = state["score"], state["metrics"]["metrics"]
    if not (state["status"] in STATUSES and isinstance(state["message"], str | None) and isinstance(metrics, dict)):
        raise ValueError("the status, message or metrics of a trial are of the wrong kind")
    if score is not None and not (_is_number(score) and isinstance(state["best_step"], int)):
        raise ValueError("the score of a trial is not a number")
    if score is not None and state["best_step"] < 0:
        raise ValueError(f"the best step of a trial is {state['best_step']}; expected 0 or more")
    for metric in metrics.values():
        for each in metric["observations"]:
            values = each["value"]
            if not (isinstance(each["step"], int) and isinstance(values, list) and values):
                raise ValueError("a metric of a trial has a step without a value")
            if not all(_is_number(one) for one in values):
                raise ValueError("a metric of a trial is not a number")
    return state


class JournalWriter:
    """Writes the journal of one search.

    Nothing is written, and no lock taken, before the first trial: a worker of a distributed search only reads.

    Args:
        header: What the search was asked for; a journal with another objective is refused.
    """

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = {"kind": "header", "format": FORMAT, **header}
        self.state: SearchState | None = None
        self.about: dict[str, Any] = {}
        self._journal: Journal | None = None
        self._space: list[dict[str, Any]] | None = None
        self._size = 0
        self._began = time.monotonic()

    @property
    def writing(self) -> bool:
        """Whether the journal is open for writing."""
        return self._journal is not None

    @property
    def elapsed(self) -> float:
        """Seconds that the search has run for, those of its earlier parts included."""
        return time.monotonic() - self._began + (self.state.elapsed if self.state else 0.0)

    def load(self, directory: Path | None) -> SearchState:
        """What the journal tells, read once.

        Args:
            directory: Directory of the search.

        Returns:
            The state of the search; an empty one where there is no journal.

        Raises:
            JournalError: The journal is of a newer version or of another search.
        """
        if self.state is None:
            found = directory is not None and (directory / FILE).exists()
            if directory is not None and not found and (directory / FOREIGN).exists():
                raise JournalError(
                    f"{directory} holds a search of another oracle of keras-tuner ({FOREIGN}); choose another "
                    "directory or project_name, or pass `overwrite=True`."
                )
            self._size = (directory / FILE).stat().st_size if found and directory else 0
            self.state = replay(read_journal(directory), directory) if found and directory else SearchState()
            self._space = self.state.space
            there = self.state.header.get("objective", self.header["objective"])
            if there != self.header["objective"]:
                raise JournalError(
                    f"{directory} holds a search for {there}, not for {self.header['objective']}; choose another "
                    "directory or project_name, or pass `overwrite=True`."
                )
        return self.state

    def open(self, directory: Path | None) -> None:
        """Take the journal for writing.

        Raises:
            RunLocked: Another process has it.
            JournalError: Another process has written it since it was read.
            OSError: It cannot be written.
        """
        if self._journal is not None or directory is None:
            return
        journal = Journal(directory)
        if self.state is not None and journal.found != self._size:
            journal.close()
            raise JournalError(
                f"{directory}: another search has gone on here since this one was read; start this one again."
            )
        if not (directory / FOREIGN).exists():
            (directory / FOREIGN).write_text(json.dumps({"journal": FILE}))
        self._journal = journal
        self._began = time.monotonic()
        if self.state is None or not self.state.header:
            self._write(self.header)
        if self.about:
            self._write({"kind": "about", "about": self.about})

    def close(self) -> None:
        """Let others have the journal."""
        if self._journal is not None:
            self._size = self._journal.size()
            self._journal.close()
            self._journal = None

    def write_space(self, space: list[dict[str, Any]]) -> None:
        """The search space, where it is not the one written last."""
        if space != self._space:
            self._write({"kind": "space", "space": space})
            self._space = space

    def write_created(self, trial: Trial, number: int, point: Mapping[str, float]) -> None:
        """A trial starts."""
        self._write(
            {
                "kind": "created",
                "trial_id": trial.trial_id,
                "number": number,
                "point": dict(point),
                "values": trial.hyperparameters.values,
            }
        )

    def write_ended(
        self,
        trial: Trial,
        number: int,
        point: Mapping[str, float],
        *,
        runs: int,
        seconds: float | None,
        engines: Mapping[str, Any],
        again: bool,
    ) -> None:
        """A trial has ended, or will be run again; on the disk when this returns."""
        state = trial.get_state()
        del state["hyperparameters"]
        record = {
            "kind": "retried" if again else "ended",
            "number": number,
            "point": dict(point),
            "values": trial.hyperparameters.values,
            "runs": runs,
            "seconds": seconds,
            "elapsed": self.elapsed,
            "engines": engines,
            "state": state,
        }
        self._write(record, sync=True)

    def write_stopped(self, reason: str) -> None:
        """The search ends before its trials are used up."""
        self._write({"kind": "stopped", "reason": reason}, sync=True)

    def _write(self, record: dict[str, Any], *, sync: bool = False) -> None:
        if self._journal is not None:
            self._journal.append(record, sync=sync)
