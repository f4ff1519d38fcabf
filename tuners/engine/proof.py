"""Whether an engine trains a model as the model trains itself, tried on a few real examples before it is used.

The model takes a step of training and one of validation by its own `train_step` and `test_step`, as they stand, without
a graph; then the engine takes the same from the same weights and random states. Loss, metrics, weights and slots of the
optimizer have to be the same but for rounding. How far rounding goes depends on the model: dividing a gradient that is
all but zero by its own size, as Adam does, makes much of little. Where the two differ, the model takes its steps a few
times more from weights that are a few roundings off, and what moves by that is not held against the engine. Where a few
numbers still differ, and all of them hardly in the mean, other examples decide: rounding has turned one activation on
or off, or one maximum to another pixel, and does not do so again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine import data
from tuners.engine.building import build_optimizer
from tuners.engine.call import FitCall
from tuners.engine.identity import is_of_keras, layers_within, variables_within
from tuners.engine.training import Trainer, reported

EXAMPLES = 16
"""In each step, at most."""

TOLERANCE = 1e-3
"""Of what a step changes, as a share of the largest change."""

STEP_TOLERANCE = 0.1
"""The same of weights whose optimizer keeps averages, which are held to `TOLERANCE`, as weights are in the mean."""

ROUNDING = 4e-6
"""Of a number, as a share of the largest one of its array: sums are taken in another order."""

ROUNDINGS_OFF = (1e-6, 1e-5, 1e-5)
"""Shares by which weights are moved, in turn and in other directions, to see what rounding can do.

Kernels that sum in another order are some 3e-6 off. That turns an activation that is all but zero on or off, or changes
which of two pixels is the largest, where weights that move by less do not.
"""

MARGIN = 10.0
"""Times what was seen to come of rounding that is not held against the engine."""

LOSS_OF_AN_OUTPUT = "compile_loss/"
"""How the names of the variables begin in which the losses of several outputs are kept.

Keras counts examples in them without a graph, batches in one; what they report was compared among the metrics.
"""

PLAIN = (bool, int, float, str, type(None))
"""Types of what a layer may count or note in an attribute."""


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


class Examples(NamedTuple):
    """Numbers of examples.

    Attributes:
        training: Of a step of training.
        validation: Of one of validation.
    """

    training: NDArray[Any]
    validation: NDArray[Any]


@dataclasses.dataclass(frozen=True)
class State:
    """Everything that training changes: weights, random states, metrics, slots of the optimizer.

    Attributes:
        variables: Keras variables.
        values: Copies of their values.
        attributes: Numbers and the like that layers of the user's keep: objects, names and values.
    """

    variables: tuple[Any, ...]
    values: tuple[NDArray[Any], ...]
    attributes: tuple[tuple[Any, str, Any], ...]

    @classmethod
    def of(cls, model: keras.Model) -> State:
        """The state of a model."""
        variables = tuple(variables_within(model))
        values = tuple(each.numpy() for each in variables)
        foreign = [layer for layer in layers_within(model) if not is_of_keras(layer)]
        kept = ((layer, name, value) for layer in foreign for name, value in vars(layer).items())
        return cls(variables, values, tuple(each for each in kept if type(each[2]) in PLAIN))

    def restore(self, model: keras.Model) -> None:
        """Put it back; variables that have come since stay as they are, but for metrics, which begin anew."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
        for layer, name, value in self.attributes:
            if vars(layer).get(name) is not value:
                setattr(layer, name, value)
        model.reset_metrics()

    @functools.cached_property
    def by_variable(self) -> dict[int, NDArray[Any]]:
        """Values by the id of their variable."""
        return {id(variable): value for variable, value in zip(self.variables, self.values, strict=True)}


@dataclasses.dataclass(frozen=True)
class Steps:
    """What a step of training and one of validation gave.

    Attributes:
        logs: Metrics by name of each of the two.
        after: The state after both.
        returned: What `train_step` and `test_step` returned.
    """

    logs: tuple[dict[str, Any], dict[str, Any]]
    after: State
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
    build_optimizer(model)
    before = State.of(model)
    first, *others = _examples(call)
    try:
        with trainer.comparable():
            reference = _own_steps(call, first)
            before.restore(model)
            trainer.prepare(reference.returned)
            text, in_few = _tried(call, trainer, before, reference, first)
            if in_few and others:
                before.restore(model)
                text, _ = _tried(call, trainer, before, _own_steps(call, others[0]), others[0])
    finally:
        before.restore(model)
    trainer.take()
    return text


