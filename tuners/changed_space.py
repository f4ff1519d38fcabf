"""A search that goes on with another space: what is declared now is followed where its values mean the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras_tuner

from tuners.private_apis import RecalledSpace, identity
from tuners.space.dimensions import Dimension, cube_from_space
from tuners.store.journal import JournalError

Identity = tuple[str, str]


class SpaceChanged(keras_tuner.errors.FatalRuntimeError, JournalError):
    """A hyperparameter is declared in a way that the search in the directory cannot go on with."""


def recalled(space: keras_tuner.HyperParameters, awaited: Iterable[Identity]) -> RecalledSpace:
    """A copy of a space in which those that are awaited may be declared anew."""
    made: RecalledSpace = RecalledSpace.from_config(space.get_config())
    made.awaited, made.follow = set(awaited), followed
    return made


def followed(old: Any, new: Any, value: Any = None) -> Any:
    """The value that a hyperparameter has when its declaration has changed.

    Args:
        old: Its declaration when the search was begun.
        new: Its declaration now.
        value: What was chosen by the old one, or None.

    Returns:
        The value where the new declaration has it, else one that is as far between the new ends; None for None.

    Raises:
        SpaceChanged: The values of one are numbers, and those of the other are words, say.
    """
    before, now = dimension_of(old), dimension_of(new)
    if before.of != now.of:
        raise SpaceChanged(
            f"The hyperparameter {now.name!r} is {now.range} now, and was {before.range} when the search in this "
            "directory was begun: it cannot go on. Choose another directory or project_name, or another name for the "
            "hyperparameter, or pass `overwrite=True`."
        )
    if value is None:
        return None
    if not now.holds(value):
        return now.to_value(before.to_unit(value))
    near = now.to_value(now.to_unit(value))
    same = near == value or (isinstance(near, float) and math.isclose(near, value, rel_tol=1e-9))
    return value if same else near


def dimension_of(declaration: Any) -> Dimension:
    """The dimension of a hyperparameter by itself."""
    config = {"class_name": type(declaration).__name__, "config": declaration.get_config()}
    return cube_from_space([config]).dimensions[0]


def redeclared(space: keras_tuner.HyperParameters, seen: keras_tuner.HyperParameters) -> list[Any]:
    """Declarations in `seen` that differ from those of the same identity in `space`."""
    known = {identity(each): each.get_config() for each in space.space}
    return [each for each in seen.space if known.get(identity(each), each.get_config()) != each.get_config()]
