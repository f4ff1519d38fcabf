"""The engine that trains by `HyperModel.fit`: it takes every model and every argument."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from numpy.typing import NDArray

from tuners.engine.training import Request, Trained
from tuners.results import epochs_of


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in memory, and stops a training that has diverged or run out of time.

    Args:
        objective: A `keras_tuner.Objective`.
        on_epoch: Is told the number of epochs so far and their metrics.
        deadline: `time.monotonic()` after which no further epoch begins, or None.
    """

    def __init__(
        self, objective: Any, on_epoch: Callable[[int, Mapping[str, float]], None], deadline: float | None
    ) -> None:
        super().__init__()
        self.objective, self.tell, self.deadline = objective, on_epoch, deadline
        self.best: float | None = None
        self.weights: list[NDArray] | None = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        logs = dict(logs or {})
        if not self.objective.has_value(logs):
            self.weights = self.model.get_weights()
        else:
            value = float(self.objective.get_value(logs))
            if self.best is None or self.objective.better_than(value, self.best):
                self.best, self.weights = value, self.model.get_weights()
        self.tell(epoch + 1, logs)
        late = self.deadline is not None and time.monotonic() > self.deadline
        if late or any(not math.isfinite(logs[name]) for name in ("loss", "val_loss") if name in logs):
            self.model.stop_training = True


def train(request: Request) -> Trained:
    """Train the model of a trial by its hypermodel.

    Args:
        request: What to train.

    Returns:
        Metrics of each epoch and the best epoch's weights; the last ones where training ran no callback.

    Raises:
        Exception: Whatever training raises.
    """
    kwargs = dict(request.kwargs)
    best = BestEpoch(request.objective, request.on_epoch, request.deadline)
    callbacks = kwargs.pop("callbacks", None) or []
    kwargs["callbacks"] = [*(callbacks if isinstance(callbacks, list | tuple) else [callbacks]), best]
    result = request.hypermodel.fit(request.hp, request.model, *request.args, **kwargs)
    epochs = epochs_of(result, request.objective)
    weights = request.model.get_weights() if best.weights is None else best.weights
    return Trained(epochs, weights, request.model.get_build_config())
