"""Types of what has been read from a file, which may be anybody's."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any


def check_types(record: Any) -> None:
    """Refuse a dataclass with a value of another type than its field has.

    Raises:
        TypeError: There is one.
    """
    kinds = typing.get_type_hints(type(record))
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if not _fits(value, kinds[field.name]):
            raise TypeError(f"{field.name} is {str(value)[:40]!r}, which is of another type")


def _fits(value: Any, kind: Any) -> bool:
    outer, inner = typing.get_origin(kind), typing.get_args(kind)
    if outer is types.UnionType:
        return any(_fits(value, each) for each in inner)
    if outer is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if outer is not None and issubclass(outer, Mapping):
        return isinstance(value, Mapping) and all(_fits(each, inner[1]) for each in value.values())
    if kind in (int, float) and isinstance(value, bool):
        return False
    return kind is Any or isinstance(value, (int, float) if kind is float else kind)
