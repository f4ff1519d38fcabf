"""What a search is going to make of the target and the rows of a table, before anything is encoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.rare_classes import merge_rare_classes
from kzoo.datasets.raw import Part, RawData
from kzoo.datasets.split import Plan, Split, split_rows
from kzoo.datasets.split_words import split_remarks
from kzoo.datasets.target_scales import TargetScale, learns_logarithm
from kzoo.datasets.targets import prepare_targets
from kzoo.tables.findings import class_counts
from kzoo.tables.marks import PARTS
from kzoo.task import TaskKind

if TYPE_CHECKING:
    from kzoo.tables.survey import Survey


@dataclasses.dataclass(frozen=True, eq=False)
class Preview:
    """What a table is going to be for a search.

    Attributes:
        sizes: Rows of "train", "validation" and "test".
        parts: The part of each row, as its place in `PARTS`; None where rows are drawn at random.
        remarks: What a person wants to know of it, a sentence each.
        problem: Why a search would refuse it, or "".
        counts: Rows of each class, where some are put together; else None.
    """

    sizes: dict[str, int]
    parts: NDArray[np.int8] | None = None
    remarks: tuple[str, ...] = ()
    problem: str = ""
    counts: Mapping[str, int] | None = None


def preview(
    found: Survey,
    plan: Plan,
    *,
    kind: TaskKind | None = None,
    target_scale: TargetScale | None = None,
    merge_rare: int | None = None,
) -> Preview:
    """What a table is going to be; where rows are drawn at random, it tells how many each part gets.

    Args:
        found: The table.
        plan: Shares and seed of the split.
        kind: The kind of task, None to go by the data.
        target_scale: How numbers to predict are learned, None to go by the data.
        merge_rare: Rows that a class needs not to be put together with others, None to keep all.
    """
    rows = len(found.rows)
    cut = plan.rows_of(rows)
    sizes = {"train": max(0, rows - sum(cut.values())), **cut}
    try:
        classes: NDArray[Any] | None = None
        counts: dict[str, int] | None = None
        names: tuple[str, ...] = ()
        remarks: list[str] = []
        if found.targets:
            raw = RawData(
                *("table", found.where, Part(np.empty((rows, 0)), found.target_values())),
                target_names=tuple(each.name for each in found.targets),
            )
            targets = prepare_targets(raw, kind)
            if merge_rare is not None:
                targets = merge_rare_classes(targets, merge_rare, found.where)
                counts = class_counts(np.array(targets.class_names)[targets.train])
            remarks = [*targets.remarks, *filter(None, [learns_logarithm(targets, target_scale, found.where)[1]])]
            names, classes = targets.class_names, targets.train if targets.kind == "classification" else None
        if not found.marks:
            return Preview(sizes, None, tuple(remarks), counts=counts)
        split = split_rows(rows, plan, classes=classes, where=found.where, marks=found.marks)
    except DataError as error:
        return Preview(sizes, problem=str(error))
    remarks += split_remarks(split, found.marks, classes, names)
    return Preview(
        {part: len(getattr(split, part)) for part in PARTS}, _parts(split, rows), tuple(remarks), counts=counts
    )


def _parts(split: Split, rows: int) -> NDArray[np.int8]:
    parts = np.zeros(rows, np.int8)
    for place, part in enumerate(PARTS):
        parts[getattr(split, part)] = place
    return parts
