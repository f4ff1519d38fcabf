"""How rows were split, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.split import Split
from kzoo.tables.marks import PARTS, Marks

SHOWN = 5


def split_remarks(split: Split, marks: Marks | None, classes: NDArray[Any] | None, names: Sequence[str]) -> list[str]:
    """What a person wants to know of a split.

    Args:
        split: The rows of each part.
        marks: What they were split by.
        classes: Class id of each row; None for regression.
        names: Of the classes.
    """
    remarks = []
    if split.rare:
        remarks.append(
            f"Too few rows to split, so all are trained on: {_listed([names[each] for each in split.rare])}."
        )
    if split.unlike:
        remarks.append(
            f"Too few rows for each of the {len(names)} classes in every part: they are drawn without regard to "
            "classes (for numbers to predict: kind='regression', --kind regression)."
        )
    if marks is None or not marks:
        return remarks + _absent(split, classes, names)
    if marks.parts is not None:
        lacks = [part for part in PARTS[1:] if PARTS.index(part) not in marks.parts]
        cut = f"; {' and '.join(lacks)} rows are cut from those to train on" if lacks else ""
        remarks.append(f"Parts are those of column {marks.names['part']!r}{cut}.")
    if marks.times is not None and marks.shown_times is not None:
        remarks.append(_by_time(split, marks.times, marks.shown_times, marks.names.get("time")))
    elif marks.groups is not None:
        counts = [len(np.unique(marks.groups[rows])) for rows in (split.train, split.validation, split.test)]
        of = f" of {marks.names['group']!r}" if "group" in marks.names else ""
        remarks.append(
            f"Split in whole groups{of}: {counts[0]} to train on, {counts[1]} to validate by, {counts[2]} for the test."
        )
    return remarks + _absent(split, classes, names)


def _by_time(split: Split, times: NDArray[Any], shown: NDArray[Any], name: str | None) -> str:
    def first(rows: NDArray[Any]) -> str:
        return str(shown[rows[np.argmin(times[rows])]])

    of = f" in {name!r}" if name else ""
    later = [
        f"{what} from {first(rows)} on"
        for what, rows in (("validated", split.validation), ("tested", split.test))
        if len(rows)
    ]
    return f"Split by time{of}: trained from {first(split.train)} on, {', '.join(later)}."


def _absent(split: Split, classes: NDArray[Any] | None, names: Sequence[str]) -> list[str]:
    """Classes that are in no row of a part, though they are in others."""
    if classes is None:
        return []
    everywhere, remarks = set(np.unique(classes).tolist()) - set(split.rare), []
    parts = (("to train on", split.train), ("to validate by", split.validation), ("in the test", split.test))
    for what, rows in parts:
        absent = sorted(everywhere - set(np.unique(classes[rows]).tolist()))
        if absent:
            remarks.append(f"No row {what} is of {_listed([names[each] for each in absent])}.")
    return remarks


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
