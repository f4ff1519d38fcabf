"""What the sweep is over: each object of Keras with the trials that are to be the same by every engine."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterable, Iterator

import pytest
from engine_comparison import compare
from trial_outcomes import Group

MOST_TRIALS = 8
"""Of one search."""


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
    """Train all trials of a subject by every engine.

    Args:
        subject: What is to be the same.

    Raises:
        pytest.fail.Exception: Something differs; one line for each.
    """
    _report(subject, (each for group in subject.groups() for part in parts(group) for each in compare(part)))


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


def parts(group: Group) -> Iterator[Group]:
    """A group in searches of a few trials, each with its first one before the others.

    Args:
        group: The trials.
    """
    labels = list(group.builds)
    for begin in range(1, max(len(labels), 2), MOST_TRIALS - 1):
        few = [labels[0], *labels[begin : begin + MOST_TRIALS - 1]]
        yield dataclasses.replace(group, builds={label: group.builds[label] for label in few})
