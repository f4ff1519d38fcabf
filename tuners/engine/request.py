"""What every engine is asked for and what it answers with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from tuners.engine.results import Epochs


@dataclasses.dataclass(frozen=True)
class Request:
    """One execution of a trial.

    Attributes:
        hypermodel: What builds and trains.
        hp: The trial's hyperparameters.
        model: The model that was built.
        args: Positional arguments of `model.fit`.
        kwargs: Keyword arguments of `model.fit`, callbacks among them.
        objective: A `keras_tuner.Objective`.
        on_epoch: Is told the number of epochs so far and the last one's metrics; says whether to end there.
        time_limit: Seconds after which no further epoch begins, or None.
    """

    hypermodel: Any
    hp: Any
    model: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    objective: Any
    on_epoch: Callable[[int, Mapping[str, float]], bool | None]
    time_limit: float | None = None


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an execution gave.

    Attributes:
        epochs: Metrics of each epoch.
        weights: Of the best epoch, as `keras.Model.get_weights` gives them.
        build_config: How to build a model that is built by its first batch.
    """

    epochs: Epochs
    weights: list[NDArray]
    build_config: Any = None
