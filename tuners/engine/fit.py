"""The engine that trains by `HyperModel.fit`: it takes every model and every argument."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from numpy.typing import NDArray

from tuners.engine.request import Request, Trained
from tuners.engine.results import epochs_of


class Best:
    """The best epoch of a training that begins now, and whether there should be a next one.

    Args:
        request: What is trained.
        together: How many are trained at once, and share the time.
    """

    def __init__(self, request: Request, together: int = 1) -> None:
        self._request = request
        limit = request.time_limit
        self._deadline = math.inf if limit is None else time.monotonic() + limit * together
        self._value: float | None = None
        self.weights: list[NDArray] | None = None

    def stops(self, epoch: int, logs: Mapping[str, Any], weights: Callable[[], list[NDArray]]) -> bool:
        """Take note of an epoch; whether training should end: it has diverged, run out of time or fallen behind.

        Args:
            epoch: Epochs so far.
            logs: Metrics of the epoch.
            weights: Gives the weights as they are.
        """
        request = self._request
        if not request.objective.has_value(logs):
            self.weights = weights()
        else:
            value = float(request.objective.get_value(logs))
            if self._value is None or request.objective.better_than(value, self._value):
                self._value, self.weights = value, weights()
        unwanted = bool(request.on_epoch(epoch, logs))
        late = time.monotonic() > self._deadline
        return unwanted or late or any(not math.isfinite(logs[name]) for name in ("loss", "val_loss") if name in logs)


class BestEpoch(keras.callbacks.Callback):
    """Tells a `Best` of the epochs of `model.fit`.

    Args:
        best: Is told.
    """

    def __init__(self, best: Best) -> None:
        super().__init__()
        self.best = best

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        if self.best.stops(epoch + 1, dict(logs or {}), self.model.get_weights):
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
    best = Best(request)
    callbacks = kwargs.pop("callbacks", None) or []
    kwargs["callbacks"] = [*(callbacks if isinstance(callbacks, list | tuple) else [callbacks]), BestEpoch(best)]
    result = request.hypermodel.fit(request.hp, request.model, *request.args, **kwargs)
    epochs = epochs_of(result, request.objective)
    weights = request.model.get_weights() if best.weights is None else best.weights
    return Trained(epochs, weights, request.model.get_build_config())