def _tried(call: FitCall, trainer: Trainer, before: State, reference: Steps, examples: Examples) -> tuple[str, bool]:
    """How a trainer differs from a reference on some examples, or "", and whether it does so in few numbers only."""
    before.restore(call.model)
    found, moved = _trainers_steps(call, trainer, examples), list[Steps]()
    text = _compared(call, before, reference, found)
    if text and _comes_again(call, before, reference, examples):
        while text and len(moved) < len(ROUNDINGS_OFF):
            moved.append(_steps_nearby(call, before, examples, turn=len(moved)))
            text = _compared(call, before, reference, found, moved)
    return text, bool(text) and not _compared(call, before, reference, found, moved, in_the_mean=True)


def _comes_again(call: FitCall, before: State, reference: Steps, examples: Examples) -> bool:
    """Whether a model does the same once more; else what moves by rounding cannot be told from what it draws."""
    before.restore(call.model)
    return not _compared(call, before, reference, _own_steps(call, examples))


def _steps_nearby(call: FitCall, before: State, examples: Examples, turn: int) -> Steps:
    """The model's own steps from weights that are a few roundings off."""
    before.restore(call.model)
    signs = np.random.default_rng(turn)
    for weight in call.model.trainable_weights:
        value = weight.numpy()
        weight.assign(value * (1 + ROUNDINGS_OFF[turn] * signs.choice(np.array([-1, 1], np.float32), value.shape)))
    return _own_steps(call, examples)


def _examples(call: FitCall) -> list[Examples]:
    """Numbers of the examples of the steps, and of as many others where there are any.

    They are few, or a whole batch where the model's batches have a fixed size.
    """
    inputs = getattr(call.model, "inputs", None) or ()
    fixed = any(each.shape[0] is not None for each in inputs)
    held_out = 0 if call.validation is None else data.rows_of(call.validation)
    sizes = [
        min(rows, size if fixed else min(size, EXAMPLES))
        for rows, size in ((call.rows, call.batch_size), (held_out, call.validation_batch_size))
    ]
    first = Examples(*(np.arange(size, dtype=np.int32) for size in sizes))
    if call.rows < 2 * sizes[0]:
        return [first]
    tested = np.int32(sizes[1] if held_out >= 2 * sizes[1] else 0)
    return [first, Examples(first.training + np.int32(sizes[0]), first.validation + tested)]


def _own_steps(call: FitCall, examples: Examples) -> Steps:
    model = call.model
    model.reset_metrics()
    trained = model.train_step(_batch(call.training, examples.training))
    logs, test_logs, tested = reported(model, trained), {}, None
    if call.validation is not None:
        model.reset_metrics()
        tested = model.test_step(_batch(call.validation, examples.validation))
        test_logs = reported(model, tested)
    return Steps((logs, test_logs), State.of(model), (trained, tested))


def _trainers_steps(call: FitCall, trainer: Trainer, examples: Examples) -> Steps:
    trainer.take()
    logs = trainer.train(examples.training)
    test_logs = {} if call.validation is None else trainer.validate(examples.validation)
    trainer.give()
    return Steps((logs, test_logs), State.of(call.model))


def _batch(parts: tuple[Any, ...], rows: NDArray[Any]) -> Any:
    batch = keras.tree.map_structure(lambda array: tf.constant(array[rows]), parts)
    return batch if len(batch) > 1 or isinstance(batch[0], tuple) else batch[0]


def _compared(
    call: FitCall,
    before: State,
    reference: Steps,
    found: Steps,
    moved: Sequence[Steps] = (),
    *,
    in_the_mean: bool = False,
) -> str:
    """How steps differ from a reference, in words, or "".

    Args:
        call: What is trained.
        before: The state before all of them.
        reference: The model's own.
        found: The trainer's.
        moved: The model's own from weights that are a few roundings off.
        in_the_mean: Whether few numbers of a weight or an average may be any.
    """
    for place, stage in enumerate(("training", "validation")):
        text = _compared_logs(reference.logs[place], found.logs[place], [each.logs[place] for each in moved])
        if text:
            return f"{stage} gives {text}"
    after = [each.after for each in moved]
    text = _compared_states(call, before, reference.after, found.after, after, in_the_mean=in_the_mean)
    return text and f"a step gives {text}"


