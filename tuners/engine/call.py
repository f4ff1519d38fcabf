"""A call of `model.fit`, read: what is trained on, for how long, in which batches, and who watches."""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
import random
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tuners.engine import data
from tuners.engine.declined import Declined
from tuners.engine.identity import is_of_keras, layers_within
from tuners.private_apis import writes_in_epochs

IGNORED = ("steps_per_epoch", "validation_steps")
"""Arguments of `model.fit` that no engine takes: where one is given, `model.fit` trains."""

BATCH_HOOKS = tuple(
    f"on_{stage}batch_{moment}" for stage in ("", "train_", "test_", "predict_") for moment in ("begin", "end")
)
REPLACEABLE = ("fit", "evaluate", "make_train_function", "make_test_function")
"""Methods that an engine does not call: a model with one of its own is trained by `model.fit`."""

RELIED_ON = ("reset_metrics", "trainable_variables", "trainable_weights", "variables", "weights")
"""What an engine puts a model back by after it was tried; of a model's own it may be anything."""

BATCH_SIZE = 32
"""Of `model.fit`, where none is given."""


@dataclasses.dataclass(frozen=True)
class FitCall:
    """What a call of `model.fit` asks for.

    Attributes:
        model: The model, compiled.
        training: (x,), (x, y) or (x, y, sample_weight), each an array [rows, ...] or a structure of arrays.
        validation: The same to validate on, or None.
        batch_size: Examples in a step.
        validation_batch_size: Likewise, of validation.
        epochs: Number of the last epoch, from 1.
        initial_epoch: Epochs that count as done.
        validation_freq: There is validation after so many epochs, or after those that are listed.
        shuffle: Whether each epoch has an order of its own.
        callbacks: Of the caller.
        verbose: 0, 1, 2 or "auto".
    """

    model: keras.Model
    training: tuple[Any, ...]
    validation: tuple[Any, ...] | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    initial_epoch: int
    validation_freq: Any
    shuffle: bool
    callbacks: tuple[Any, ...]
    verbose: Any

    @property
    def rows(self) -> int:
        """Examples in an epoch."""
        return data.rows_of(self.training)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return math.ceil(self.rows / self.batch_size)

    def validates(self, epoch: int) -> bool:
        """Whether there is validation after an epoch, which is numbered from 0."""
        if self.validation is None:
            return False
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


def read_call(model: keras.Model, args: Sequence[Any], kwargs: Mapping[str, Any]) -> FitCall:
    """Read the arguments of `model.fit`.

    Args:
        model: The model.
        args: Positional arguments, without the model.
        kwargs: Keyword arguments.

    Raises:
        Declined: Only `model.fit` itself can do what is asked for, or say what is wrong with it.
    """
    given = _arguments(model, args, kwargs)
    _check_model(model)
    callbacks = _callbacks(given["callbacks"])
    training = data.parts(given["x"], given["y"], given["sample_weight"])
    validation = given["validation_data"]
    if validation is None and given["validation_split"]:
        training, validation = data.split(training, given["validation_split"])
    elif validation is not None:
        if not isinstance(validation, tuple | list) or not 1 <= len(validation) <= 3:
            raise Declined("validation_data is not a tuple of arrays")
        validation = data.parts(*validation)
    if given["class_weight"]:
        training = data.class_weighted(training, given["class_weight"])
    batch_size = _number("batch_size", given["batch_size"] or BATCH_SIZE)
    epochs, initial = _number("epochs", given["epochs"]), _number("initial_epoch", given["initial_epoch"], least=0)
    if initial >= epochs:
        raise Declined("there is no epoch to train")
    if given["shuffle"] not in (True, False):
        raise Declined(f"shuffle={given['shuffle']!r}")
    return FitCall(
        model=model,
        training=training,
        validation=validation,
        batch_size=batch_size,
        validation_batch_size=_number("validation_batch_size", given["validation_batch_size"] or batch_size),
        epochs=epochs,
        initial_epoch=initial,
        validation_freq=_frequency(given["validation_freq"]),
        shuffle=bool(given["shuffle"]),
        callbacks=callbacks,
        verbose=given["verbose"],
    )


