"""Ranges that a user changes: checked against what was declared, in the names and values that people use."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from kzoo.zoo.hyperparameters import Choice, Float, Hyperparameter, Int, Value
from kzoo.zoo.names import complement


def changed(declared: Hyperparameter, fields: Mapping[str, Any], name: str, *, flipped: bool) -> Hyperparameter:
    """A declaration with some fields changed.

    A default that falls outside the new range moves to its nearest end. A number may get a list of values in the place
    of a range.

    Args:
        declared: The declaration.
        fields: The fields: {"low": 8, "high": 64}, {"values": ("adam", "sgd")}, ...
        name: What the user called it.
        flipped: Whether bounds, values and default are given as complements of the declared ones.

    Raises:
        ValueError: A field is not known, or has a value that the hyperparameter cannot take.
    """
    known = {field.name for field in dataclasses.fields(declared)} - {"name", "when"}
    if isinstance(declared, Float | Int):
        known |= {"values"}
    for field in fields:
        if field in ("low", "high", "values") and field not in known:
            kinds = f"one of {', '.join(map(str, declared.values))}" if isinstance(declared, Choice) else "yes or no"
            raise ValueError(f"{name} is {kinds}, which has no {'range' if field != 'values' else 'list of values'}.")
        if field not in known:
            raise ValueError(f"{name}: no field {field!r} to change; there are {', '.join(sorted(known))}.")
    if isinstance(declared, Choice):
        return _with_choices(declared, dict(fields), name)
    if not isinstance(declared, Float | Int):
        return dataclasses.replace(declared, **fields)
    if "values" in fields:
        if "low" in fields or "high" in fields:
            raise ValueError(f"{name} has values as well as a range; give one of the two.")
        return _listed(declared, dict(fields), name, flipped=flipped)
    return _with_bounds(declared, dict(fields), name, flipped=flipped)


def example_of(declared: Hyperparameter, *, flipped: bool) -> str:
    """The range of a declaration as `--range` takes it: "8:64", "adam,sgd"."""
    if isinstance(declared, Float | Int):
        ends = [declared.low, declared.high]
        low, high = sorted(map(complement, ends)) if flipped else ends
        return f"{low:g}:{high:g}"
    return ",".join(map(str, declared.values)) if isinstance(declared, Choice) else ""


def _with_bounds(declared: Float | Int, fields: dict[str, Any], name: str, *, flipped: bool) -> Hyperparameter:
    given = [_number(declared, fields[end], name) for end in ("low", "high", "default") if end in fields]
    if flipped:
        if not all(0 <= bound < 1 for bound in given):
            raise ValueError(f"{name} needs bounds in [0, 1).")
        other = {"low": "high", "high": "low", "default": "default"}
        fields = {other.get(key, key): complement(each) if key in other else each for key, each in fields.items()}
    low, high = fields.get("low", declared.low), fields.get("high", declared.high)
    if not low < high:
        ends = [complement(high), complement(low)] if flipped else [low, high]
        raise ValueError(f"{name} needs a low end below the high one, not {ends[0]:g} to {ends[1]:g}.")
    scale = fields.get("scale", declared.scale)
    if low <= 0 and scale == "log":
        raise ValueError(f"{name} is drawn on a log scale: its low end must be above 0, not {low:g}.")
    if low < 0:
        raise ValueError(f"{name} cannot be below 0; its low end is {low:g}.")
    if isinstance(declared, Float):
        fields |= {"low": float(low), "high": float(high)}
    fields.setdefault("default", _inside(declared, low, high))
    made = dataclasses.replace(declared, **fields)
    for end in (made.low, made.high):
        made.check(end)
    return made


def _inside(declared: Float | Int, low: float, high: float) -> float:
    """The default, moved to what a changed range holds."""
    default = min(max(float(declared.default), low), high)
    if isinstance(declared, Float):
        return default
    if declared.factor is None:
        return int(default)
    # Only low * factor ** k are drawn.
    steps = [math.log(end / low, declared.factor) for end in (default, high)]
    return int(low * declared.factor ** min(round(steps[0]), math.floor(steps[1] + 1e-9)))


def _number(declared: Float | Int, value: Any, name: str) -> float:
    whole = isinstance(declared, Int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
        raise ValueError(f"{name} needs {'whole numbers' if whole else 'numbers'}, not {value}.")
    return value


def _with_choices(declared: Choice, fields: dict[str, Any], name: str) -> Hyperparameter:
    if "values" in fields:
        fields["values"] = values = _distinct(fields["values"], name)
        numeric = all(isinstance(each, int) and not isinstance(each, bool) for each in declared.values)
        for value in values:
            if value not in declared.values and not (numeric and isinstance(value, int) and value > 0):
                raise ValueError(f"{name} has no {value!r}; there are {', '.join(map(str, declared.values))}.")
        fields.setdefault("default", declared.default if declared.default in values else values[0])
    return dataclasses.replace(declared, **fields)


def _listed(declared: Float | Int, fields: dict[str, Any], name: str, *, flipped: bool) -> Choice:
    """A choice among a few of the numbers that a declaration allows."""
    values = sorted(_number(declared, each, name) for each in _distinct(fields["values"], name))
    if flipped:
        if not all(0 <= value < 1 for value in values):
            raise ValueError(f"{name} needs values in [0, 1).")
        values = sorted(map(complement, values))
    checked = tuple(declared.check(value) for value in values)
    default = fields.get("default", min(checked, key=lambda value: abs(float(value) - float(declared.default))))
    return Choice(
        name=declared.name,
        values=checked,
        ordered=True,
        default=default,
        priority=fields.get("priority", declared.priority),
        help=fields.get("help", declared.help),
        when=declared.when,
    )


def _distinct(values: Sequence[Value], name: str) -> tuple[Value, ...]:
    given = tuple(values)
    if not given or len(set(given)) != len(given):
        raise ValueError(f"{name} needs values to choose among, each once.")
    return given
