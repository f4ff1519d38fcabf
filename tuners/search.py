"""The search in one class: the fast tuner with the coarse-to-fine oracle."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tuners.oracle import CoarseToFineOracle
from tuners.protocols import HasPriorities
from tuners.tuner import FastTuner

ELSEWHERE = {
    **dict.fromkeys(("num_initial_points", "alpha", "beta"), "leave it out, the search has no use for it"),
    "max_epochs": "pass epochs=... to search",
    "factor": "pass pruning=tuners.SuccessiveHalving(factor=...)",
    "hyperband_iterations": "leave it out, max_trials says how many there are",
    "oracle": "pass it to tuners.FastTuner",
}
"""Arguments of keras-tuner's searches, and what takes the place of each."""


class CoarseToFineSearch(FastTuner):
    """Searches at random on the right scales, from coarse to fine.

    Args:
        hypermodel: A `keras_tuner.HyperModel` or a function that takes `hp` and returns a compiled Keras model.
        objective: Name of the metric, a `keras_tuner.Objective`, or a list of them.
        max_trials: Trials in all.
        seed: Seed of the search; a random one where none is given.
        **options: Any other argument of `CoarseToFineOracle` (`scales`, `initial`, `max_time`, ...) or of `FastTuner`
            (`directory`, `project_name`, `overwrite`, `executions_per_trial`, `engine`, ...). `priorities` are those
            of the hypermodel where it has any, as the zoo's have; `priorities={}` for all alike.

    Raises:
        ValueError: An argument is out of range or not known; for one of keras-tuner's searches it says what takes its
            place.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        theirs = [f"{name} ({ELSEWHERE[name]})" for name in options if name in ELSEWHERE]
        if theirs:
            raise ValueError(f"CoarseToFineSearch does not take {', '.join(theirs)}.")
        if isinstance(hypermodel, HasPriorities):
            options.setdefault("priorities", _of_the_tuned(hypermodel.priorities, options))
        names = [name for name in inspect.signature(CoarseToFineOracle).parameters if name in options]
        oracle = CoarseToFineOracle(objective, max_trials, seed, **{name: options.pop(name) for name in names})
        super().__init__(oracle, hypermodel, **options)


def _of_the_tuned(priorities: Mapping[str, int], options: Mapping[str, Any]) -> dict[str, int]:
    if options.get("tune_new_entries", True) or options.get("hyperparameters") is None:
        return dict(priorities)
    return {each.name: priorities[each.name] for each in options["hyperparameters"].space if each.name in priorities}
