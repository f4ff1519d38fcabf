"""Sets of hyperparameters, and the two ways to get values from them.

`tunable_values` registers a space with keras-tuner, `resolve_values` takes defaults and given values where nothing is
tuned; a model builder sees one mapping of values either way.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kzoo.zoo.hyperparameters import Choice, Float, Hyperparameter, Int, Value

ONE_MINUS = "one_minus_"


class Space:
    """An ordered set of hyperparameters, each after the one that its condition names.

    Args:
        hyperparameters: The declarations.
        without: Names of declarations that were left out, since they have no effect on the task.

    Raises:
        ValueError: A name is declared twice, or a condition names something not declared before.
    """

    def __init__(self, hyperparameters: Iterable[Hyperparameter], without: Iterable[str] = ()) -> None:
        self._without = frozenset(without)
        self._by_name: dict[str, Hyperparameter] = {}
        for declared in hyperparameters:
            if declared.name in self._by_name:
                raise ValueError(f"Hyperparameter {declared.name!r} is declared twice.")
            if declared.when and declared.when.parent not in self._by_name:
                raise ValueError(f"{declared.name!r} depends on {declared.when.parent!r}, not declared before it.")
            self._by_name[declared.name] = declared

    def __iter__(self) -> Iterator[Hyperparameter]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Hyperparameter:
        return self._by_name[name]

    def find(self, name: str) -> list[str]:
        """Full names that `name` may stand for: itself, or those named under a choice ("sgd/learning_rate")."""
        if name in self:
            return [name]
        return [d.name for d in self if d.when and d.name in {f"{choice}/{name}" for choice in d.when.values}]

    def unknown(self, name: str) -> ValueError:
        """The error to raise for a name that is not declared, with the nearest ones."""
        if name in self._without:
            return ValueError(f"{name} has no effect: the task has no category of so many words that they are coded.")
        near = difflib.get_close_matches(name, list(self._by_name), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(self._by_name)}."
        return ValueError(f"No hyperparameter is called {name!r}{hint}")

    def replace(self, ranges: Mapping[str, Mapping[str, Any]]) -> Space:
        """The same space with some declarations changed.

        Args:
            ranges: For a name, the fields to change: {"units": {"low": 8, "high": 64, "default": 16}}. A default that
                falls outside the new range moves to its nearest end.

        Returns:
            A new space.

        Raises:
            ValueError: A name or field is not known, or a range is empty.
        """
        for name in ranges:
            if name not in self:
                raise self.unknown(name)
        return Space((_changed(declared, ranges.get(declared.name, {})) for declared in self), self._without)


def _changed(declared: Hyperparameter, fields: Mapping[str, Any]) -> Hyperparameter:
    fields = dict(fields)
    known = {field.name for field in dataclasses.fields(declared)} - {"name", "when"}
    for field in fields:
        if field not in known:
            raise ValueError(f"{declared.name}: no field {field!r} to change; there are {', '.join(sorted(known))}.")
    if isinstance(declared, Float | Int) and "default" not in fields:
        low, high = fields.get("low", declared.low), fields.get("high", declared.high)
        fields["default"] = min(max(declared.default, low), high)
    if isinstance(declared, Choice) and "values" in fields:
        fields["values"] = tuple(fields["values"])
        fields.setdefault("default", fields["values"][0])
    return dataclasses.replace(declared, **fields)


def _applies(declared: Hyperparameter, values: Mapping[str, Value]) -> bool:
    return declared.when is None or values.get(declared.when.parent) in declared.when.values


def expand_names(space: Space, given: Mapping[str, Any]) -> dict[str, Value]:
    """Checked values under their full names.

    `learning_rate` stands for the learning rate of whichever optimizer is chosen, and `momentum` for
    `momentum/one_minus_momentum`, with the complement taken.

    Args:
        space: The declarations.
        given: Values under full or short names.

    Returns:
        Values under full names. A short name that several hyperparameters share sets each of them.

    Raises:
        ValueError: A name is not known, or a value is not one that its hyperparameter can take.
    """
    expanded: dict[str, Value] = {}
    for name, value in given.items():
        names, complement = space.find(name), False
        if not names:
            head, _, tail = name.rpartition("/")
            names = space.find(f"{head}/{ONE_MINUS}{tail}" if head else ONE_MINUS + tail)
            complement = True
        if not names:
            raise space.unknown(name)
        if complement:
            value = _complement(name, value)
        for full in names:
            expanded[full] = space[full].check(value)
    return expanded


def _complement(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}; expected a number in [0, 1), such as 0.9.")
    # Rounded, since 1 - 0.9 is 0.09999999999999998 in binary and people read these values back.
    return round(1.0 - value, 12)


def fixed_values(space: Space, given: Mapping[str, Any], *, priority: int) -> dict[str, Value]:
    """Values not to tune, by full name.

    Args:
        space: The declarations.
        given: Values by full or short name.
        priority: Highest priority number that is tuned; 0 where nothing is.

    Returns:
        Checked values by full name.

    Raises:
        ValueError: As `expand_names`, or a value is given for a hyperparameter that can never apply, since the one that
            it depends on has settled on another value.
    """
    fixed = expand_names(space, given)
    settled = {d.name: fixed.get(d.name, d.default) for d in space if d.name in fixed or d.priority > priority}
    for name, value in given.items():
        conditions = [space[full].when for full in expand_names(space, {name: value})]
        blocked = [
            when for when in conditions if when and when.parent in settled and settled[when.parent] not in when.values
        ]
        if len(blocked) == len(conditions):
            raise ValueError(
                f"{name} has no effect: it applies where {blocked[0].parent} is "
                f"{' or '.join(str(value) for when in blocked for value in when.values)}, and {blocked[0].parent} is "
                f"{settled[blocked[0].parent]}."
            )
    return fixed


def resolve_values(space: Space, given: Mapping[str, Any]) -> dict[str, Value]:
    """The values that a builder gets where nothing is tuned.

    Args:
        space: The declarations.
        given: Values by full or short name; what is not given is at its default.

    Returns:
        The values of the hyperparameters that apply, by full name.

    Raises:
        ValueError: As `fixed_values`.
    """
    fixed = fixed_values(space, given, priority=0)
    values: dict[str, Value] = {}
    for declared in space:
        if _applies(declared, values):
            values[declared.name] = fixed.get(declared.name, declared.default)
    return values


def tunable_values(
    hp: Any, space: Space, *, priority: int = 3, fixed: Mapping[str, Value] | None = None
) -> dict[str, Value]:
    """Register the hyperparameters to tune and return the values that apply in this trial.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        space: The declarations.
        priority: Highest priority number to tune; what has a higher one stays at its default.
        fixed: Values by full name that are not tuned.

    Returns:
        The values of the hyperparameters that apply, by full name, fixed ones and defaults included.
    """
    fixed = fixed or {}
    values: dict[str, Value] = {}
    tuned: set[str] = set()
    for declared in space:
        applies, when = _applies(declared, values), declared.when
        if declared.name in fixed or declared.priority > priority:
            value: Value | None = fixed.get(declared.name, declared.default)
        elif when is None or when.parent not in tuned:
            if not applies:  # The one that it depends on is settled, so it can never apply.
                continue
            value = declared.register(hp)
            tuned.add(declared.name)
        else:
            # Those that do not apply are registered too, so that an oracle knows the whole space from the first build.
            with hp.conditional_scope(when.parent, list(when.values)):
                value = declared.register(hp)
            tuned.add(declared.name)
        if applies and value is not None:
            values[declared.name] = value
    return values
