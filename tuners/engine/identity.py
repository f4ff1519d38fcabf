"""What an object is: by itself and by all that it was made with, since a configuration may leave something out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from tuners.private_apis import arguments_of_function

WITHOUT_EFFECT = ("name", "dtype", "seed", "weights", "args", "kwargs")
"""Arguments that say nothing of what is computed, or are looked at elsewhere: dtypes, weights and random states."""


def is_of_keras(thing: Any) -> bool:
    """Whether an object is of a class of Keras' own, or a function is."""
    # A function tells by itself; one of the user's may have the name of one of Keras'.
    of = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    return str(getattr(of, "__module__", "")).startswith("keras.")


def complete_config(thing: Any) -> str | None:
    """The configuration of an object as a text; None where it does not tell all that the object was made with.

    An argument of its class that is not in it may still be at its default, where an attribute of the object tells.

    Args:
        thing: A layer, loss, metric, regulariser, constraint or the like.
    """
    try:
        config = {**(arguments_of_function(thing) or {}), **thing.get_config()}
        parameters = inspect.signature(type(thing).__init__).parameters
        for name, parameter in list(parameters.items())[1:]:
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or name in WITHOUT_EFFECT:
                continue
            if name not in config and not _is_default(thing, name, parameter.default):
                return None
        config.pop("name", None)
        return json.dumps([type(thing).__module__, type(thing).__qualname__, config], sort_keys=True)
    # What is within it may have no configuration, or none that is plain.
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None


def _is_default(thing: Any, name: str, default: Any) -> bool:
    # By identity: comparing what was made with it may give anything.
    return default in (None, True, False) and getattr(thing, name, thing) is default


def layers_within(model: keras.Model) -> Iterator[keras.Layer]:
    """A model and every layer in its attributes and theirs: what it is made of, wraps or keeps, each once."""
    seen: set[int] = set()
    left: list[Any] = [model]
    while left:
        each = left.pop()
        if isinstance(each, list | tuple | dict):
            left += each.values() if isinstance(each, dict) else each
        elif isinstance(each, keras.Layer) and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += vars(each).values()


def variables_within(model: keras.Model) -> list[Any]:
    """All variables of a compiled model that training may change, each once and in the order of its structure.

    Those that a layer keeps without Keras knowing are among them, such as the states of a recurrent layer. The
    optimizer's and those of metrics come last.
    """
    kept = (each for layer in layers_within(model) for value in vars(layer).values() for each in _listed(value))
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    found = (*model.variables, *filter(_is_variable, kept), *optimizer, *model.metrics_variables)
    return list({id(each): each for each in found}.values())


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _is_variable(value: Any) -> bool:
    return isinstance(value, keras.Variable | tf.Variable)
