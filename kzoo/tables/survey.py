"""A table with all that is found out of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells, cells_of
from kzoo.tables.columns import KINDS, MISSING_WORDS, Column, Kind, Table
from kzoo.tables.kinds import doubtful_decimals, understand, understand_as
from kzoo.tables.marks import Marks, Role, find_marks
from kzoo.tables.missing import Missing, fields_meant, words_by_column
from kzoo.tables.numbers import Decimal
from kzoo.tables.sources import Opened, listed, open_source
from kzoo.tables.target import Target, find_target
from kzoo.tables.understood import Misfit, Understood

if TYPE_CHECKING:
    import pandas

    from kzoo.tables.sources import Source


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """A table and all that was found out of it.

    Attributes:
        where: The file, or "the table".
        columns: Every column but the targets.
        targets: What is to be predicted; empty where that was left open.
        rows: Number of each row in the file, from 1: those that have a target.
        remarks: What reading found that a person wants to know, a sentence each.
        marks: What columns say of how the rows are to be split.
    """

    where: str
    columns: tuple[Understood, ...]
    targets: tuple[Target, ...]
    rows: NDArray[np.int64]
    remarks: tuple[str, ...]
    marks: Marks = Marks()

    def target_values(self) -> NDArray[Any]:
        """What is to be predicted, [rows], or [rows, targets] of several."""
        values = [each.values for each in self.targets]
        return values[0] if len(values) == 1 else np.stack(values, axis=1)

    def table(self) -> Table:
        """The rows as they are trained on.

        Raises:
            DataError: No column is left to learn from.
        """
        import pandas

        used = [each for each in self.columns if each.column.kind != "left out"]
        if not used:
            if not self.columns:
                raise DataError(f"{self.where}: there is no column besides the target.")
            why = ", ".join(f"{each.column.name} ({each.column.reason})" for each in self.columns[:5])
            raise DataError(
                f"{self.where}: no column is left to learn from: {why}; --keep NAME takes one in all the same."
            )
        return Table(
            frame=pandas.DataFrame({each.column.name: pandas.Series(each.data(), dtype=_dtype(each)) for each in used}),
            columns=tuple(each.column for each in self.columns),
            target=self.target_values(),
            target_names=tuple(each.name for each in self.targets),
            rows=self.rows,
            remarks=self.remarks,
            marks=self.marks,
        )


def survey(
    source: Source,
    target: str | Sequence[str] | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    split_by: Mapping[Role, str] | None = None,
    missing: Missing | None = None,
) -> Survey:
    """Reads a table with all that `kzoo data` shows of it.

    The arguments and errors are those of `kzoo.tables.reading.read_table`; the target may be left open.
    """
    asked = [target] if isinstance(target, str) else list(target or ())
    opened = open_source(source, [name for name in asked if name[:1] != "#"])
    targets = opened.named(asked, "target: ")
    by: dict[Role, str] = {role: opened.named(name, f"{role}: ")[0] for role, name in (split_by or {}).items()}
    wishes = _wishes(opened, kinds or {}, drop, keep, targets, by)
    words = words_by_column(opened, missing)
    cells, positions, remarks = _read_cells(opened)
    opened = opened.of_rows(positions)
    meant = {name: fields_meant(cells[name], each) for name, each in words.items()}
    remarks += _never_meant(meant)
    # As they are written in this file: what is no number is compared as text in an export.
    words = {name: tuple(dict.fromkeys([*each, *sum(meant[name].values(), ())])) for name, each in words.items()}
    cells = {name: each.without(words.get(name, ())) for name, each in cells.items()}
    filled = np.any([each.codes >= 0 for each in cells.values()], axis=0)
    if not filled.any():
        raise DataError(f"{opened.where}: there are column names and no rows.")
    if not filled.all():
        remarks.append(f"{_rows(int((~filled).sum()), 'without any value')} left out.")
    decimal = decimal_of(opened, cells.values())
    marks = find_marks(by, cells, decimal, opened)
    if marks.dated and wishes[by["time"]] == "apart":
        # What the calendar says of a row is worth much, also where the row is later than all that are known.
        del wishes[by["time"]]
    filled, said = _marked(filled, marks, opened.where)
    remarks += said
    found = [find_target(name, cells.pop(name), wishes.get(name), decimal, opened) for name in targets]
    kept = filled & np.all([each.present for each in found], axis=0) if found else filled
    if found and not kept.any():
        raise DataError(f"{opened.where}: no row has a target; {listed(targets)} is empty.")
    if found and not (kept == filled).all():
        unlabelled = np.flatnonzero(filled & ~kept)
        first = f"row {unlabelled[0] + 1}" if len(unlabelled) == 1 else f"the first of them row {unlabelled[0] + 1}"
        remarks.append(f"{_rows(len(unlabelled), 'without a target')} left out, {first}.")
    found = [each.of_rows(kept) for each in found]
    remarks += [remark for each in found for remark in each.remarks]
    columns = []
    for name in list(cells):
        column = cells.pop(name)
        column = column if kept.all() else column.of_rows(kept)
        understood = _understood(name, column, wishes.get(name), decimal, opened, kept)
        columns.append(understood.with_missing(words.get(name, ())))
    remarks += [each.remark for each in columns if each.remark]
    return Survey(opened.where, tuple(columns), tuple(found), positions[kept] + 1, tuple(remarks), marks.of_rows(kept))


def _never_meant(meant: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Sentences on words that stand in no column that they are for, which may be mistakes in typing."""
    everywhere = {word: any(each.get(word) for each in meant.values()) for words in meant.values() for word in words}
    return [
        f"{word!r} is to stand for a missing value, and no field is that."
        for word, is_met in everywhere.items()
        if not is_met
    ]


