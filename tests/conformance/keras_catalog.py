"""What the installed Keras offers by public name, and values for the arguments of its constructors, by rule."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

HELPERS = frozenset(("get", "serialize", "deserialize"))
"""Functions that stand in every namespace and are nothing to train with."""


def public(namespace: str) -> dict[str, Any]:
    """Classes and functions of a namespace of Keras by their public names, each once whatever aliases it has.

    Args:
        namespace: Such as "layers" or "optimizers.schedules".
    """
    module = importlib.import_module(f"keras.{namespace}")
    found: dict[int, tuple[str, Any]] = {}
    for name in sorted(dir(module)):
        each = getattr(module, name)
        if name.startswith("_") or name in HELPERS or not callable(each):
            continue
        # Of several names the one that the object itself goes by.
        if id(each) not in found or name == each.__name__:
            found[id(each)] = name, each
    return dict(sorted(found.values()))


def classes(namespace: str) -> dict[str, type]:
    """The classes of a namespace by name."""
    return {name: each for name, each in public(namespace).items() if inspect.isclass(each)}


def functions(namespace: str) -> dict[str, Callable[..., Any]]:
    """The functions of a namespace by name."""
    return {name: each for name, each in public(namespace).items() if not inspect.isclass(each)}


def parameters(made: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named parameters of a constructor or function."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: each
        for name, each in inspect.signature(made).parameters.items()
        if each.kind not in kinds and name != "self"
    }


def required(made: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the parameters that have no default.

    Args:
        made: A constructor or function.
        values: Values by parameter name; a parameter that is not there is left out.
    """
    found = {name: values.get(name) for name, each in parameters(made).items() if each.default is each.empty}
    return {name: value for name, value in found.items() if value is not None}


def others(made: Callable[..., Any], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each parameter that has a default, with a value that is not it.

    A boolean is flipped, a number changed so that it still is of its kind (whole, below one, at least zero), and what
    is a choice or None by default takes what its name says.

    Args:
        made: A constructor or function.
        values: Values by parameter name or by its end, for those whose default does not tell.
    """
    for name, each in parameters(made).items():
        if each.default is each.empty or name in ("name", "dtype"):
            continue
        for value in _instead_of(each.default, _by_name(name, values)):
            if value != each.default or type(value) is not type(each.default):
                yield name, value


def _by_name(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    return next((value for key, value in values.items() if key.startswith("*") and name.endswith(key[1:])), None)


def _instead_of(default: Any, given: Any) -> tuple[Any, ...]:
    if isinstance(default, bool):
        return (not default,)
    if given is not None:
        return given if isinstance(given, tuple) else (given,)
    if isinstance(default, int):
        return (default + 1,)
    if isinstance(default, float):
        return (0.25 if default == 0 else default / 2,)
    return ()