def _compared_logs(reference: dict[str, Any], found: dict[str, Any], moved: Sequence[dict[str, Any]]) -> str:
    if sorted(reference) != sorted(found):
        return f"the metrics {', '.join(found) or 'none'} where the model itself gives {', '.join(reference) or 'none'}"
    for name, value in reference.items():
        allowed = MARGIN * max((_distance(value, each[name]) for each in moved), default=0.0)
        if not _distance(value, found[name]) <= allowed + 1e-4 * _size(value) + 1e-6:
            return f"{name} {found[name]!s:.20} where the model itself gives {value!s:.20}"
    return ""


def _compared_states(
    call: FitCall, before: State, reference: State, found: State, moved: Sequence[State], *, in_the_mean: bool
) -> str:
    # Where the optimizer keeps averages, they show the gradients, and a step may make much of little.
    averages = call.model.optimizer is not None and len(call.model.optimizer.variables) > 2
    weights = {id(each) for each in call.model.trainable_variables} if averages else set()
    for variable, value in zip(reference.variables, reference.values, strict=True):
        if _name(variable).startswith(LOSS_OF_AN_OUTPUT):
            continue
        # What the first step has built begins at zero.
        start = before.by_variable.get(id(variable), np.zeros_like(value))
        other = found.by_variable.get(id(variable))
        if other is None:
            return f"no {_name(variable)}"
        if value.dtype.kind != "f":
            if not np.array_equal(value, other):
                return f"another {_name(variable)}"
            continue
        margin = MARGIN * max((_distance(value, each.by_variable[id(variable)]) for each in moved), default=0.0)
        share = STEP_TOLERANCE if id(variable) in weights else TOLERANCE
        allowed = share * _distance(value, start) + ROUNDING * _size(value) + margin
        mean = TOLERANCE * 3 * _mean_distance(value, start) + ROUNDING * _size(value) + margin
        near = in_the_mean or _distance(value, other) <= allowed
        if not near and id(variable) in weights:
            decided = ~_undecided(call, variable, reference)
            near = bool((_apart(value, other)[decided] <= allowed).all())
        if not (near and _mean_distance(value, other) <= mean):
            return f"{_name(variable)} off by {_distance(value, other):.2g} of {_distance(value, start):.2g}"
    return ""


def _undecided(call: FitCall, weight: Any, reference: State) -> NDArray[Any]:
    """Where a weight may go either way: its optimizer's averages of it are zero but for what they are held to."""
    name = weight.path.replace("/", "_")
    kept = [each for each in call.model.optimizer.variables if _name(each).rpartition("/")[2].startswith(f"{name}_")]
    averages = [np.abs(reference.by_variable[id(each)]) for each in kept if each.shape == weight.shape]
    small = [each <= TOLERANCE * each.max(initial=0.0) for each in averages]
    return np.logical_and.reduce(small) if small else np.zeros(weight.shape, bool)


def _name(variable: Any) -> str:
    name: str = getattr(variable, "path", variable.name)
    return name


def _distance(a: Any, b: Any) -> float:
    """The largest difference; infinite where shapes differ, or one of two numbers is not finite."""
    return float(_apart(a, b).max(initial=0.0))


def _mean_distance(a: Any, b: Any) -> float:
    return float(_apart(a, b).mean()) if np.size(a) else 0.0


def _apart(a: Any, b: Any) -> NDArray[Any]:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind not in "biuf":
        return np.array(0.0 if np.array_equal(a, b) else np.inf)
    with np.errstate(all="ignore"):
        apart = np.asarray(np.abs(a - b, dtype=np.float64) if a.dtype.kind == "f" else np.abs(a.astype(float) - b))
    bad = ~np.isfinite(apart)
    if bad.any():
        apart[bad] = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.inf)[bad]
    return apart


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
