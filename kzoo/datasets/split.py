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
    """Row numbers of each part, in random order."""

    train: NDArray
    validation: NDArray
    test: NDArray


def split_rows(rows: int, plan: Plan, *, classes: NDArray | None, class_names: tuple[str, ...], where: str) -> Split:
    """Draws the rows of each part.

    Args:
        rows: Number of rows there are.
        plan: The shares and the seed.
        classes: Class id of each row, to keep the parts alike in their classes; None for regression.
        class_names: Name of each class, for error messages.
        where: What an error message begins with.

    Returns:
        Disjoint row numbers that make up all rows.

    Raises:
        DataError: There are too few rows, of one class or in all, to have some in every part.
    """
    parts = 1 + (plan.validation_share > 0) + (plan.test_share > 0)
    if rows < parts:
        raise DataError(
            f"{where}: {plural(rows, 'row')} cannot be split into {parts} parts; at least {parts} are needed."
        )
    train = np.arange(rows)
    cut: dict[str, NDArray] = {"test": train[:0], "validation": train[:0]}
    for name, share in (("test", plan.test_share), ("validation", plan.validation_share)):
        if share > 0:
            count = max(1, round(rows * share))
            _check_classes(classes, train, count, parts, f"{where}: the {name} split", class_names)
            train, cut[name] = _cut(train, count, classes, plan.seed)
            parts -= 1
    return Split(train, cut["validation"], cut["test"])


def _cut(rows: NDArray, count: int, classes: NDArray | None, seed: int) -> tuple[NDArray, NDArray]:
    from sklearn.model_selection import train_test_split

    stratify = None if classes is None else classes[rows]
    kept, taken = train_test_split(rows, test_size=count, random_state=seed, stratify=stratify)
    return kept, taken


def _check_classes(
    classes: NDArray | None, rows: NDArray, count: int, parts: int, what: str, names: tuple[str, ...]
) -> None:
    if len(rows) - count < 1:
        raise DataError(f"{what} would take {count} of {len(rows)} rows and leave none; take a smaller share.")
    if classes is None:
        return
    per_class = np.bincount(classes[rows], minlength=len(names))
    rarest = int(per_class.argmin())
    if per_class[rarest] < parts:
        raise DataError(
            f"{what} needs at least {parts} rows of each class, and class {names[rarest]!r} has "
            f"{per_class[rarest]}; add rows or leave the class out (for numbers to predict: kind='regression')."
        )
    if min(count, len(rows) - count) < len(names):
        raise DataError(
            f"{what} has {count} of {len(rows)} rows, too few on one side for each of the {len(names)} classes; "
            "add rows or change the shares (for numbers to predict: kind='regression')."
        )
