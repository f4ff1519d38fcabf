"""Epochs of a call of `model.fit`, whatever trains them, with everything that callbacks see of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine import data
from tuners.engine.best_epoch import BestEpoch
from tuners.engine.call import FitCall
from tuners.private_apis import compilation

ASKS_FOR_RATE_ONLY = (
    BestEpoch,
    keras.callbacks.History,
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ProgbarLogger,
    keras.callbacks.ReduceLROnPlateau,
)
"""Callbacks, by exact class, that look at nothing of the model but its learning rate, and change nothing else."""


class Trainer(Protocol):
    """What trains the model of one call. Its learning rate is the model's at the beginning of each epoch."""

    def train(self, rows: NDArray[Any]) -> dict[str, float]:
        """Train on examples in this order, batch by batch; metrics by name."""
        ...

    def validate(self, rows: NDArray[Any]) -> dict[str, float]:
        """Metrics by name on these examples of the validation data."""
        ...

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the weights as they are, as `keras.Model.get_weights` gives them."""
        ...

    def give(self) -> None:
        """Leave the model as `model.fit` would now: weights, random states, optimizer and metrics."""
        ...

    def take(self) -> None:
        """Go on from the model as it is, which a callback may have changed."""
        ...


def run(call: FitCall, trainer: Trainer, *, looked_at: bool = True) -> keras.callbacks.History:
    """Train all epochs of a call, or until a callback ends it.

    Args:
        call: What is asked for.
        trainer: Trains.
        looked_at: Whether anybody may look at the model afterwards; else it is given its weights alone.

    Returns:
        What `model.fit` returns.

    Raises:
        Exception: Whatever a callback or a step raises.
    """
    return _Run(call, trainer).all_epochs(looked_at)


class _Run:
    def __init__(self, call: FitCall, trainer: Trainer) -> None:
        self._call, self._trainer, self._model = call, trainer, call.model
        self._compilation = compilation(call.model)
        for each in call.callbacks:
            if isinstance(each, BestEpoch):
                each.weights_now = trainer.weights
        # As model.fit makes it, and like there it gives the model its history.
        self._callbacks: Any = keras.callbacks.CallbackList(
            list(call.callbacks),
            add_history=True,
            add_progbar=call.verbose != 0,
            verbose=call.verbose,
            epochs=call.epochs,
            steps=call.steps,
            model=call.model,
        )
        self._watched = not all(map(_asks_for_rate_only, self._callbacks.callbacks))
        # Drawn from the seed that the trial has set, as the shuffling of model.fit is.
        self._order = np.random.default_rng(np.random.randint(2**31)) if call.shuffle else None
        self._rows = np.arange(call.rows, dtype=np.int32)

    def all_epochs(self, looked_at: bool) -> keras.callbacks.History:
        call, model = self._call, self._model
        model.stop_training = False
        self._tell("on_train_begin")
        logs: dict[str, float] = {}
        for epoch in range(call.initial_epoch, call.epochs):
            self._tell("on_epoch_begin", epoch)
            self._check_compilation()
            logs = self._trainer.train(self._next_order())
            if call.validates(epoch):
                logs |= self._validated()
            self._tell("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
        # A model that a callback has compiled was given everything before.
        if compilation(model) is self._compilation:
            self._leave(looked_at)
        self._callbacks.on_train_end(logs)
        for each in call.callbacks:
            if isinstance(each, BestEpoch):
                each.weights_now = None
        return model.history

    def _leave(self, looked_at: bool) -> None:
        if not (looked_at or self._watched) and any(isinstance(each, BestEpoch) for each in self._call.callbacks):
            # A build function may have kept it all the same.
            self._model.set_weights(self._trainer.weights())
            return
        self._trainer.give()
        if isinstance(self._model.optimizer, keras.optimizers.Optimizer):
            self._model.optimizer.finalize_variable_values(self._model.trainable_weights)

    def _next_order(self) -> NDArray[Any]:
        return self._rows if self._order is None else self._order.permutation(self._rows)

    def _validated(self) -> dict[str, float]:
        self._model.stop_evaluating = False
        self._tell("on_test_begin")
        self._check_compilation()
        logs = self._trainer.validate(np.arange(data.rows_of(self._call.validation or ()), dtype=np.int32))
        self._tell("on_test_end", logs)
        return {f"val_{name}": value for name, value in logs.items()}

    def _tell(self, hook: str, *arguments: Any) -> None:
        """Call the callbacks, which see and may change the model as `model.fit` would have it."""
        if self._watched:
            self._trainer.give()
        getattr(self._callbacks, hook)(*arguments)
        if self._watched and compilation(self._model) is self._compilation:
            self._trainer.take()

    def _check_compilation(self) -> None:
        if compilation(self._model) is not self._compilation:
            # As in model.fit, whose compiled step is gone then.
            raise TypeError("a callback has compiled the model, which cannot be trained further in this call of fit.")


def _asks_for_rate_only(callback: Any) -> bool:
    if type(callback) is keras.callbacks.EarlyStopping:
        return not callback.restore_best_weights
    return type(callback) in ASKS_FOR_RATE_ONLY


def reported(model: keras.Model, returned: Any) -> dict[str, Any]:
    """Metrics by name as `model.fit` reports them: of the model, or what a step returned where it names others.

    Args:
        model: The model.
        returned: By the last `train_step` or `test_step`.
    """
    metrics = model.get_metrics_result()
    logs = metrics if isinstance(returned, dict) and set(returned) == set(metrics) else returned
    return dict(_plain(dict(logs)))


def _plain(logs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Metrics sorted by name, as floats where they are numbers, without dictionaries in dictionaries."""
    for name, value in sorted(logs.items()):
        if isinstance(value, Mapping):
            yield from _plain(value)
            continue
        try:
            yield name, float(value)
        except (TypeError, ValueError):
            yield name, value
