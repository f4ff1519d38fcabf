"""Trials of an earlier search that a new one starts with."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuners.space.dimensions import Cube, Dimension
from tuners.strategy.scores import gain_of

if TYPE_CHECKING:
    from tuners.study import Study


@dataclasses.dataclass(frozen=True)
class Known:
    """A finished trial of an earlier search.

    Attributes:
        values: Values of its hyperparameters.
        score: Its objective, more is better; None where it was infeasible.
    """

    values: dict[str, Any]
    score: float | None


def known_trials(study: Study, objective: str, direction: str) -> list[Known]:
    """The trials of a search for the same objective; see `trials_of`.

    Args:
        study: The earlier search.
        objective: Name of the objective of the new search.
        direction: Its direction, "min" or "max".

    Raises:
        ValueError: It was for another objective.
    """
    if (study.objective, study.direction) != (objective, direction):
        raise ValueError(
            f"earlier: that search was for the {study.direction} of {study.objective}, this one is for the {direction} "
            f"of {objective}; their scores cannot be compared."
        )
    return trials_of(study)


def trials_of(study: Study) -> list[Known]:
    """The trials of a search that another one can learn from: those with a score, and those that were infeasible.

    A failed trial is left out, since what made it fail may have been mended.

    Args:
        study: The earlier search.
    """
    return [
        Known(dict(trial.values), None if trial.score is None else gain_of(trial.score, study.direction))
        for trial in study.trials
        if trial.status in ("COMPLETED", "INVALID")
    ]


def known_from(records: Iterable[Mapping[str, Any]]) -> list[Known]:
    """Trials as a journal's first record keeps them."""
    return [Known(dict(each["values"]), each["score"]) for each in records]


def fitting(trials: Sequence[Known], cube: Cube) -> list[Known]:
    """Those trials that lie in a search space.

    Args:
        trials: Of an earlier search.
        cube: The space of the new one.

    Raises:
        ValueError: A hyperparameter of theirs is not known here, or no trial lies in the space.

    Warns:
        UserWarning: Some trials lie outside.
    """
    by_name = {each.name: each for each in cube.dimensions}
    for name in dict.fromkeys(name for trial in trials for name in trial.values):
        if name not in by_name:
            raise ValueError(
                f"earlier: its trials set {name!r}, which this search space does not have; there are "
                f"{', '.join(by_name)}. Declare it, with hp.Fixed where it is constant now."
            )
    inside = [trial for trial in trials if _lies_in(trial.values, by_name)]
    if trials and not inside:
        raise ValueError(f"earlier: none of its {len(trials)} trials lies in the ranges of this search space.")
    if len(inside) < len(trials):
        outside = len(trials) - len(inside)
        warnings.warn(f"earlier: {outside} of {len(trials)} trials lie outside this search space.", stacklevel=2)
    return inside


def _lies_in(values: Mapping[str, Any], by_name: Mapping[str, Dimension]) -> bool:
    return all(by_name[name].holds(value) for name, value in values.items())
