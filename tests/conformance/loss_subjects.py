"""Every loss of Keras: by name, as a function, as an object with each other argument, with each head and target."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import keras
from keras_catalog import classes, functions, others, required
from small_models import HEADS, TARGETS, dense, tabular
from subjects import Subject, in_turn
from trial_outcomes import Group

CHOICES = {"axis": 0, "reduction": ("sum", "mean_with_sample_weight", None), "ignore_class": 2, "dtype": "float64"}
ARGUMENTS = {"delta": 0.1, "fn": keras.losses.mean_absolute_error}
FITTING = (
    ("softmax", "one-hot"),
    ("softmax", "ids"),
    ("sigmoid", "yes or no in a column"),
    ("linear", "number"),
    ("linear", "signs"),
    ("logits", "numbers"),
    ("logits", "ids in a column"),
    ("sigmoids", "one-hot"),
    ("softmax of one", "yes or no"),
)
"""Heads and targets that belong together; each loss is tried with all."""
ILL_CONDITIONED = 10
"""A loss of probabilities makes steps so large with outputs that are none that rounding grows."""


def forms(name: str) -> dict[str, Any]:
    """A loss in all its forms, by label: what `compile` is given, made anew by a call."""
    if (made := classes("losses").get(name)) is None:
        function = functions("losses")[name]
        return {"by name": lambda: name, "as a function": lambda: function}
    plain = functools.partial(made, **required(made, ARGUMENTS))
    found: dict[str, Any] = {"as an object": plain, "by the name of its class": lambda: name}
    for argument, value in others(made, CHOICES | ARGUMENTS):
        found[f"{argument}={value!r}"] = functools.partial(plain, **{argument: value})
    found["in a list"] = lambda: [plain()]
    return found


def _build(form: Any, head: str) -> keras.Model:
    return dense(head, loss=form())


def groups(name: str) -> Iterator[Group]:
    """The trials of a loss, by head and target."""
    for turn, (head, target) in enumerate(FITTING):
        builds = {
            f"{label}, {head} for {target}": functools.partial(_build, form, head)
            for label, form in in_turn(name, forms(name), turn).items()
        }
        open_ended = HEADS[head][1] == "linear"
        yield Group(builds, *tabular(target), tolerance=ILL_CONDITIONED if open_ended else 1.0)


def subjects() -> list[Subject]:
    """One for each loss of the installed Keras."""
    assert all(head in HEADS and target in TARGETS for head, target in FITTING)
    names = [*classes("losses"), *functions("losses")]
    return [Subject(f"losses.{name}", functools.partial(groups, name)) for name in names]
