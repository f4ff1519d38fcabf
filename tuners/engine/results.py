"""What training a model gave, in one form whatever it was: metrics of each epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
from numpy.typing import NDArray

Epochs = list[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an execution of a trial gave.

    Attributes:
        epochs: Metrics of each epoch.
        weights: Of the best epoch, as `keras.Model.get_weights` gives them.
        build_config: How to build a model that is built by its first batch.
    """

    epochs: Epochs
    weights: list[NDArray]
    build_config: Any = None


def epochs_of(result: Any, objective: Any) -> Epochs:
    """Metrics of each epoch from what `HyperModel.fit` may return.

    Args:
        result: A `keras.callbacks.History`, a mapping of metrics, the objective's value itself, or a list of these
            from several executions.
        objective: A `keras_tuner.Objective`.

    Returns:
        One mapping an epoch; a single one where there is no history. Executions are averaged, epoch by epoch, as far as
        the shortest goes.

    Raises:
        keras_tuner.errors.FatalTypeError: The result is of another type.
        keras_tuner.errors.FatalValueError: The objective is not among the metrics.
    """
    if isinstance(result, list):
        return averaged([epochs_of(each, objective) for each in result])
    if isinstance(result, keras.callbacks.History):
        epochs = [dict(zip(result.history, row, strict=True)) for row in zip(*result.history.values(), strict=False)]
    elif isinstance(result, Mapping):
        epochs = [dict(result)]
    elif isinstance(result, int | float) or hasattr(result, "__float__"):
        epochs = [{objective.name: float(result)}]
    else:
        raise keras_tuner.errors.FatalTypeError(
            f"HyperModel.fit() returned {type(result).__name__}; expected what model.fit() returns, a mapping of "
            "metrics, or the objective's value as a number. Is a `return` missing?"
        )
    if not epochs or not objective.has_value(epochs[-1]):
        found = ", ".join(epochs[-1]) if epochs else "nothing"
        raise keras_tuner.errors.FatalValueError(
            f"The objective {objective.name!r} is not among what training reported ({found}); name one of these, and "
            "pass validation_data where it starts with val_."
        )
    return [{name: float(value) for name, value in epoch.items()} for epoch in epochs]


def averaged(executions: list[Epochs]) -> Epochs:
    """Mean of several executions, epoch by epoch."""
    return [
        {name: sum(epoch[name] for epoch in row) / len(row) for name in row[0]}
        for row in zip(*executions, strict=False)
    ]
