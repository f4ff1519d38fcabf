"""What an object is: by itself and by all that it was made with, since a configuration may leave something out."""

from __future__ import annotations

import inspect
import json
from typing import Any

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
        return json.dumps([type(thing).__module__, type(thing).__qualname__, config], sort_keys=True)
    # What is within it may have no configuration, or none that is plain.
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None


def _is_default(thing: Any, name: str, default: Any) -> bool:
    # By identity: comparing what was made with it may give anything.
    return default in (None, True, False) and getattr(thing, name, thing) is default
