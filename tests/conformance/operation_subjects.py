"""Every function of keras.ops, and Python's operators, within functional models."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras_catalog import functions, required
from small_models import dense, quiet, tabular
from subjects import Subject
from trial_outcomes import Group

layers, ops = keras.layers, keras.ops

ARGUMENTS = {
    "axis": 1,
    "repeats": 2,
    "shape": (-1, 6),
    "newshape": (-1, 6),
    "x_min": -0.3,
    "x_max": 0.4,
    "num_classes": 6,
    "dtype": "float32",
    "shift": 1,
    "k": 2,
    "q": 0.5,
    "threshold": 0.1,
    "default_value": 0.1,
    "pad_width": ((0, 0), (1, 1)),
    "indices": np.array([1, 3, 0]),
    "indices_or_sections": 2,
    "axis1": 0,
    "axis2": 1,
    "source": 1,
    "destination": 1,
    "start_indices": (0, 1),
    "target_shape": (44, 6),
    "subscripts": "ab->ab",
    "dims": (1,),
    "bins": np.array([-0.5, 0.0, 0.5]),
}
FORMS: dict[str, Callable[..., Any]] = {
    "of one": lambda function, one, other, **more: function(one, **more),
    "of two": lambda function, one, other, **more: function(one, other, **more),
    "of a list": lambda function, one, other, **more: function([one, other], **more),
    "of one and a number": lambda function, one, other, **more: function(one, 2, **more),
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "h + dense": operator.add,
    "h - dense": operator.sub,
    "h * dense": operator.mul,
    "h / dense": lambda one, other: one / (other + 3.0),
    "h ** 2": lambda one, _: one**2,
    "-h": lambda one, _: -one,
    "abs(h)": lambda one, _: abs(one),
    "h * 2": lambda one, _: one * 2,
    "2 * h": lambda one, _: 2 * one,
    "1 - h": lambda one, _: 1 - one,
    "h + 1": lambda one, _: one + 1,
    "h + array": lambda one, _: one + np.arange(6, dtype=np.float32),
    "h + h": lambda one, _: one + one,
    "h[:, :2]": lambda one, _: one[:, :2],
    "h[:, ::-1]": lambda one, _: one[:, ::-1],
    "h[..., None]": lambda one, _: layers.Flatten()(one[..., None]),
    "h > dense": lambda one, other: ops.cast(one > other, "float32"),
    "h // 1": lambda one, _: one // 0.3,
    "h % 1": lambda one, _: one % 0.3,
    "residual": lambda one, other: layers.Dense(6)(one + other) + one,
    "by keyword": lambda one, other: ops.add(x1=one, x2=other),
}


def _build(operation: Callable[[Any, Any], Any], first: bool) -> keras.Model:
    def body(inputs: Any) -> Any:
        one = inputs if first else layers.Dense(6, activation="sigmoid")(inputs)
        found = operation(one, layers.Dense(6)(inputs))
        return found if len(found.shape) == 2 else layers.Flatten()(found)

    return dense(body=body)


def operations(name: str) -> dict[str, Callable[[Any, Any], Any]]:
    """How a function can be called with one or two batches so that a batch of numbers comes of it, by label."""
    function, found = functions("ops")[name], {}
    for label, form in FORMS.items():
        named = {key: value for key, value in ARGUMENTS.items() if key in required(function, ARGUMENTS)}

        def operation(one: Any, other: Any, form: Any = form, named: Any = named) -> Any:
            return form(function, one, other, **named)

        try:
            one, other = (keras.KerasTensor((None, 6)) for _ in range(2))
            with quiet():
                output = operation(one, other)
        except Exception:
            continue
        fits = isinstance(output, keras.KerasTensor) and output.shape[:1] == (None,) and None not in output.shape[1:]
        if fits and len(output.shape) > 1 and "float" in keras.backend.standardize_dtype(output.dtype):
            found[label] = operation
    return found


def names() -> list[str]:
    """Functions of the installed keras.ops, but for those that give whatever the memory holds."""
    return [name for name in functions("ops") if not name.startswith("empty")]


def groups(name: str) -> Iterator[Group]:
    """The trials of a function: in every way it can be called, of the input and of what is trained."""
    builds = {
        f"{label}, {'first' if first else 'inner'}": functools.partial(_build, operation, first)
        for label, operation in operations(name).items()
        for first in (False, True)
    }
    if builds:
        yield Group(builds, *tabular())


def of_operators() -> Iterator[Group]:
    """The trials of Python's operators."""
    builds = {label: functools.partial(_build, each, False) for label, each in OPERATORS.items()}
    yield Group(builds, *tabular())


def subjects() -> list[Subject]:
    """One for each function of the installed keras.ops, and one for the operators."""
    found = [Subject(f"ops.{name}", functools.partial(groups, name)) for name in names()]
    return [Subject("operators", of_operators), *found]
