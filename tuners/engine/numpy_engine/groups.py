"""Which members are trained together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tuners.engine.numpy_engine.member import Member

MOST_WEIGHTS = 2**17
"""Of all members of a group: with more, arithmetic takes most of the time, and moments no longer fit in the cache."""

MOST_EXAMPLES = 640
"""In a step of all members of a group; likewise."""

MOST_ADDED = (0.5, 4096)
"""Weights that are added to make all members as wide as the widest: a share of the members' own, and so many each."""


def groups(members: Sequence[Member]) -> list[list[int]]:
    """Numbers of the members of each group.

    Args:
        members: What is to be trained.
    """
    alike: dict[Any, list[int]] = {}
    for number, member in enumerate(members):
        alike.setdefault(_key(member), []).append(number)
    return [group for numbers in alike.values() for group in _parts(members, numbers)]


def _key(member: Member) -> Any:
    program, measured = member.program, member.scoring
    same_width = not (program.keeps_zero and member.rule.keeps_zero)
    return (
        program.key(),
        tuple(program.shapes()) if same_width else None,
        (measured.names, measured.kinds, measured.head, id(measured.loss)),
        member.rule.update,
        (member.batch_size, member.steps, member.training.weights is None),
        member.holdout is None or member.holdout.weights is None,
        (member.training.x.shape[1:], member.training.y.shape[1:]),
    )


def _parts(members: Sequence[Member], numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    # From narrow to wide, so that neighbours need few units more.
    for number in sorted(numbers, key=lambda each: _size(members[each].program.shapes())):
        if found and _is_worth_it([members[each] for each in (*found[-1], number)]):
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _is_worth_it(group: Sequence[Member]) -> bool:
    """Whether the calls that are saved take longer than what is computed more."""
    shapes = [member.program.shapes() for member in group]
    widest = [np.max(of_one_weight, axis=0) for of_one_weight in zip(*shapes, strict=True)]
    own, total = sum(map(_size, shapes)), len(group) * _size(widest)
    share, each = MOST_ADDED
    return (
        total <= MOST_WEIGHTS
        and len(group) * group[0].batch_size <= MOST_EXAMPLES
        and total - own <= share * own + each * len(group)
    )


def _size(shapes: Sequence[Any]) -> int:
    return sum(math.prod(map(int, shape)) for shape in shapes)
