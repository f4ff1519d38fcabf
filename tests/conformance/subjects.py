"""What the sweep is over: each object of Keras with the trials that are to be the same by every engine."""

from __future__ import annotations

import dataclasses
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from engine_comparison import ENGINES, compare
from trial_outcomes import Group

MOST_TRIALS = 8
"""Of one search."""

TURNS = 4
"""Of how many heads and targets a form is tried with one."""

PART, PARTS = map(int, os.environ.get("KZOO_CONFORMANCE_PART", "1/1").split("/"))
"""Which part of the trials of each group a full run takes, beside the first one, such as 2/4."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """An object of Keras, or a way to use it.

    Attributes:
        name: Its public name.
        groups: Gives its trials; what is given first is the plainest.
    """

    name: str
    groups: Callable[[], Iterable[Group]]


def every(subjects: Iterable[Subject]) -> list[object]:
    """All subjects, for `pytest.mark.parametrize`; only a full run has them."""
    marks = (pytest.mark.conformance_full, pytest.mark.timeout(1800))
    return [pytest.param(each, id=each.name, marks=marks) for each in subjects]


def share(subjects: Iterable[Subject], one_of: int) -> list[object]:
    """One of so many subjects by a checksum of its name, so that what is new in Keras may be among them."""
    by_checksum = sorted(subjects, key=lambda each: zlib.crc32(each.name.encode()))
    return [pytest.param(each, id=each.name) for each in by_checksum[::one_of]]


def check(subject: Subject) -> None:
    """Train the trials of a subject by every engine.

    Args:
        subject: What is to be the same.

    Raises:
        pytest.fail.Exception: Something differs; one line for each.
    """
    _report(subject, (each for group in subject.groups() for each in _compared(group)))


def _compared(group: Group) -> Iterator[str]:
    # In a model that nobody looks at "auto" leaves less.
    yield from compare(group.first(1), ("auto",))
    for few in searches(group):
        yield from compare(few, ENGINES, unseen=())


def check_first(subject: Subject, trials: int = 2) -> None:
    """Train the first trials of a subject by "auto" alone."""
    first = next(iter(subject.groups()), None)
    if first is not None:
        few = first.first(trials if first.same_draws else 1)
        _report(subject, compare(few, ("auto",), unseen=()))


def _report(subject: Subject, found: Iterable[str]) -> None:
    lines = [f"{subject.name} {each}" for each in found]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def in_turn(subject: str, forms: Mapping[str, Any], turn: int) -> dict[str, Any]:
    """The plainest form of an object, and of the others those whose turn it is.

    Where forms are to be tried with many heads and targets, all of these with all of those would be a day of training.
    Each form comes with some, and over all subjects each argument with all.

    Args:
        subject: The object's name.
        forms: By label, the plainest one first.
        turn: The number of the head and target.
    """
    plainest = next(iter(forms))
    return {
        label: form
        for label, form in forms.items()
        if label == plainest or (zlib.crc32(f"{subject} {label}".encode()) + turn) % TURNS == 0
    }


def searches(group: Group, part: int = PART, parts: int = PARTS) -> Iterator[Group]:
    """The trials of a group, or a part of them, in searches of a few, each with the first one before the others.

    Args:
        group: The trials.
        part: Which part, from 1.
        parts: How many there are; what is in one is told by a checksum of its label.
    """
    first, *others = group.builds
    others = [label for label in others if zlib.crc32(label.encode()) % parts == part - 1]
    for begin in range(0, max(len(others), 1), MOST_TRIALS - 1):
        few = [first, *others[begin : begin + MOST_TRIALS - 1]]
        yield dataclasses.replace(group, builds={label: group.builds[label] for label in few})
