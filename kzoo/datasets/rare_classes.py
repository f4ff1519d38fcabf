"""Classes of too few rows, as one class."""

from __future__ import annotations

import dataclasses

import numpy as np

from kzoo.datasets.dataset import DataError
from kzoo.datasets.targets import Targets

MERGED = "other"


def merge_rare_classes(targets: Targets, least: int, where: str) -> Targets:
    """Puts the classes of few rows together, which no split could give to each part.

    Args:
        targets: Class ids of each part.
        least: Rows, of all parts together, that a class needs to stay, at least 2.
        where: What to name in messages.

    Returns:
        The classes that stay, in their order, and after them "other". Nothing changes where a single class is rare,
        for it would be no easier to learn under another name.

    Raises:
        DataError: The task has no classes, no two would be left, or a class that stays is called "other".
    """
    if targets.kind != "classification":
        raise DataError(f"{where}: merge_rare= is for classes; the task is {targets.kind}.")
    if isinstance(least, bool) or not isinstance(least, int) or least < 2:
        raise DataError(f"merge_rare is {least!r}; expected a whole number of rows from 2.")
    parts = (targets.train, targets.validation, targets.test)
    counts = np.bincount(
        np.concatenate([each for each in parts if each is not None]), minlength=len(targets.class_names)
    )
    rare = counts < least
    if rare.sum() < 2:
        one = [f": {targets.class_names[int(np.argmax(rare))]} is the only one and stays"] if rare.any() else []
        told = f"No classes are merged, as fewer than two have fewer than {least} rows{''.join(one)}."
        return dataclasses.replace(targets, remarks=(*targets.remarks, told))
    kept = np.flatnonzero(~rare)
    if not len(kept):
        raise DataError(f"{where}: every class has fewer than {least} rows (merge_rare=); take a smaller number.")
    names = tuple(targets.class_names[each] for each in kept)
    if MERGED in names:
        raise DataError(f"{where}: a class is called {MERGED!r}, as those that are merged would be; rename it.")
    places = np.full(len(counts), len(kept), np.int32)
    places[kept] = np.arange(len(kept))
    new = [None if each is None else places[each] for each in parts]
    assert new[0] is not None
    told = f"{rare.sum()} classes of fewer than {least} rows are one, {MERGED!r}, of {counts[rare].sum()} rows."
    return Targets("classification", (*names, MERGED), new[0], new[1], new[2], (*targets.remarks, told))
