"""What columns say of how the rows are to be split: who or what a row is of, when it was, or which part it is of."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells
from kzoo.tables.columns import MISSING_WORDS
from kzoo.tables.dates import read_dates
from kzoo.tables.kinds import understand_as
from kzoo.tables.numbers import Decimal
from kzoo.tables.sources import Opened
from kzoo.tables.understood import Misfit

Role = Literal["group", "time", "part"]
PartName = Literal["train", "validation", "test"]

PARTS: tuple[PartName, ...] = ("train", "validation", "test")

_WORDS: dict[str, PartName] = {
    **dict.fromkeys(("train", "training", "learn", "learning", "fit"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "development", "eval"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}
_BESIDE = frozenset(("set", "data", "dataset", "images", "imgs", "split", "seg", "is", "in"))
"""What may stand beside such a word, as in training_set, seg_train and is_valid."""

_YES, _NO = frozenset(("true", "yes", "1", "1.0", "y", "t")), frozenset(("false", "no", "0", "0.0", "n", "f"))


@dataclasses.dataclass(frozen=True, eq=False)
class Marks:
    """What is known of rows besides what they are trained on; what is None is not known.

    Attributes:
        groups: Number of the group that each row is of, from 0: rows of one group stay together.
        times: When each row was, finite: what comes later is larger.
        dated: Whether these are dates.
        shown_times: The same as it is written.
        parts: The part of each row, as its place in `PARTS`.
        names: Of the columns that say so, by role.
    """

    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None
    dated: bool = False
    shown_times: NDArray[np.object_] | None = None
    parts: NDArray[np.int8] | None = None
    names: Mapping[Role, str] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.groups, self.times, self.parts))

    def of_rows(self, rows: NDArray[Any]) -> Marks:
        """The same for some of the rows."""
        names = ("groups", "times", "shown_times", "parts")
        found = {name: getattr(self, name) for name in names}
        return dataclasses.replace(self, **{name: each[rows] for name, each in found.items() if each is not None})


def part_of(word: str) -> PartName | None:
    """The part that a word stands for, in any case: "train", "Training_set", "valid", "test data"; None for others."""
    words = {each.removesuffix("set") or each for each in re.findall("[a-z]+", word.lower())} - _BESIDE
    return _WORDS.get(words.pop()) if len(words) == 1 else None


def group_numbers(codes: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of groups from 0 [rows], from codes [rows]; rows of none, whose code is below 0, are one each."""
    alone = codes.max(initial=-1) + 1 + np.arange(len(codes))
    return np.unique(np.where(codes < 0, alone, codes), return_inverse=True)[1]


def find_marks(names: Mapping[Role, str], cells: Mapping[str, Cells], decimal: Decimal, opened: Opened) -> Marks:
    """Reads the columns that rows are split by.

    Args:
        names: Of the columns, by role.
        cells: The fields of all columns.
        decimal: The decimal sign to read doubtful numbers with.
        opened: Where they come from, for messages.

    Returns:
        The marks; where a time or a part is missing it is NaN or -1.

    Raises:
        DataError: A field is no time, or no word for a part.
    """
    marks = Marks(names=names)
    for role, name in names.items():
        if cells[name].problem:
            raise DataError(f"{opened.where}: {role}: column {name!r} holds {cells[name].problem}.")
        if role == "group":
            marks = dataclasses.replace(marks, groups=group_numbers(cells[name].without(MISSING_WORDS).codes))
        elif role == "time":
            times, shown, dated = _times(name, cells[name], decimal, opened)
            marks = dataclasses.replace(marks, times=times, shown_times=shown, dated=dated)
        else:
            marks = dataclasses.replace(marks, parts=_parts(name, cells[name], opened))
    return marks


def _times(
    name: str, cells: Cells, decimal: Decimal, opened: Opened
) -> tuple[NDArray[np.float64], NDArray[np.object_], bool]:
    """Times, how they are written, and whether they are dates."""
    try:
        found = understand_as("date", name, cells, decimal)
        seconds = read_dates(list(found.cells.words), found.column.date_format).astype("datetime64[us]").astype(float)
        return found.cells.numbers(seconds), found.cells.text(), True
    except DataError:
        pass
    try:
        found = understand_as("number", name, cells, decimal)
        return found.data(), found.cells.text(), False
    except Misfit as misfit:
        place = opened.place(int(cells.rows_of(misfit.word)[0]))
        raise DataError(
            f"{place}, column {name!r}: rows are to be split by its time, and {misfit.word[:40]!r} is neither a date "
            "as the others are nor a number; mend it."
        ) from None
    except DataError as error:
        raise DataError(f"{opened.where}: time: {error}") from None


def _parts(name: str, cells: Cells, opened: Opened) -> NDArray[np.int8]:
    cells = cells.without(MISSING_WORDS)
    parts = [_part(word, name) for word in cells.words]
    if None in parts:
        word = cells.words[parts.index(None)]
        raise DataError(
            f"{opened.place(int(cells.rows_of(word)[0]))}, column {name!r}: {word[:40]!r} names no part; the words are "
            "train, validation and test, or such as training, val, dev, holdout."
        )
    places = [PARTS.index(part) for part in parts if part]
    if "train" not in parts:
        raise DataError(f"{opened.where}: part: column {name!r} has no row to train on; one word has to be train.")
    return np.append(places, [-1])[cells.codes].astype(np.int8)


def _part(word: str, name: str) -> PartName | None:
    """The part of a word, or of yes and no under a name such as is_valid."""
    small, named = word.lower(), part_of(name)
    if named and small in _YES:
        return named
    if named and small in _NO:
        return "test" if named == "train" else "train"
    return part_of(word)
