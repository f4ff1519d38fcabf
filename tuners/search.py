"""The search in one class: the fast tuner with the coarse-to-fine oracle."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tuners.oracle import CoarseToFineOracle
from tuners.protocols import HasPriorities
from tuners.tuner import FastTuner


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
        ValueError: An argument is out of range or not known.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if isinstance(hypermodel, HasPriorities):
            options.setdefault("priorities", _of_the_tuned(hypermodel.priorities, options))
        names = [name for name in inspect.signature(CoarseToFineOracle).parameters if name in options]
        oracle = CoarseToFineOracle(objective, max_trials, seed, **{name: options.pop(name) for name in names})
        super().__init__(oracle, hypermodel, **options)


def _of_the_tuned(priorities: Mapping[str, int], options: Mapping[str, Any]) -> dict[str, int]:
    if options.get("tune_new_entries", True) or options.get("hyperparameters") is None:
        return dict(priorities)
    return {each.name: priorities[each.name] for each in options["hyperparameters"].space if each.name in priorities}
