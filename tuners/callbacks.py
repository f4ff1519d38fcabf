"""The callbacks of one execution of a trial: copies of the user's, and what calls the hooks of the tuner."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner


def copied_callbacks(given: Any) -> list[Any]:
    """Copies of callbacks, whose state, such as the patience of an early stop, no other trial may inherit.

    Args:
        given: What `model.fit` takes for callbacks.

    Raises:
        keras_tuner.errors.FatalValueError: One cannot be copied.
    """
    if isinstance(given, keras.callbacks.CallbackList):
        given = given.callbacks
    given = list(keras.tree.flatten(given or []))
    try:
        # Together, since they may share what they write to.
        return copy.deepcopy(given)
    except Exception as error:
        culprits = [each for each in given if not _can_be_copied(each)] or given
        raise keras_tuner.errors.FatalValueError(
            "All callbacks used during a search should be deep-copyable (since they are reused across trials). It is "
            f"not possible to do `copy.deepcopy({culprits})`: {error}. Give {type(culprits[0]).__name__} a method "
            "__deepcopy__, or have it make what cannot be copied in on_train_begin."
        ) from error


def give_directories(callbacks: list[Any], configure: Callable[[list[Any]], None]) -> None:
    """Give each TensorBoard a directory of its own, where the hyperparameters are written as well.

    Args:
        callbacks: Of one execution; what writes the hyperparameters is added.
        configure: keras-tuner's way to do so for a list of callbacks, which goes by the name of their class.
    """
    if any(type(each).__name__ == "TensorBoard" for each in callbacks):
        configure(callbacks)
    for each in list(callbacks):
        # A class of the user's own has another name.
        if isinstance(each, keras.callbacks.TensorBoard) and type(each).__name__ != "TensorBoard":
            named: list[Any] = [TensorBoard(each.log_dir)]
            configure(named)
            each.log_dir = named[0].log_dir
            callbacks += named[1:]


@dataclasses.dataclass
class TensorBoard:
    """Stands before keras-tuner for a board of another name."""

    log_dir: str


def hooks_of(tuner: keras_tuner.Tuner, trial: Any) -> list[keras.callbacks.Callback]:
    """Callbacks that call those hooks of a tuner that its class has of its own.

    Args:
        tuner: The tuner.
        trial: The trial that is run.
    """
    kinds = {
        "on_epoch_begin": _EpochBegin,
        "on_epoch_end": _EpochEnd,
        "on_batch_begin": _BatchBegin,
        "on_batch_end": _BatchEnd,
    }
    return [
        kind(tuner, trial)
        for hook, kind in kinds.items()
        if getattr(type(tuner), hook) is not getattr(keras_tuner.Tuner, hook)
    ]


class _Hooks(keras.callbacks.Callback):
    def __init__(self, tuner: keras_tuner.Tuner, trial: Any) -> None:
        super().__init__()
        self.tuner, self.trial = tuner, trial


class _EpochBegin(_Hooks):
    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.tuner.on_epoch_begin(self.trial, self.model, epoch, logs=logs)


class _EpochEnd(_Hooks):
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.tuner.on_epoch_end(self.trial, self.model, epoch, logs=logs)


class _BatchBegin(_Hooks):
    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.tuner.on_batch_begin(self.trial, self.model, batch, logs)


class _BatchEnd(_Hooks):
    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.tuner.on_batch_end(self.trial, self.model, batch, logs)


def _can_be_copied(callback: Any) -> bool:
    try:
        copy.deepcopy(callback)
    except Exception:
        return False
    return True
