"""Whether an engine trains a model as the model trains itself, tried on a few real examples before it is used.

The model takes a step of training and one of validation by its own `train_step` and `test_step`, as they stand, without
a graph; then the engine takes the same from the same weights and random states. Loss, metrics, weights and slots of the
optimizer have to be the same but for rounding. How far rounding goes depends on the model: dividing a gradient that is
all but zero by its own size, as Adam does, makes much of little. Where the two differ, the model takes its steps once
more from weights that are a few roundings off, and what moves by that is not held against the engine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine import data
from tuners.engine.call import FitCall
from tuners.engine.training import Trainer

EXAMPLES = 16
"""In each step, at most."""

TOLERANCE = 1e-3
"""Of what a step changes, as a share of the largest change."""

ROUNDING = 4e-6
"""Of a number, as a share of the largest one of its array: sums are taken in another order."""

ROUNDINGS_OFF = 1e-6
"""Share by which weights are moved to see what rounding can do."""

MARGIN = 10.0
"""Times what was seen to come of rounding that is not held against the engine."""


class Provable(Trainer, Protocol):
    """A trainer that can be tried."""

    def comparable(self) -> contextlib.AbstractContextManager[None]:
        """Within, model and trainer draw the same random numbers, or none."""
        ...

    def prepare(self, returned: tuple[Any, Any] | None) -> None:
        """Make ready to train, before anything else is asked.

        Args:
            returned: What `train_step` and `test_step` of the model have returned; None where it took no steps.
        """
        ...


@dataclasses.dataclass(frozen=True)
class State:
    """Everything that training changes: weights, random states, metrics, slots of the optimizer.

    Attributes:
        variables: Keras variables.
        values: Copies of their values.
    """

    variables: tuple[Any, ...]
    values: tuple[NDArray, ...]

    @classmethod
    def of(cls, model: keras.Model) -> State:
        """The state of a model."""
        variables = tuple(variables_of(model))
        return cls(variables, tuple(np.array(each.value) for each in variables))

    def restore(self, model: keras.Model) -> None:
        """Put it back; variables that have come since stay as they are, but for metrics, which begin anew."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
        model.reset_metrics()

    @functools.cached_property
    def by_variable(self) -> dict[int, NDArray]:
        """Values by the id of their variable."""
        return {id(variable): value for variable, value in zip(self.variables, self.values, strict=True)}


def variables_of(model: keras.Model) -> list[Any]:
    """All variables of a compiled model, each once: its own, then the optimizer's, then those of metrics."""
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    found = {id(each): each for each in (*model.variables, *optimizer, *model.metrics_variables)}
    return list(found.values())


@dataclasses.dataclass(frozen=True)
class Steps:
    """What a step of training and one of validation gave.

    Attributes:
        before: The state before them.
        trained: The state after the first.
        train_logs: Metrics of the first by name.
        validated: The state after the second.
        test_logs: Metrics of the second by name.
        returned: What `train_step` and `test_step` returned.
    """

    before: State
    trained: State
    train_logs: dict[str, float]
    validated: State | None
    test_logs: dict[str, float]
    returned: tuple[Any, Any] = (None, None)


def difference(call: FitCall, trainer: Provable) -> str:
    """Try a trainer; the model is as before afterwards, but for metrics and optimizer that have been built.

    Args:
        call: What it is to train.
        trainer: It is prepared by this.

    Returns:
        How it differs from the model, or "".

    Raises:
        Exception: What the model raises by itself, or the trainer.
    """
    model = call.model
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    before = State.of(model)
    try:
        with trainer.comparable():
            reference = _own_steps(call, before)
            before.restore(model)
            trainer.prepare(reference.returned)
            found = _trainers_steps(call, trainer, reference.before)
            text = _compared(reference, found, None)
            if text:
                before.restore(model)
                for weight in model.trainable_weights:
                    value = np.array(weight.value)
                    weight.assign(value * (1 + ROUNDINGS_OFF * _signs(value.shape)))
                text = _compared(reference, found, _own_steps(call, State.of(model)))
    finally:
        before.restore(model)
    trainer.take()
    return text


def _signs(shape: Sequence[int]) -> NDArray:
    return np.random.default_rng(0).choice(np.array([-1, 1], np.float32), shape)


