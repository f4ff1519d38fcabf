"""Functions and classes of the user's own that go by a name of Keras."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras_catalog import classes, functions, required
from layer_subjects import CHOICES as LAYER_CHOICES
from layer_subjects import NEEDED, is_random
from loss_subjects import ARGUMENTS as LOSS_ARGUMENTS
from metric_subjects import ARGUMENTS as METRIC_ARGUMENTS
from model_subjects import Build, compiled
from small_models import CLASSES, dense, tabular
from subjects import Subject
from trial_outcomes import Group

layers, ops = keras.layers, keras.ops


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the user's own that goes by a name of Keras."""

    def own(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    own.__name__ = own.__qualname__ = name
    return own


def of_named_activation(name: str) -> Iterator[Group]:
    """The trials of a user's activation that is called like one of Keras', within the model and as its head."""
    own = _named(name, lambda x: ops.sin(x) + 0.1 * x)
    ways: dict[str, Callable[[Any], Any]] = {
        "in a dense layer": lambda x: layers.Dense(4, activation=own)(x),
        "in an activation": lambda x: layers.Activation(own)(layers.Dense(4)(x)),
        "in a convolution": lambda x: layers.Flatten()(layers.Conv1D(2, 2, activation=own)(layers.Reshape((6, 1))(x))),
    }
    builds: dict[str, Build] = {"of Keras": lambda: dense(body=lambda x: layers.Dense(4, activation=name)(x))}
    builds |= {label: functools.partial(dense, body=body) for label, body in ways.items()}
    builds["as the head"] = lambda: compiled(
        keras.Sequential([keras.Input((6,)), layers.Dense(CLASSES, activation=own)]), loss="mse"
    )
    yield Group(builds, *tabular())


def of_named_function(namespace: str, name: str) -> Iterator[Group]:
    """The trials of a user's loss or metric that is called like one of Keras'."""
    own = _named(name, lambda y, y_pred: ops.mean(ops.abs(ops.cast(y, "float32") - y_pred) ** 1.5, axis=-1))
    given = {"loss": "mse", "metrics": ()}
    loss = namespace == "losses"
    builds: dict[str, Build] = {
        "of the user": lambda: dense("linear", **{**given, **({"loss": own} if loss else {"metrics": [own]})}),
        "of Keras": lambda: dense("linear", **{**given, **({"loss": name} if loss else {"metrics": [name]})}),
    }
    yield Group({**builds, "of the user again": builds["of the user"]}, *tabular("number"))


def of_named_class(namespace: str, name: str) -> Iterator[Group]:
    """The trials of a user's class that is called like one of Keras', is derived from it and does something else."""
    base = classes(namespace)[name]
    method = {"layers": "call", "losses": "call", "metrics": "result", "optimizers": "update_step"}[namespace]
    inherited = getattr(base, method, None)
    if inherited is None:
        return
    if namespace == "optimizers":
        own = type(name, (base,), {method: lambda self, gradient, *rest: inherited(self, gradient * 0.5, *rest)})
    else:
        own = type(name, (base,), {method: lambda self, *args, **kwargs: _halved(inherited(self, *args, **kwargs))})
    needed = required(base, {**LAYER_CHOICES, **NEEDED, **LOSS_ARGUMENTS, **METRIC_ARGUMENTS})
    made = {"of Keras": functools.partial(base, **needed), "of the user": functools.partial(own, **needed)}
    builds = {label: functools.partial(_with, namespace, make) for label, make in made.items()}
    target = "number" if namespace in ("losses", "metrics") else "ids"
    yield Group(builds, *tabular(target), same_draws=namespace != "layers" or not is_random(name))


def _halved(value: Any) -> Any:
    return keras.tree.map_structure(lambda each: each * 0.5, value)


def _with(namespace: str, make: Callable[[], Any]) -> keras.Model:
    if namespace == "layers":
        return dense(body=lambda x: make()(layers.Dense(6, activation="tanh")(x)))
    if namespace == "optimizers":
        return dense(optimizer=make())
    given: dict[str, Any] = {"loss": "mse", "metrics": ()}
    return dense("linear", **{**given, **({"loss": make()} if namespace == "losses" else {"metrics": [make()]})})


def subjects() -> list[Subject]:
    """One for each name of the installed Keras that a user may take."""
    found = [
        Subject(f"a user's {name}", functools.partial(of_named_activation, name)) for name in functions("activations")
    ]
    found += [
        Subject(f"a user's {namespace}.{name}", functools.partial(of_named_function, namespace, name))
        for namespace in ("losses", "metrics")
        for name in functions(namespace)
    ]
    return found + [
        Subject(f"a user's {namespace}.{name}", functools.partial(of_named_class, namespace, name))
        for namespace in ("layers", "losses", "metrics", "optimizers")
        for name in classes(namespace)
    ]
