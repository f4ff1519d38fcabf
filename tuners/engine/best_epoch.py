"""The callback that a trial adds to those of the user: keeps the best epoch's weights, and ends a trial early."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from numpy.typing import NDArray

from tuners.trial_metrics import goodness_of, numbers_of


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the best epoch of an execution, and ends it where it has diverged or run out of time.

    Of epochs that are equal by the objective the one with the least loss is best.

    Args:
        objective: A `keras_tuner.Objective`.
        on_epoch: Is told the number of epochs so far, of epochs in all, and the last one's metrics; says whether to
            end there.
        time_limit: Seconds after which no further epoch begins, or None.

    Attributes:
        weights: Of the best epoch, as `keras.Model.get_weights` gives them; None before the first epoch's end.
        weights_now: Gives the weights as they are, where that is not `model.get_weights`.
    """

    def __init__(
        self,
        objective: Any,
        on_epoch: Callable[[int, int, Mapping[str, float]], bool | None],
        time_limit: float | None = None,
    ) -> None:
        super().__init__()
        self.weights: list[NDArray[Any]] | None = None
        self.weights_now: Callable[[], list[NDArray[Any]]] | None = None
        self._objective, self._on_epoch = objective, on_epoch
        self._deadline = math.inf if time_limit is None else time.monotonic() + time_limit
        self._best: tuple[float, float] | None = None
        self._epochs = 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        # Counted here, since a hypermodel may call `model.fit` several times.
        self._epochs += 1
        numbers = numbers_of(logs or {})
        if not self._objective.has_value(numbers):
            self._keep()
        else:
            found = goodness_of(numbers, self._objective)
            if self._best is None or found > self._best:
                self._best = found
                self._keep()
        total = max(self._epochs, int((self.params or {}).get("epochs") or 0))
        unwanted = bool(self._on_epoch(self._epochs, total, numbers))
        if unwanted or time.monotonic() > self._deadline or _has_diverged(numbers):
            self.model.stop_training = True

    def _keep(self) -> None:
        self.weights = (self.weights_now or self.model.get_weights)()


def _has_diverged(logs: Mapping[str, float]) -> bool:
    return any(not math.isfinite(logs[name]) for name in ("loss", "val_loss") if name in logs)
