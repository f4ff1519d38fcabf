"""The column that is to be predicted."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells
from kzoo.tables.columns import MISSING_NUMBERS
from kzoo.tables.dates import NO_DATES, find_dates
from kzoo.tables.kinds import missing_in_text, understand_as
from kzoo.tables.numbers import Decimal, looks_like_number
from kzoo.tables.sources import Opened
from kzoo.tables.understood import Misfit

LARGEST_EXACT = 2.0**53

FEW_VALUES = 20
"""Whole numbers, and dates, with at most so many different values are taken for classes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """A column to predict.

    Attributes:
        name: Of the column.
        values: Its value in each row: text, whole numbers as int64, or float64; what stands where `present` is false
            means nothing.
        present: Whether a row has one.
        remarks: What is worth saying of it, a sentence each.
    """

    name: str
    values: NDArray[Any]
    present: NDArray[np.bool_]
    remarks: tuple[str, ...] = ()

    def of_rows(self, rows: NDArray[np.bool_]) -> Target:
        """The same for some of the rows."""
        return dataclasses.replace(self, values=self.values[rows], present=self.present[rows])


def find_target(name: str, cells: Cells, wish: str | None, decimal: Decimal, opened: Opened) -> Target:
    """Reads a target.

    Args:
        name: Of the column.
        cells: Its fields.
        wish: "number" or "category" where its user says so, else None: numbers where all fields are numbers.
        decimal: The decimal sign to read doubtful numbers with.
        opened: Where it comes from, for messages.

    Raises:
        DataError: It is said to hold numbers and does not, it is infinite somewhere, or it holds lists or dates.
    """
    if cells.problem:
        raise DataError(f"{opened.where}: target {name!r} holds {cells.problem}; a number or a label is needed.")
    if not len(cells.without(MISSING_NUMBERS).words):
        return Target(name, np.empty(len(cells.codes)), np.zeros(len(cells.codes), bool))
    if wish != "category":
        _check_no_dates(name, cells, opened)
        try:
            return _numbers(name, cells, decimal, opened)
        except Misfit as misfit:
            row = int(cells.rows_of(misfit.word)[0])
            if wish == "number" or _mostly_numbers(cells):
                place = f"{opened.place(row)}, column {name!r}"
                raise DataError(f"{place}: {misfit.word[:40]!r} stands among numbers in the target; mend it.") from None
    present = cells.without(missing_in_text(cells))
    return Target(name, present.text(), present.codes >= 0, tuple(_alike(name, present)))


def _check_no_dates(name: str, cells: Cells, opened: Opened) -> None:
    words = list(cells.without((*MISSING_NUMBERS, *NO_DATES)).words)
    if len(words) > FEW_VALUES and not looks_like_number(words[0]) and find_dates(words):
        raise DataError(
            f"{opened.where}: target {name!r} holds dates ({words[0]!r}, ...); predict a number, such as the days from "
            f"a fixed date, in a column of its own, or take them as classes (--column {name}=category)."
        )


def _numbers(name: str, cells: Cells, decimal: Decimal, opened: Opened) -> Target:
    understood = understand_as("number", name, cells, decimal)
    if "infinity" in understood.remark:
        word = next(word for word in cells.words if "inf" in word.lower())
        place = f"{opened.place(int(cells.rows_of(word)[0]))}, column {name!r}"
        raise DataError(f"{place}: the target is {word}; a finite number is needed.")
    values = understood.data()
    present = ~np.isnan(values)
    given = values[present]
    # 1.0 and 0.0, as pandas writes whole numbers where some are missing, are the labels 1 and 0.
    if (given == np.round(given)).all() and np.abs(given).max() < LARGEST_EXACT:
        values = np.where(present, values, 0).astype(np.int64)
    return Target(name, values, present, (understood.remark,) if understood.remark else ())


def _mostly_numbers(cells: Cells) -> bool:
    """Whether a word among numbers looks like a mistake rather than like a label."""
    sample = cells.words[:1000]
    return len(sample) > 20 and sum(map(looks_like_number, sample)) > 0.95 * len(sample)


def _alike(name: str, cells: Cells) -> list[str]:
    """The sentences on labels that differ in case, or in spaces within, only."""
    if len(cells.words) > 1000:
        return []
    groups = collections.defaultdict(list)
    for word in cells.words:
        groups["".join(word.casefold().split())].append(word)
    alike = ["/".join(words) for words in groups.values() if len(words) > 1]
    if not alike:
        return []
    shown = ", ".join(alike[:5]) + (", ..." if len(alike) > 5 else "")
    return [f"Target {name!r}: labels that differ only in case or spaces are different classes: {shown}."]