def _marked(filled: NDArray[np.bool_], marks: Marks, where: str) -> tuple[NDArray[np.bool_], list[str]]:
    """The rows that it is known of how they are to be split, and a sentence on the others."""
    known, remarks = filled, []
    for role, values in (("time", marks.times), ("part", marks.parts)):
        if values is None:
            continue
        missing = known & ~(values > -1 if role == "part" else np.isfinite(values))
        if missing.any():
            remarks.append(f"{_rows(int(missing.sum()), f'without a {role}')} left out.")
        known = known & ~missing
        if not known.any():
            raise DataError(f"{where}: {role}: column {marks.names[role]!r} is empty.")  # type: ignore[index]
    return known, remarks


def _rows(count: int, which: str) -> str:
    return f"1 row {which} is" if count == 1 else f"{count} rows {which} are"


def _dtype(each: Understood) -> type:
    return float if each.column.kind == "number" else object


def _wishes(
    opened: Opened,
    kinds: Mapping[str, Kind],
    drop: Sequence[str],
    keep: Sequence[str],
    targets: Sequence[str],
    by: Mapping[Role, str],
) -> dict[str, str]:
    """What is asked of columns, by name: a kind, "keep" or "apart", which is what rows are split by and not trained on.

    Raises:
        DataError: A column is not there, a kind is none, or two wishes exclude each other.
    """
    wishes: dict[str, str] = {}
    asked = [(kinds, ""), (dict.fromkeys(drop, "left out"), "drop: "), (dict.fromkeys(keep, "keep"), "keep: ")]
    for wanted, what in asked:
        names = opened.named(list(wanted), what)
        for name, wish in zip(names, wanted.values(), strict=True):
            if wish not in (*KINDS, "keep"):
                raise DataError(f"{opened.where}: column {name!r}: kind {wish!r} is none of {', '.join(KINDS)}.")
            if wishes.setdefault(name, wish) != wish and "left out" in (wish, wishes[name]):
                raise DataError(f"{opened.where}: column {name!r} is to be dropped and to be kept; decide for one.")
            if name in targets and wish in ("left out", "keep"):
                raise DataError(f"{opened.where}: {what}column {name!r} is the target, which is never trained on.")
            if name in targets and wish not in ("number", "category"):
                raise DataError(f"{opened.where}: column {name!r} is the target; it can be a number or a category.")
    for role, name in by.items():
        if name in targets:
            raise DataError(f"{opened.where}: {role}: column {name!r} is the target; rows are split by another one.")
        wishes.setdefault(name, "apart")
    return wishes


