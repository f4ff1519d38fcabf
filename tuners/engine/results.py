"""What training a model gave, in one form whatever it was: metrics of each epoch."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
from numpy.typing import NDArray

from tuners.trial_metrics import directions, goodness_of, number_of, numbers_of

Epochs = list[dict[str, float]]

DEFAULT = "default_objective"
"""The name that keras-tuner gives an objective that was left open."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an execution of a trial gave.

    Attributes:
        epochs: Metrics of each epoch.
        weights: Of the best epoch, as `keras.Model.get_weights` gives them.
        build_config: How to build a model that is built by its first batch.
        result: What `HyperModel.fit` returned.
    """

    epochs: Epochs
    weights: list[NDArray[Any]]
    build_config: Any
    result: Any


def epochs_of(result: Any, objective: Any, source: str = "HyperModel.fit()") -> Epochs:
    """Metrics of each epoch from what `HyperModel.fit` or `Tuner.run_trial` may return.

    Metrics that are no single number, such as the F1 score of each class, are left out.

    Args:
        result: A `keras.callbacks.History`, a mapping of metrics, the objective's value itself, or a list of these
            from several executions.
        objective: A `keras_tuner.Objective`.
        source: What returned it, for the errors.

    Returns:
        One mapping an epoch that has the objective; a single one where there is no history. For executions see
        `averaged`.

    Raises:
        keras_tuner.errors.FatalTypeError: The result is of another type.
        keras_tuner.errors.FatalValueError: The objective is not among the metrics, or is no number.
    """
    if isinstance(result, list) and result:
        return averaged([epochs_of(each, objective, source) for each in result], objective)
    number = number_of(result)
    if number is not None:
        rows: list[Mapping[str, Any]] = [{objective.name: number}]
    elif isinstance(result, keras.callbacks.History):
        rows = _rows(result.history)
    elif isinstance(result, Mapping):
        rows = [result]
    else:
        raise keras_tuner.errors.FatalTypeError(_of_the_wrong_type(result, source))
    epochs = [epoch for epoch in map(numbers_of, rows) if objective.has_value(epoch)]
    if not epochs:
        raise _without_objective(rows, result, objective, source)
    return epochs


def averaged(executions: Sequence[Epochs], objective: Any) -> Epochs:
    """Mean of several executions, epoch by epoch, as far as the shortest goes.

    In the best of these epochs the objective is the mean over the executions of each one's own best epoch: the average
    of the results, which keras-tuner takes for the trial's score, wherever in its training each was at its best.

    Args:
        executions: Metrics of each epoch of each.
        objective: A `keras_tuner.Objective`.
    """
    if len(executions) == 1:
        return executions[0]
    epochs = [_mean(row) for row in zip(*executions, strict=False)]
    results = _mean([each[_best(each, objective)] for each in executions])
    epochs[_best(epochs, objective)].update({name: results[name] for name in directions(objective)})
    return epochs


def _rows(history: Mapping[str, Sequence[Any]]) -> list[Mapping[str, Any]]:
    # A metric may have fewer values than there are epochs: with validation_freq=2 those of the validation have.
    absent = object()
    return [
        {name: value for name, value in zip(history, row, strict=True) if value is not absent}
        for row in itertools.zip_longest(*history.values(), fillvalue=absent)
    ]


def _mean(epochs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = [name for name in epochs[0] if all(name in each for each in epochs)]
    return {name: sum(each[name] for each in epochs) / len(epochs) for name in names}


def _best(epochs: Epochs, objective: Any) -> int:
    return max(range(len(epochs)), key=lambda number: goodness_of(epochs[number], objective))


def _of_the_wrong_type(result: Any, source: str) -> str:
    if result is None:
        return (
            f"The return value of {source} is None. Did you forget to return the metrics? Return what model.fit() "
            "returned, a mapping of metrics, or the objective's value."
        )
    return (
        f"Expected the return value of {source} to be one of float, dict, keras.callbacks.History, or a list of one "
        f"of these types. Received return value: {result} of type {type(result)}."
    )


def _without_objective(
    rows: Sequence[Mapping[str, Any]], result: Any, objective: Any, source: str
) -> keras_tuner.errors.FatalError:
    if objective.name == DEFAULT:
        return keras_tuner.errors.FatalTypeError(
            f"Expected the return value of {source} to be a single float when `objective` is left unspecified. "
            f"Received return value: {result} of type {type(result)}."
        )
    reported = dict(itertools.chain.from_iterable(row.items() for row in rows))
    several = [name for name in directions(objective) if name in reported and number_of(reported[name]) is None]
    if several:
        return keras_tuner.errors.FatalValueError(
            f"The objective {several[0]!r} is no single number: {reported[several[0]]}. Have the metric give one, for "
            "example with average='macro'."
        )
    what = "returned dictionary" if isinstance(result, Mapping) else "return value"
    return keras_tuner.errors.FatalValueError(
        f"Expected the {what} from {source} to have the specified objective, {objective.name}, as one of the keys: it "
        f"is not among what was reported ({', '.join(reported) or 'nothing'}). Name one of these, and pass "
        "validation_data where it starts with val_."
    )
