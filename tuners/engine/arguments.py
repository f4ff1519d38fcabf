"""Arguments of `model.fit`: what was given, and whether an engine of our own can do with it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from tuners.engine.data import class_weighted, trouble
from tuners.engine.request import Request
from tuners.protocols import FitsByArguments

KNOWN = frozenset(
    ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_data", "shuffle", "class_weight")
    + ("sample_weight", "validation_batch_size")
)
"""Arguments of `model.fit` that this engine takes; with others a trial is trained by `model.fit`."""

BATCH_HOOKS = tuple(
    f"on_{stage}batch_{moment}" for stage in ("", "train_", "test_", "predict_") for moment in ("begin", "end")
)
BATCH_SIZE = 32
"""Of `model.fit`, where none is given."""


def refusal(request: Request) -> str:
    """Why a trial has to be trained by `model.fit`, or "" where it can be trained here.

    The rule: numpy arrays that fit on the device, a hypermodel whose `fit` is `model.fit`, and no callback that
    wants to see batches.

    Args:
        request: What to train.
    """
    given = of(request)
    if given is None:
        return "the hypermodel has a fit() of its own and no fit_arguments()"
    unknown = set(given) - KNOWN
    if unknown:
        return f"the argument {min(unknown)} of model.fit"
    if given.get("class_weight") and given.get("sample_weight") is not None:
        return "class_weight together with sample_weight"
    if request.model.run_eagerly or not request.model.built:
        return "the model runs eagerly or is built by its first batch"
    if request.model.steps_per_execution != 1:
        return "steps_per_execution"
    if request.model.distribute_strategy.num_replicas_in_sync > 1:
        return "a distribution strategy"
    for callback in callbacks(given):
        if any(_overrides(callback, hook) for hook in BATCH_HOOKS):
            return f"{type(callback).__name__} sees batches"
    weights = given.get("sample_weight")
    parts = [given.get("x"), given.get("y"), *(() if weights is None else (weights,))]
    validation = given.get("validation_data")
    if validation is not None and not isinstance(validation, tuple | list):
        return "validation_data is no tuple of arrays"
    found = trouble(parts) or (trouble(list(validation)) if validation is not None else "")
    if not found and given.get("class_weight") and class_weighted(given["y"], given["class_weight"]) is None:
        return "class_weight without class ids"
    return found


def of(request: Request) -> dict[str, Any] | None:
    """Arguments of `model.fit` by name; None where the hypermodel does more than calling it."""
    hypermodel = request.hypermodel
    if not isinstance(hypermodel, FitsByArguments) and _has_own_fit(hypermodel):
        return None
    own = hypermodel.fit_arguments(request.hp) if isinstance(hypermodel, FitsByArguments) else {}
    names = list(inspect.signature(request.model.fit).parameters)
    return {**dict(zip(names, request.args, strict=False)), **request.kwargs, **own}


def _has_own_fit(hypermodel: Any) -> bool:
    import keras_tuner

    # keras-tuner wraps a build function in a hypermodel of its own, whose fit is the plain one.
    return type(hypermodel).fit is not keras_tuner.HyperModel.fit


def callbacks(given: Mapping[str, Any]) -> list[Any]:
    """The callbacks among arguments of `model.fit`."""
    found = given.get("callbacks") or []
    return list(found) if isinstance(found, list | tuple) else [found]


def _overrides(callback: Any, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)


def training_parts(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is trained on among arguments of `model.fit`: x, y, and weights of examples or None."""
    x, y, weights = given.get("x"), given.get("y"), given.get("sample_weight")
    if given.get("class_weight"):
        weights = class_weighted(y, given["class_weight"])
    return x, y, weights
