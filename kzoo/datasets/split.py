"""Seeded splits of rows into training, validation and test, stratified by class."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import plural
from kzoo.datasets.dataset import DataError


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to split.

    Attributes:
        validation_share: Share of the rows for validation, in (0, 1); 0 where none are to be cut.
        test_share: Share of the rows for the test, in (0, 1); 0 where none are to be cut.
        seed: Of the draw of rows, 0 to 2**32 - 1.
    """

    validation_share: float
    test_share: float
    seed: int


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of each part, in random order.

    Attributes:
        train: To train on.
        validation: To choose by.
        test: For the final evaluation.
        rare: Ids of the classes with too few rows for every part, all of whose rows are trained on.
    """

    train: NDArray
    validation: NDArray
    test: NDArray
    rare: tuple[int, ...] = ()


def split_rows(rows: int, plan: Plan, *, classes: NDArray | None, where: str) -> Split:
    """Draws the rows of each part.

    Args:
        rows: Number of rows there are.
        plan: The shares and the seed.
        classes: Class id of each row, to keep the parts alike in their classes; None for regression.
        where: What an error message begins with.

    Returns:
        Disjoint row numbers that make up all rows.

    Raises:
        DataError: There are too few rows to have some in every part.
    """
    parts = 1 + (plan.validation_share > 0) + (plan.test_share > 0)
    if rows < parts:
        raise DataError(
            f"{where}: {plural(rows, 'row')} cannot be split into {parts} parts; at least {parts} are needed."
        )
    train, alone = np.arange(rows), np.arange(0)
    rare: tuple[int, ...] = ()
    if classes is not None:
        counts = np.bincount(classes)
        rare = tuple(np.flatnonzero((counts > 0) & (counts < parts)).tolist())
        alone, train = train[np.isin(classes, rare)], train[~np.isin(classes, rare)]
        if len(counts) - len(rare) < 1 or not len(train):
            raise DataError(f"{where}: no class has {parts} rows or more, as many as there are parts; add rows.")
    cut: dict[str, NDArray] = {"test": train[:0], "validation": train[:0]}
    for name, share in (("test", plan.test_share), ("validation", plan.validation_share)):
        if share > 0:
            count = max(1, round(rows * share))
            _check_classes(classes, train, count, f"{where}: the {name} split")
            train, cut[name] = _cut(train, count, classes, plan.seed)
    return Split(np.concatenate([train, alone]), cut["validation"], cut["test"], rare)


def _cut(rows: NDArray, count: int, classes: NDArray | None, seed: int) -> tuple[NDArray, NDArray]:
    from sklearn.model_selection import train_test_split

    stratify = None if classes is None else classes[rows]
    kept, taken = train_test_split(rows, test_size=count, random_state=seed, stratify=stratify)
    return kept, taken


def _check_classes(classes: NDArray | None, rows: NDArray, count: int, what: str) -> None:
    if len(rows) - count < 1:
        raise DataError(f"{what} would take {count} of {len(rows)} rows and leave none; take a smaller share.")
    if classes is None:
        return
    present = len(np.unique(classes[rows]))
    if min(count, len(rows) - count) < present:
        raise DataError(
            f"{what} has {count} of {len(rows)} rows, too few on one side for each of the {present} classes; "
            "add rows or change the shares (for numbers to predict: kind='regression')."
        )