def _arguments(model: keras.Model, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        bound = inspect.signature(keras.Model.fit).bind(model, *args, **kwargs)
    except TypeError as error:
        raise Declined(f"the arguments are not those of model.fit ({error})") from None
    bound.apply_defaults()
    for name in IGNORED:
        if bound.arguments[name] is not None:
            raise Declined(f"the argument {name} of model.fit")
    return bound.arguments


def _check_model(model: keras.Model) -> None:
    for name in (*REPLACEABLE, *RELIED_ON):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise Declined(f"the model has a method {name} of its own")
    for name in (*REPLACEABLE[1:], "train_step", "test_step", "compute_loss", "compute_metrics"):
        if name in vars(model):
            raise Declined(f"{name} of the model was replaced")
    if not model.compiled:
        raise Declined("the model is not compiled")
    if model.run_eagerly:
        raise Declined("the model runs eagerly")
    if model.optimizer is not None and not model.optimizer.built and _builds_from_weights(model.optimizer):
        raise Declined(f"the optimizer {type(model.optimizer).__name__} is built by itself")
    for kind, layer in {type(each): each for each in layers_within(model)}.items():
        if _draws_while_traced(kind):
            raise Declined(f"the layer {layer.name} draws from Python's random while it is traced")
    # Variables of such a model are to be made within the scope of its strategy, be it of one device.
    if tf.distribute.has_strategy() or model.distribute_strategy is not tf.distribute.get_strategy():
        raise Declined("a distribution strategy")
    for limit in ("max_epochs", "max_steps_per_epoch"):
        if getattr(keras.config, limit, lambda: None)() is not None:
            raise Declined(f"keras.config.{limit} is set")


def _draws_while_traced(kind: type) -> bool:
    """Whether a layer of a class may be another one each time that it is traced, as AugMix is.

    What it then makes for itself with the first number drawn, a generator for one, stays when the numbers are put back.
    """
    functions = (each for base in kind.__mro__ for each in vars(base).values() if inspect.isfunction(each))
    return any(each.__globals__.get(name) is random for each in functions for name in each.__code__.co_names)


def _builds_from_weights(optimizer: Any) -> bool:
    """Whether the slots of an optimizer may begin as something that depends on where it is built."""
    # The averages of one begin as the weights, and where `model.fit` builds it those have no values yet.
    begins_as_weights = getattr(keras.optimizers, "ScheduleFreeAdamW", ())
    within = (each for value in vars(optimizer).values() for each in keras.tree.flatten(value))
    return (
        isinstance(optimizer, begins_as_weights)
        or (not is_of_keras(optimizer) and not is_of_keras(type(optimizer).build))
        or any(
            isinstance(each, keras.optimizers.Optimizer) and each is not optimizer and _builds_from_weights(each)
            for each in within
        )
    )


def _callbacks(given: Any) -> tuple[Any, ...]:
    if isinstance(given, keras.callbacks.CallbackList):
        raise Declined("the callbacks are a CallbackList")
    found = tuple(keras.tree.flatten(given)) if given else ()
    for each in found:
        if not isinstance(each, keras.callbacks.Callback):
            raise Declined(f"a callback is a {type(each).__name__}")
        board = type(each) is keras.callbacks.TensorBoard
        if board and writes_in_epochs(each):
            raise Declined("the callback TensorBoard writes inside of epochs; with write_graph=False it need not")
        # Its hook of batches does nothing where it saves by the epoch.
        saves = type(each) is keras.callbacks.ModelCheckpoint and each.save_freq == "epoch"
        for hook in BATCH_HOOKS:
            own = getattr(type(each), hook) is not getattr(keras.callbacks.Callback, hook)
            if hook in vars(each) or (own and not board and not saves):
                raise Declined(f"the callback {type(each).__name__} sees batches")
        if _compiles(type(each)):
            raise Declined(f"the callback {type(each).__name__} compiles the model")
    return found


def _compiles(kind: type) -> bool:
    """Whether a method of a class of the user's has the word for it: `model.fit` may go on with another optimizer."""
    own = (each for base in kind.__mro__ if not is_of_keras(base) for each in vars(base).values())
    return any("compile" in each.__code__.co_names for each in own if inspect.isfunction(each))


def _number(name: str, value: Any, least: int = 1) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise Declined(f"{name}={value!r}")
    return number


def _frequency(value: Any) -> Any:
    if isinstance(value, list | tuple | set) and all(isinstance(each, int) for each in value):
        return frozenset(value)
    return _number("validation_freq", value)
