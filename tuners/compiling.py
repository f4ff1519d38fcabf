"""Compiles the models of a hypermodel with what the tuner was given in place of the hypermodel's own arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from tuners.private_apis import compile_arguments


def compile_with(model: keras.Model, given: Mapping[str, Any]) -> None:
    """Compile a model anew.

    Args:
        model: As its hypermodel has compiled it, or not compiled.
        given: Arguments of `compile` by name that take the place of the hypermodel's; the others stay. An optimizer is
            copied. Losses and metrics are not, as in keras-tuner: a loss has no state, the state of a metric begins
            anew with each epoch, and the configurations of some leave out what they were made with.
    """
    if given:
        replaced = {**given, "optimizer": _copied(given["optimizer"])} if "optimizer" in given else given
        model.compile(**{**compile_arguments(model), **replaced})


def _copied(optimizer: Any) -> Any:
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    kinds = (keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule)
    parts = [optimizer, *(each for each in vars(optimizer).values() if isinstance(each, kinds))]
    try:
        # Classes of the user's are not known to Keras by their names.
        with keras.saving.custom_object_scope({type(each).__name__: type(each) for each in parts}):
            return type(optimizer).from_config(optimizer.get_config())
    except Exception as error:
        raise keras_tuner.errors.FatalValueError(
            f"optimizer={type(optimizer).__name__}: each model needs one of its own, and none can be made by "
            f"from_config(get_config()) ({type(error).__name__}: {error}). Have the hypermodel compile with it, "
            "or give its class a get_config with every argument of its __init__."
        ) from error
