"""Sets of hyperparameters, and the two ways to get values from them.

`tunable_values` registers a space with keras-tuner, `resolve_values` takes defaults and given values where nothing is
tuned; a model builder sees one mapping of values either way.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kzoo.zoo.hyperparameters import Hyperparameter, Value
from kzoo.zoo.names import ONE_MINUS, complement, shown_name
from kzoo.zoo.ranges import changed


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

    def find(self, name: str) -> tuple[list[str], bool]:
        """What a name stands for.

        Args:
            name: A full name; one that belongs to a choice, without it ("learning_rate"); or one as it is shown to
                people ("momentum" for "momentum/one_minus_momentum").

        Returns:
            The full names, and whether the name is that of their complement.

        Raises:
            ValueError: It is not known; the message says which are near.
        """
        names = self._declared(name)
        if names:
            return names, False
        head, _, tail = name.rpartition("/")
        names = self._declared(f"{head}/{ONE_MINUS}{tail}" if head else ONE_MINUS + tail)
        if not names:
            raise self.unknown(name)
        return names, True

    def _declared(self, name: str) -> list[str]:
        if name in self:
            return [name]
        return [d.name for d in self if d.when and d.name in {f"{choice}/{name}" for choice in d.when.values}]

    def unknown(self, name: str) -> ValueError:
        """The error to raise for a name that is not declared, with the nearest ones."""
        if name in self._without:
            return ValueError(f"{name} has no effect: the task has no category of so many words that they are coded.")
        shown = [shown_name(each.name) for each in self]
        short = [each.rpartition("/")[2] for each in shown]
        near = difflib.get_close_matches(name, dict.fromkeys([*shown, *short]), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(shown)}."
        return ValueError(f"No hyperparameter is called {name!r}{hint}")

    def replace(self, ranges: Mapping[str, Mapping[str, Any]], *, priority: int | None = None) -> Space:
        """The same space with some declarations changed.

        Args:
            ranges: For a name, as `find` takes it, the fields to change: {"units": {"low": 8, "high": 64, "default":
                16}}, {"momentum": {"low": 0.8, "high": 0.99}}, {"optimizer": {"values": ("adam", "sgd")}}. A default
                that falls outside the new range moves to its nearest end.
            priority: Highest priority number that is tuned; what is named here is tuned whatever its own.

        Returns:
            A new space.

        Raises:
            ValueError: A name or field is not known, two names stand for the same hyperparameter, or a range is
                none that it can have.
        """
        new: dict[str, Hyperparameter] = {}
        for name, fields in ranges.items():
            names, flipped = self.find(name)
            for full in names:
                if full in new:
                    raise ValueError(f"{name} is given a range twice, the other time under another name.")
                new[full] = changed(self[full], fields, name, flipped=flipped)
                if priority is not None and new[full].priority > priority:
                    new[full] = dataclasses.replace(new[full], priority=priority)
        return Space((new.get(declared.name, declared) for declared in self), self._without)


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
        names, flipped = space.find(name)
        for full in names:
            expanded[full] = space[full].check(_complement(name, value) if flipped else value)
    return expanded


def _complement(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}; expected a number in [0, 1), such as 0.9.")
    return complement(value)


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
    for name in given:
        _check_effect(space, name, fixed, priority=priority)
    return fixed


def reachable(space: Space, fixed: Mapping[str, Value], *, priority: int) -> dict[str, frozenset[Value]]:
    """The hyperparameters that can apply, each with what it can be where another one may depend on it.

    Args:
        space: The declarations.
        fixed: Values not to tune, by full name.
        priority: Highest priority number that is tuned; 0 where nothing is.

    Returns:
        Values by full name; of a number that is tuned, none.
    """
    found: dict[str, frozenset[Value]] = {}
    for each in space:
        if each.when is None or found.get(each.when.parent, frozenset()) & set(each.when.values):
            if each.name in fixed or each.priority > priority:
                found[each.name] = frozenset([fixed.get(each.name, each.default)])
            else:
                found[each.name] = frozenset(getattr(each, "values", (True, False)))
    return found


def tuned(space: Space, fixed: Mapping[str, Value], *, priority: int) -> list[Hyperparameter]:
    """The declarations of what a search tunes; see `reachable` for the arguments."""
    names = reachable(space, fixed, priority=priority)
    return [each for each in space if each.name in names and each.name not in fixed and each.priority <= priority]


def _check_effect(space: Space, name: str, fixed: Mapping[str, Value], *, priority: int) -> None:
    """Refuse a hyperparameter that can never apply, since the one that it depends on can have no such value."""
    found = reachable(space, fixed, priority=priority)
    names, _ = space.find(name)
    if not any(full in found for full in names):
        conditions = [space[full].when for full in names]
        parent = next(when.parent for when in conditions if when)
        wanted = [str(value) for when in conditions if when for value in when.values]
        stands = " or ".join(map(str, sorted(found.get(parent, ["not there"]))))
        raise ValueError(
            f"{name} has no effect: it applies where {parent} is {' or '.join(wanted)}, and {parent} is {stands}."
        )


def asked_space(
    space: Space, *, priority: int, fixed: Mapping[str, Any], ranges: Mapping[str, Mapping[str, Any]]
) -> tuple[Space, dict[str, Value]]:
    """What a user asks for: the space, and the values that are not tuned, by full name.

    Args:
        space: The declarations.
        priority: See `create_hypermodel`.
        fixed: See `create_hypermodel`.
        ranges: See `create_hypermodel`.

    Raises:
        ValueError: A name, range or value is wrong, has no effect, or is given twice.
    """
    space = space.replace(ranges, priority=priority)
    settled = fixed_values(space, fixed, priority=priority)
    for name in ranges:
        names, _ = space.find(name)
        if any(full in settled for full in names):
            raise ValueError(f"{name} has a value that is fixed and a range; give one of the two.")
        _check_effect(space, name, settled, priority=priority)
    return space, settled


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
    names = {each.name for each in tuned(space, fixed, priority=priority)}
    for declared in space:
        applies, when = _applies(declared, values), declared.when
        if declared.name not in names:
            value: Value | None = fixed.get(declared.name, declared.default)
        elif when is None or when.parent not in names:
            value = declared.register(hp)
        else:
            # Those that do not apply are registered too, so that an oracle knows the whole space from the first build.
            with hp.conditional_scope(when.parent, list(when.values)):
                value = declared.register(hp)
        if applies and value is not None:
            values[declared.name] = value
    return values