def rows_to_try(call: FitCall, rows: int, batch_size: int) -> NDArray:
    """Numbers of the examples of a step: few, or a whole batch where the model's batches have a fixed size."""
    inputs = getattr(call.model, "inputs", None) or ()
    fixed = any(each.shape[0] is not None for each in inputs)
    return np.arange(min(rows, batch_size if fixed else min(batch_size, EXAMPLES)), dtype=np.int32)


def _own_steps(call: FitCall, before: State) -> Steps:
    model, training = call.model, call.training
    model.reset_metrics()
    rows = rows_to_try(call, call.rows, call.batch_size)
    returned = model.train_step(_batch(training, rows))
    logs = reported(model, returned)
    trained = State.of(model)
    if call.validation is None:
        return Steps(before, trained, logs, None, {}, (returned, None))
    model.reset_metrics()
    rows = rows_to_try(call, data.rows_of(call.validation), call.validation_batch_size)
    tested = model.test_step(_batch(call.validation, rows))
    return Steps(before, trained, logs, State.of(model), reported(model, tested), (returned, tested))


def _trainers_steps(call: FitCall, trainer: Trainer, before: State) -> Steps:
    trainer.take()
    logs = trainer.train(rows_to_try(call, call.rows, call.batch_size))
    trainer.give()
    trained = State.of(call.model)
    if call.validation is None:
        return Steps(before, trained, logs, None, {})
    rows = rows_to_try(call, data.rows_of(call.validation), call.validation_batch_size)
    test_logs = trainer.validate(rows)
    trainer.give()
    return Steps(before, trained, logs, State.of(call.model), test_logs)


def _batch(parts: tuple[Any, ...], rows: NDArray) -> Any:
    batch = keras.tree.map_structure(lambda array: tf.constant(array[rows]), parts)
    return batch if len(batch) > 1 or isinstance(batch[0], tuple) else batch[0]


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


def _compared(reference: Steps, found: Steps, moved: Steps | None) -> str:
    """How steps differ from a reference, in words, or "".

    Args:
        reference: The model's own.
        found: The trainer's.
        moved: The model's own from weights that are a few roundings off, or None.
    """
    stages = [("training", reference.before, "trained", "train_logs")]
    if reference.validated is not None:
        stages.append(("validation", reference.trained, "validated", "test_logs"))
    for stage, before, state, logs in stages:
        moved_logs, moved_state = (None, None) if moved is None else (getattr(moved, logs), getattr(moved, state))
        text = _compared_logs(getattr(reference, logs), getattr(found, logs), moved_logs)
        text = text or _compared_states(before, getattr(reference, state), getattr(found, state), moved_state)
        if text:
            return f"{stage} gives {text}"
    return ""


def _compared_logs(reference: dict[str, Any], found: dict[str, Any], moved: dict[str, Any] | None) -> str:
    if sorted(reference) != sorted(found):
        return f"the metrics {', '.join(found) or 'none'} where the model itself gives {', '.join(reference) or 'none'}"
    for name, value in reference.items():
        allowed = MARGIN * _distance(value, moved[name]) if moved else 0.0
        if not _distance(value, found[name]) <= allowed + 1e-4 * _size(value) + 1e-6:
            return f"{name} {found[name]!s:.20} where the model itself gives {value!s:.20}"
    return ""


def _compared_states(before: State, reference: State, found: State, moved: State | None) -> str:
    for variable, value in zip(reference.variables, reference.values, strict=True):
        # What the first step has built begins at zero.
        start = before.by_variable.get(id(variable), np.zeros_like(value))
        other = found.by_variable.get(id(variable))
        if other is None:
            return f"no {variable.path}"
        if value.dtype.kind != "f":
            if not np.array_equal(value, other):
                return f"another {variable.path}"
            continue
        allowed = TOLERANCE * _distance(value, start) + ROUNDING * _size(value)
        if moved is not None:
            allowed += MARGIN * _distance(value, moved.by_variable[id(variable)])
        if not _distance(value, other) <= allowed:
            return f"{variable.path} off by {_distance(value, other):.2g} of {_distance(value, start):.2g}"
    return ""


def _distance(a: Any, b: Any) -> float:
    """The largest difference; 0 where both are not finite alike."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind not in "biuf":
        return 0.0 if np.array_equal(a, b) else np.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _size(value: Any) -> float:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return 0.0
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


@contextlib.contextmanager
def without_dropout(layers: Sequence[Any]) -> Iterator[None]:
    """Within, these dropout layers of a model that computes step by step leave everything in."""
    rates = [layer.rate for layer in layers]
    try:
        for layer in layers:
            layer.rate = 0.0
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate
