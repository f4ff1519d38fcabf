"""Tables: their rows as columns, which are encoded when it is known which of them are trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kzoo.datasets.raw import Part, RawData, TableRows
from kzoo.tables.columns import Kind
from kzoo.tables.marks import Role
from kzoo.tables.missing import Missing
from kzoo.tables.reading import read_table

if TYPE_CHECKING:
    from kzoo.tables.sources import Source


def read_columns(
    source: Source,
    target: str | Sequence[str] | None,
    *,
    columns: Mapping[str, Kind],
    drop: Sequence[str],
    keep: Sequence[str],
    split_by: Mapping[Role, str],
    missing: Missing | None = None,
) -> RawData:
    """Reads a table; see `load_dataset` for the arguments.

    Raises:
        DataError: It cannot be read, or its columns are not what is asked for.
    """
    table = read_table(source, target, kinds=columns, drop=drop, keep=keep, split_by=split_by, missing=missing)
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
