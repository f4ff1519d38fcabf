"""Rows of training, validation and test: at random and stratified by class, whole groups, by time, or as rows say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import plural
from kzoo.datasets.dataset import DataError
from kzoo.datasets.drawing import cut_at_random
from kzoo.tables.marks import PARTS, Marks

SHARE = 0.2
"""Of the rows, for validation and for the test, where nothing else is asked for."""

FEW_GROUPS = 1000
ORDERS = 8
"""Orders of so few groups that are tried: a large one that comes last fits nowhere."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to split.

    Attributes:
        validation_share: Share of the rows for validation, in (0, 1); 0 where none are to be cut.
        test_share: Share of the rows for the test, in (0, 1); 0 where none are to be cut.
        seed: Of the draw of rows, 0 to 2**32 - 1.
    """

    validation_share: float = SHARE
    test_share: float = SHARE
    seed: int = 1

    def rows_of(self, rows: int) -> dict[str, int]:
        """Rows that the validation and the test get of so many; 0 where none are to be cut."""
        shares = {"validation": self.validation_share, "test": self.test_share}
        return {part: max(1, round(rows * share)) if share > 0 else 0 for part, share in shares.items()}


def checked_plan(validation_share: float, test_share: float, seed: int) -> Plan:
    """The plan that a user asks for.

    Raises:
        DataError: A share or the seed is out of its range.
    """
    for name, share in (("validation_share", validation_share), ("test_share", test_share)):
        if not 0 < share < 1:
            raise DataError(f"{name} is {share!r}; expected a number between 0 and 1, such as 0.2.")
    if validation_share + test_share >= 1:
        raise DataError(f"validation_share + test_share is {validation_share + test_share:g}; it must be less than 1.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise DataError(f"seed is {seed!r}; expected a whole number from 0 to 4294967295.")
    return Plan(validation_share, test_share, seed)


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of each part, in random order, or in that of the rows where these are split by what they say.

    Attributes:
        train: To train on.
        validation: To choose by.
        test: For the final evaluation.
        rare: Ids of the classes with too few rows for every part, all of whose rows are trained on.
        unlike: Whether the parts are too small to be alike in their classes.
    """

    train: NDArray[Any]
    validation: NDArray[Any]
    test: NDArray[Any]
    rare: tuple[int, ...] = ()
    unlike: bool = False


def split_rows(rows: int, plan: Plan, *, classes: NDArray[Any] | None, where: str, marks: Marks | None = None) -> Split:
    """Chooses the rows of each part.

    Args:
        rows: Number of rows there are.
        plan: The shares and the seed.
        classes: Class id of each row, to keep the parts alike in their classes; None for regression.
        where: What an error message begins with.
        marks: What the rows say of how they are to be split: parts are taken as they are and only what they lack is
            cut, by time or in whole groups where these are known.

    Returns:
        Disjoint row numbers that make up all rows.

    Raises:
        DataError: There are too few rows, groups or times to have some in every part.
    """
    if marks is None or not marks:
        return _drawn(np.arange(rows), plan, classes, where)
    if marks.parts is None:
        return _cut_by_marks(np.arange(rows), plan, classes, where, marks)
    given = [np.flatnonzero(marks.parts == place) for place in range(len(PARTS))]
    plan = without_parts(plan, validation=bool(len(given[1])), test=bool(len(given[2])))
    cut = _cut_by_marks(given[0], plan, classes, where, marks)
    # What is given and what is cut never meet: one of the two is empty.
    validation, test = np.concatenate([given[1], cut.validation]), np.concatenate([given[2], cut.test])
    return dataclasses.replace(cut, validation=validation, test=test)


def without_parts(plan: Plan, *, validation: bool, test: bool) -> Plan:
    """The plan where these parts are there already."""
    return dataclasses.replace(
        plan,
        validation_share=0.0 if validation else plan.validation_share,
        test_share=0.0 if test else plan.test_share,
    )


def _cut_by_marks(rows: NDArray[Any], plan: Plan, classes: NDArray[Any] | None, where: str, marks: Marks) -> Split:
    counts = plan.rows_of(len(rows))
    wanted = np.array([len(rows) - sum(counts.values()), counts["validation"], counts["test"]])
    if wanted[0] < 1:
        raise DataError(f"{where}: {plural(len(rows), 'row')} to train on cannot be split; add rows.")
    if marks.times is not None:
        return _by_time(rows, wanted, marks.times[rows], where, marks.names.get("time", ""))
    if marks.groups is not None:
        ids = np.zeros(len(rows), np.int64) if classes is None else classes[rows]
        return _in_groups(rows, wanted, marks.groups[rows], ids, plan.seed, where, marks.names.get("group", ""))
    return _drawn(rows, plan, classes, where)


