"""Which members are trained together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tuners.engine.population.member import Member

MOST_WEIGHTS = 2**17
"""Of all members of a group: with more, arithmetic takes most of the time, and moments no longer fit in the cache."""

MOST_ADDED = (0.5, 4096)
"""Weights that are added, to make all members as wide as the widest: a share of the members' own, and each.

Arithmetic with as many takes less time than the calls that are saved.
"""


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
    same_width = not (program.keeps_zero() and member.rule.keeps_zero)
    return (
        program.key(),
        tuple(program.shapes()) if same_width else None,
        (measured.names, measured.kinds, measured.head, id(measured.loss)),
        member.rule.key(),
        (member.batch_size, member.steps, member.training.weights is None),
        member.holdout is None or member.holdout.weights is None,
        (member.training.x.shape[1:], member.training.y.shape[1:]),
    )


def _parts(members: Sequence[Member], numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    own = 0
    # From narrow to wide, so that neighbours need few units more.
    for number in sorted(numbers, key=lambda each: _size(members[each].program.shapes())):
        size = _size(members[number].program.shapes())
        if found:
            together = [*found[-1], number]
            shapes = zip(*(members[each].program.shapes() for each in together), strict=True)
            widest = [np.max(shape, axis=0) for shape in shapes]
            total = len(together) * _size(widest)
            share, each = MOST_ADDED
            if total <= min(MOST_WEIGHTS, (1 + share) * (own + size) + each * len(together)):
                found[-1], own = together, own + size
                continue
        found.append([number])
        own = size
    return found


def _size(shapes: Sequence[Any]) -> int:
    return sum(math.prod(map(int, shape)) for shape in shapes)
