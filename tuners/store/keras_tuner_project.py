"""Projects of keras-tuner's own tuners, read without keras-tuner: `oracle.json` and a `trial.json` for each trial."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tuners.store.records import FOREIGN, HYPERPARAMETERS, SearchState, TrialState, checked_space, checked_state

INTERNAL = "tuner/"
"""Beginning of the names of what Hyperband keeps among the values of a trial."""

BUDGET = "tuner/epochs"

UNENDED = ("RUNNING", "IDLE", "STOPPED")


def read_project(directory: Path, objective: str | None = None) -> SearchState:
    """A project as the state of a search.

    Args:
        directory: `<directory>/<project_name>`.
        objective: Name of the metric that was optimised; worked out where None.

    Returns:
        The state; its header has the objective with its direction, and the seed.

    Raises:
        FileNotFoundError: The directory holds no project.
        ValueError: A file is not what keras-tuner writes, or the objective cannot be worked out.
    """
    space, seed, started = _oracle(directory / FOREIGN)
    written = {state["trial_id"]: state for state in map(_trial, sorted(directory.glob("trial_*/trial.json")))}
    order = [name for name in started if name in written]
    order += [name for name in written if name not in order]
    known = [each for each in space if not each["config"]["name"].startswith(INTERNAL)]
    # A user's own hyperparameter may have the name already.
    budget = BUDGET if any(each["config"]["name"] == "epochs" for each in known) else "epochs"
    trials = {name: _state(number, written[name], budget) for number, name in enumerate(order)}
    return SearchState(
        header={"objective": _objective(directory, trials, objective), "seed": seed},
        about={"tuner": "keras-tuner"},
        space=[*known, *_budget(trials, budget)],
        trials=trials,
        end_order=[name for name, trial in trials.items() if trial.state is not None],
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        others = (
            "" if path.name == FOREIGN else f" Was it cut off? Then delete {path.parent.name} to read the other trials."
        )
        raise ValueError(f"{path}: not JSON ({error}).{others}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not written by keras-tuner.")
    return content


def _oracle(path: Path) -> tuple[list[dict[str, Any]], int, list[str]]:
    """The space, the seed, and the ids of the trials in the order of their start."""
    written = _read(path)
    try:
        space = [each for each in written["hyperparameters"]["space"] if each["class_name"] in HYPERPARAMETERS]
        return checked_space(space), int(written.get("seed") or 0), list(map(str, written.get("start_order", ())))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is not written by an oracle of keras-tuner ({error}).") from None


def _trial(path: Path) -> dict[str, Any]:
    state = _read(path)
    try:
        for metric in state["metrics"]["metrics"].values():
            if metric["direction"] not in ("min", "max"):
                raise ValueError(f"the direction of a metric is {metric['direction']!r}")
            for each in metric["observations"]:
                values = each["value"]
                each["value"] = [float(one) for one in (values if isinstance(values, list) else [values])]
        if not (isinstance(state["trial_id"], str) and isinstance(state["hyperparameters"]["values"], dict)):
            raise TypeError("its id or values are of the wrong type")
        state["score"] = None if state["score"] is None else float(state["score"])
        # A trial that has failed has no step; an older keras-tuner did not write a message.
        state["best_step"], state["message"] = int(state.get("best_step") or 0), state.get("message")
        return state if state["status"] in UNENDED else checked_state(state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: not a trial of keras-tuner ({error}).") from None


def _state(number: int, written: dict[str, Any], budget: str) -> TrialState:
    given = written["hyperparameters"]["values"]
    values = {name: value for name, value in given.items() if not name.startswith(INTERNAL)}
    if given.get(BUDGET) is not None:
        values[budget] = int(given[BUDGET])
    status = written["status"]
    score = written["score"]
    # keras-tuner lets a trial fail, without a message, whose score is NaN.
    scored = status == "COMPLETED" or (status == "FAILED" and score is not None and not written["message"])
    if scored and (score is None or not math.isfinite(score)):
        status, written["message"] = "INVALID", written["message"] or f"infeasible: the score was {score}."
    state = None if status in UNENDED else {**written, "status": status}
    return TrialState(written["trial_id"], number, {}, values, state)


def _budget(trials: dict[str, TrialState], name: str) -> list[dict[str, Any]]:
    """Hyperband's budgets as a hyperparameter of the space."""
    budgets = sorted({trial.values[name] for trial in trials.values() if name in trial.values})
    if len(budgets) < 2:
        return []
    config = {"name": name, "default": budgets[-1], "conditions": [], "values": budgets, "ordered": True}
    return [{"class_name": "Choice", "config": config}]


def _objective(directory: Path, trials: dict[str, TrialState], asked: str | None) -> dict[str, str]:
    """The metric whose best value is the score in every trial, and which way is better."""
    states = [each.state for each in trials.values() if each.state and each.state["status"] == "COMPLETED"]
    if not states:
        return {asked or "objective": "min"}
    names = [name for name in states[0]["metrics"]["metrics"] if all(_is_score(state, name) for state in states)]
    if asked is not None:
        recorded = states[0]["metrics"]["metrics"]
        if asked not in recorded:
            raise ValueError(f"objective: {asked!r} is not recorded; there are {', '.join(recorded)}.")
        names = [asked]
    if len(names) != 1:
        found = " or ".join(names) or "none of the metrics"
        raise ValueError(f"{directory}: the objective may be {found}; pass objective=NAME.")
    return {names[0]: states[0]["metrics"]["metrics"][names[0]]["direction"]}


def _is_score(state: dict[str, Any], name: str) -> bool:
    metric = state["metrics"]["metrics"].get(name)
    if metric is None:
        return False
    means = [sum(each["value"]) / len(each["value"]) for each in metric["observations"]]
    return any(math.isclose(mean, state["score"], abs_tol=1e-12) for mean in means)
