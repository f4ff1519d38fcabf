"""Every metric of Keras: by name, as a function, as an object with each other argument, with each head and target."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import keras
from keras_catalog import classes, functions, others, required
from loss_subjects import FITTING
from small_models import dense, tabular
from subjects import Subject, in_turn
from trial_outcomes import Group

ARGUMENTS = {
    "num_classes": 3,
    "target_class_ids": [1],
    "recall": 0.4,
    "precision": 0.4,
    "sensitivity": 0.4,
    "specificity": 0.4,
    "fn": keras.losses.mean_absolute_error,
}
CHOICES = {
    "thresholds": (0.3, [0.2, 0.6]),
    "class_id": 1,
    "average": ("macro", "micro"),
    "curve": "PR",
    "summation_method": "majoring",
    "class_aggregation": None,
    "axis": 0,
    "ignore_class": 2,
    "top_k": 2,
    "label_weights": ([0.3, 1.0, 0.5],),
    "num_labels": 3,
    "beta": 2.0,
    "sparse_y_pred": False,
}


def forms(name: str) -> dict[str, Any]:
    """A metric in all its forms, by label: what stands in the list of `compile`, made anew by a call."""
    if (made := classes("metrics").get(name)) is None:
        function = functions("metrics")[name]
        return {"by name": lambda: name, "as a function": lambda: function}
    plain = functools.partial(made, **required(made, ARGUMENTS))
    found: dict[str, Any] = {"as an object": plain, "by the name of its class": lambda: name}
    for argument, value in others(made, CHOICES | ARGUMENTS):
        found[f"{argument}={value!r}"] = functools.partial(plain, **{argument: value})
    found["with a name of its own"] = functools.partial(plain, name="own_name")
    return found


def fitting_loss(head: str, target: str) -> str:
    """A loss for a head and a target."""
    if head.startswith(("softmax", "sigmoid")) and not target.startswith("ids"):
        return "categorical_crossentropy" if head == "softmax" else "binary_crossentropy"
    return "sparse_categorical_crossentropy" if target.startswith("ids") else "mse"


def _build(form: Any, head: str, target: str, weighted: bool) -> keras.Model:
    # Probabilities are what logits are not: the head may be kept out of the loss but not of the metrics.
    given = {"weighted_metrics": [form()]} if weighted else {"metrics": [form()]}
    return dense(head, loss=fitting_loss(head, target), **{"metrics": (), **given})


def groups(name: str) -> Iterator[Group]:
    """The trials of a metric, by head and target."""
    made = forms(name)
    plain = next(iter(made.values()))
    ways = {label: functools.partial(_build, form, weighted=False) for label, form in made.items()}
    ways["weighted"] = functools.partial(_build, plain, weighted=True)
    for turn, (head, target) in enumerate(FITTING):
        builds = {
            f"{label}, {head} for {target}": functools.partial(build, head=head, target=target)
            for label, build in in_turn(name, ways, turn).items()
        }
        yield Group(builds, *tabular(target))


def subjects() -> list[Subject]:
    """One for each metric of the installed Keras."""
    names = [*classes("metrics"), *functions("metrics")]
    return [Subject(f"metrics.{name}", functools.partial(groups, name)) for name in names]
