"""Tables: their rows as columns, which are encoded when it is known which of them are trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.raw import Part, RawData, TableRows
from kzoo.datasets.split import Plan, Split, split_rows
from kzoo.datasets.split_words import split_remarks
from kzoo.tables.columns import Kind
from kzoo.tables.findings import is_classes
from kzoo.tables.marks import PARTS, Role
from kzoo.tables.reading import read_table

if TYPE_CHECKING:
    from kzoo.tables.sources import Source
    from kzoo.tables.survey import Survey


@dataclasses.dataclass(frozen=True, eq=False)
class Preview:
    """How a table is going to be split.

    Attributes:
        sizes: Rows of "train", "validation" and "test".
        parts: The part of each row, as its place in `PARTS`; None where rows are drawn at random.
        remarks: What a person wants to know of it, a sentence each.
    """

    sizes: dict[str, int]
    parts: NDArray[np.int8] | None = None
    remarks: tuple[str, ...] = ()


def preview(found: Survey, plan: Plan) -> Preview:
    """How a table is going to be split; where rows are drawn at random, how many each part gets.

    Raises:
        DataError: It cannot be split as its columns say.
    """
    rows = len(found.rows)
    if not found.marks:
        cut = plan.rows_of(rows)
        return Preview({"train": max(0, rows - sum(cut.values())), **cut})
    names, classes = np.empty(0, object), None
    if len(found.targets) == 1 and is_classes(found.targets[0].values):
        names, classes = np.unique(found.targets[0].values, return_inverse=True)
    split = split_rows(rows, plan, classes=classes, where=found.where, marks=found.marks)
    remarks = tuple(split_remarks(split, found.marks, classes, names.tolist()))
    return Preview({part: len(getattr(split, part)) for part in PARTS}, _parts(split, rows), remarks)


def _parts(split: Split, rows: int) -> NDArray[np.int8]:
    parts = np.zeros(rows, np.int8)
    for place, part in enumerate(PARTS):
        parts[getattr(split, part)] = place
    return parts


def read_columns(
    source: Source,
    target: str | Sequence[str] | None,
    *,
    columns: Mapping[str, Kind],
    drop: Sequence[str],
    keep: Sequence[str],
    split_by: Mapping[Role, str],
) -> RawData:
    """Reads a table; see `load_dataset` for the arguments.

    Raises:
        DataError: It cannot be read, or its columns are not what is asked for.
    """
    table = read_table(source, target, kinds=columns, drop=drop, keep=keep, split_by=split_by)
    path = Path(source) if isinstance(source, str | Path) else None
    name = "table" if path is None else path.name.removesuffix("".join(path.suffixes)) or path.name
    left_out = [f"{column.name} ({column.reason})" for column in table.columns if column.kind == "left out"]
    remarks = [*table.remarks, *([f"Left out: {', '.join(left_out)}."] if left_out else [])]
    return RawData(
        name,
        "the table" if path is None else str(path),
        Part(TableRows(table.frame), np.asarray(table.target)),
        target_names=table.target_names,
        columns=table.columns,
        marks=table.marks,
        remarks=tuple(remarks),
        origin="" if path is None else path.name,
    )