def _by_time(rows: NDArray[Any], wanted: NDArray[Any], times: NDArray[Any], where: str, name: str) -> Split:
    """The earliest rows to train on, the latest for the test; rows of one time stay together."""
    order = np.argsort(times, kind="stable")
    times, present = times[order], np.flatnonzero(wanted)
    changes = np.flatnonzero(times[1:] > times[:-1]) + 1
    ends = np.cumsum(wanted[present])[:-1].tolist()
    if len(changes) < len(ends):
        raise DataError(
            f"{where}: the rows have {plural(len(changes) + 1, 'time')}{f' in {name!r}' if name else ''}, too few to "
            f"split them by time into {len(present)} parts."
        )
    borders: list[int] = []
    for later, end in zip(range(len(ends) - 1, -1, -1), ends, strict=True):
        free = changes[changes > max(borders, default=0)]
        free = free[: len(free) - later]
        borders.append(int(free[np.argmin(np.abs(free - end))]))
    pieces = dict(zip(present.tolist(), np.split(rows[order], borders), strict=True))
    train, validation, test = (pieces.get(part, rows[:0]) for part in range(len(wanted)))
    return Split(train, validation, test)


def _in_groups(
    rows: NDArray[Any],
    wanted: NDArray[Any],
    groups: NDArray[Any],
    classes: NDArray[Any],
    seed: int,
    where: str,
    name: str,
) -> Split:
    """Whole groups, in random order, each to the part that lacks most of its classes."""
    _, groups = np.unique(groups, return_inverse=True)
    count, parts = int(groups.max()) + 1, int((wanted > 0).sum())
    table = np.zeros((count, int(classes.max()) + 1))
    np.add.at(table, (groups, classes), 1)
    table = table[:, table.any(axis=0)]
    aim = np.outer(wanted / wanted.sum(), table.sum(axis=0))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(count) for _ in range(ORDERS if count <= FEW_GROUPS else 1)]
    place, _ = min((_dealt(order, table, aim) for order in orders), key=lambda each: each[1])
    of_rows = place[groups]
    found = [rows[of_rows == part] for part in range(3)]
    if any(size and not len(part) for size, part in zip(wanted, found, strict=True)):
        raise DataError(
            f"{where}: {plural(count, 'group')}{f' in {name!r}' if name else ''} cannot be split into {parts} parts; "
            "there are too few, or one has nearly all rows."
        )
    return Split(*found)


def _dealt(order: NDArray[Any], table: NDArray[Any], aim: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """The part of each group, and how far the parts are from the aim (chi squared).

    Args:
        order: Numbers of the groups, as they are dealt.
        table: Rows of each group and class, [groups, classes].
        aim: Rows that each part should have of each class, [parts, classes].
    """
    place, lacks = np.zeros(len(order), np.int64), aim.copy()
    weight = np.where(aim > 0, 1 / np.where(aim > 0, aim, 1), np.inf)
    for group in order:
        there = table[group] > 0
        rows = table[group, there]
        # What chi squared changes by where the group goes to a part.
        change = (rows * (rows - 2 * lacks[:, there]) * weight[:, there]).sum(axis=1)
        place[group] = part = int(np.argmin(np.where(np.isfinite(change), change, np.inf)))
        lacks[part] -= table[group]
    return place, float((lacks**2 * np.where(aim > 0, weight, 0)).sum())


def _drawn(train: NDArray[Any], plan: Plan, classes: NDArray[Any] | None, where: str) -> Split:
    counts, rows = plan.rows_of(len(train)), len(train)
    parts = 1 + sum(map(bool, counts.values()))
    if rows < parts:
        raise DataError(
            f"{where}: {plural(rows, 'row')} cannot be split into {parts} parts; at least {parts} are needed."
        )
    alone = train[:0]
    rare: tuple[int, ...] = ()
    if classes is not None:
        present = np.bincount(classes[train])
        rare = tuple(np.flatnonzero((present > 0) & (present < parts)).tolist())
        of_rare = np.isin(classes[train], rare)
        alone, train = train[of_rare], train[~of_rare]
        if not len(train):
            raise DataError(
                f"{where}: no class has {parts} rows or more, as many as there are parts: {plural(len(rare), 'class')} "
                f"in {plural(rows, 'row')}; take another target, or add rows."
            )
    cut: dict[str, NDArray[Any]] = {}
    unlike = False
    for name in ("test", "validation"):
        cut[name], count = train[:0], counts[name]
        if not count:
            continue
        if len(train) - count < 1:
            told = (
                f"; the rest are of {plural(len(rare), 'class')} with too few rows to split: take another target, or "
                "merge them (--merge-rare)."
                if len(rare)
                else "; take a smaller share."
            )
            raise DataError(
                f"{where}: the {name} split would take {count} of {plural(len(train), 'row')} and leave none{told}"
            )
        unlike = unlike or (classes is not None and min(count, len(train) - count) < len(np.unique(classes[train])))
        if classes is not None and not unlike:
            # The last row that a class has left is trained on.
            last = np.bincount(classes[train])[classes[train]] == 1
            alone, train = np.concatenate([alone, train[last]]), train[~last]
        kept, taken = cut_at_random(len(train), count, None if unlike or classes is None else classes[train], plan.seed)
        train, cut[name] = train[kept], train[taken]
    return Split(np.concatenate([train, alone]), cut["validation"], cut["test"], rare, unlike)