def _read_cells(opened: Opened) -> tuple[dict[str, Cells], NDArray[np.int64], list[str]]:
    """All columns, the number of each row in the source from 0, and remarks."""
    frame = next(opened.frames(None, None), None)
    if frame is None or not len(frame):
        raise DataError(f"{opened.where}: there are column names and no rows.")
    remarks = list(opened.remarks)
    # A line that ends too early has its last field empty: only then are the lines looked at once more.
    if opened.text and (frame[opened.names[-1]] == "").any():
        short = opened.text.short_rows()
        remarks += [short] if short else []
    frame, positions = without_headers(opened, frame, 0)
    if len(positions) and positions[-1] + 1 > len(positions):
        line = opened.place(int(np.argmax(positions != np.arange(len(positions))))).rpartition(": ")[2]
        remarks.append(f"The names of the columns are there again ({line}); such lines are passed over.")
    # Taken out one by one: what is read of a column is no longer needed then. A frame would be sorted anew each time.
    columns = dict(frame.items())
    del frame
    return {name: cells_of(columns.pop(name)) for name in opened.names}, positions, remarks


def without_headers(opened: Opened, frame: pandas.DataFrame, start: int) -> tuple[pandas.DataFrame, NDArray[np.int64]]:
    """A frame without rows that hold the names of the columns, as where files were joined; and which rows are left."""
    positions, names = np.arange(start, start + len(frame)), list(frame.columns)
    again = np.zeros(len(frame), dtype=bool)
    if opened.text and len(names) > 1:
        again = (frame[names[0]] == names[0]).to_numpy(dtype=bool)
    if again.any():
        again = again & (frame == names).all(axis=1).to_numpy(dtype=bool)
    return (frame[~again], positions[~again]) if again.any() else (frame, positions)


def decimal_of(opened: Opened, cells: Iterable[Cells]) -> Decimal:
    """The decimal sign of a file, where that is in doubt: that of its columns which leave no doubt."""
    found = [doubtful_decimals(each) for each in cells]
    semicolons = opened.text is not None and opened.text.layout.separator == ";"
    certain = {each[0] for each in found if len(each) == 1}
    return "," if "," in certain or (semicolons and "." not in certain) else "."


def _understood(
    name: str, cells: Cells, wish: str | None, decimal: Decimal, opened: Opened, kept: NDArray[np.bool_]
) -> Understood:
    def place(word: str) -> str:
        row = int(cells.rows_of(word)[0])
        return opened.place(int(np.flatnonzero(kept)[row]))

    try:
        if wish == "apart":
            return Understood(Column(name, "left out", "rows are split by it"), cells.without(MISSING_WORDS))
        if wish is None or wish == "keep":
            found = understand(name, cells, decimal, keep=wish == "keep")
            if not found.stray:
                return found
            remark = (
                f"Column {name!r} would be numbers or dates but for fields such as {found.stray[:40]!r} "
                f"({place(found.stray).rpartition(': ')[2]}); mend these, or say that they "
                "mean a missing value (--missing)."
            )
            return dataclasses.replace(found, remark=remark)
        return understand_as(wish, name, cells, decimal)  # type: ignore[arg-type]
    except Misfit as misfit:
        raise DataError(misfit.at(f"{place(misfit.word)}, column {name!r}")) from None
    except DataError as error:
        raise DataError(f"{opened.where}: {error}") from None
