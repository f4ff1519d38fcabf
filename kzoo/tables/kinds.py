"""What a column holds. The rules, the first that fits; an empty field, or a word for a missing value, tells nothing.

A column is left out that
  - is empty, or as good as empty: less than 1 % of its rows hold a value;
  - is constant: the same value in every row, none missing;
  - numbers the rows: whole numbers from 0 or 1 on, each once;
  - is an id: a different value in every row (95 % of them), which is text of one or two words on average, or a whole
    number under a name that ends in id, key, no, ... or of more than 15 digits;
  - holds lists or records.
Else it is
  - a date, where all its values are dates in one format (see `dates`), 20240131 too;
  - a category, where it is whole numbers that are names of things: with zeros in front (02134), of more than 15 digits,
    or under a name that ends in id, code, zip, ...;
  - a number, where all its values are numbers, plain or as people write them (see `numbers`): 0 and 1 too;
  - boolean, where it has two values that say yes and no: True False, yes no, y n, t f, on off;
  - text, where a value has three words or more on average, and half of the rows hold one of their own; or eight words
    or more, and 50 different ones;
  - a category otherwise.
Missing are the empty field and the words of `MISSING_WORDS`, which pandas takes for missing as well; among numbers and
dates also "?", "-" and ".". In a column of text "None" is a value, as people write it for "no such thing", and so is
"NA" among codes of two capital letters (Namibia, North America).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kzoo.errors import DataError
from kzoo.tables.cells import Cells
from kzoo.tables.columns import MISSING_NUMBERS, MISSING_WORDS, Column, Kind
from kzoo.tables.dates import NO_DATES, Dates, are_dates, find_dates
from kzoo.tables.numbers import Decimal, Written, find_measured, find_written, numbers_as_written, plain_numbers
from kzoo.tables.understood import Misfit, Understood

NEARLY_EMPTY = 0.01
"""A share of the rows; so few that hold a value are as good as none."""

NEARLY_ALL = 0.95
"""A share of the rows; so many with a value of their own are as good as all."""

LONGEST_NUMBER = 15
"""Digits; of whole numbers with more float64 loses the last ones, and nobody counts so far."""

ID_NAMES = frozenset(("id", "ids", "uid", "key", "uuid", "guid", "index", "idx", "no", "nr", "number", "rownames"))
CODE_NAMES = frozenset(("id", "ids", "code", "zip", "zipcode", "postcode", "postal", "fips"))
"""Last words of the names of columns whose whole numbers are names of things rather than amounts."""

YES_AND_NO = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"on", "off"})


def understand(name: str, cells: Cells, decimal: Decimal, *, keep: bool = False) -> Understood:
    """Finds what a column holds, by the rules above.

    Args:
        name: Of the column.
        cells: Its fields.
        decimal: The decimal sign to read doubtful numbers with, as the other columns of the file tell.
        keep: Whether to take it though it would be left out.

    Raises:
        DataError: It is to be kept and holds nothing.
    """
    numeric = cells.without(MISSING_NUMBERS)
    words, rows = list(numeric.words), len(cells.codes)
    if cells.problem or not words:
        if keep and rows:
            raise DataError(f"column {name!r} cannot be kept: it holds {cells.problem or 'no value at all'}.")
        return _left_out(name, numeric, f"holds {cells.problem}" if cells.problem else "empty")
    # Names, not amounts, are words with zeros in front: they are no numbers, and may be dates.
    written, values = _numbers(words, decimal)
    dates = find_dates(list(numeric.without(NO_DATES).words))
    if dates:
        return _as_dates(name, numeric, dates, keep=keep)
    if values is None:
        return _as_text(name, cells, keep=keep)
    if not keep:
        reason = _useless(name, numeric, values)
        if reason:
            return _left_out(name, numeric, reason)
    whole = bool((values == np.round(values)).all())
    reason = _names_of_things(name, words, NEARLY_ALL * rows) if whole else ""
    if reason:
        return Understood(Column(name, "category", reason, missing_words=MISSING_NUMBERS), numeric)
    return _as_numbers(name, cells, numeric, written, values)


def understand_as(kind: Kind, name: str, cells: Cells, decimal: Decimal) -> Understood:
    """Takes a column for what its user says it holds.

    Raises:
        DataError: It holds something else; the message names the first field that does not fit, without its place.
    """
    numeric = cells.without(MISSING_NUMBERS)
    words = list(numeric.words)
    if kind == "left out":
        return _left_out(name, cells.without(MISSING_WORDS), "as asked")
    if cells.problem or not words:
        raise DataError(f"column {name!r} holds {cells.problem or 'no value at all'}, so it cannot be a {kind}.")
    if kind == "number":
        written, values = _numbers(words, decimal)
        if values is None:
            raise Misfit(name, kind, next((word for word in words if _numbers([word], decimal)[1] is None), words[0]))
        return _as_numbers(name, cells, numeric, written, values)
    if kind == "date":
        dates = find_dates(list(numeric.without(NO_DATES).words))
        if not dates:
            raise Misfit(name, kind, _no_date(words))
        return _as_dates(name, numeric, dates, keep=True)
    present = _text_cells(cells)
    if kind == "boolean" and len(present.words) != 2:
        raise Misfit(name, kind, str(present.words[min(2, len(present.words) - 1)]))
    return Understood(Column(name, kind, "as asked", missing_words=missing_in_text(cells)), present)


def doubtful_decimals(cells: Cells) -> tuple[Decimal, ...]:
    """The decimal signs that a column of numbers can be read with; none where it does not tell."""
    words = list(cells.without(MISSING_NUMBERS).words)
    if not words or not any("," in word for word in words[:1000]) or plain_numbers(words) is not None:
        return ()
    written = find_written(words)
    return written.decimals if written and ("," in "".join(written.bare)) else ()


def _numbers(words: Sequence[str], decimal: Decimal) -> tuple[Written | None, NDArray[np.float64] | None]:
    values = plain_numbers(words)
    if values is not None and (decimal == "." or "." not in "".join(words)):
        return None, values
    written = find_written(words) or find_measured(words)
    if written is None:
        return None, values
    if values is not None and "," not in written.decimals:
        return None, values
    return written, numbers_as_written(written, decimal if decimal in written.decimals else written.decimals[0])


def _left_out(name: str, cells: Cells, reason: str) -> Understood:
    return Understood(Column(name, "left out", reason), cells)


def _as_numbers(
    name: str, cells: Cells, numeric: Cells, written: Written | None, values: NDArray[np.float64]
) -> Understood:
    reason = "0 and 1" if len(values) == 2 and set(values) == {0.0, 1.0} else ""
    if written and written.sign:
        reason = "per cent" if written.sign == "%" else f"all of them in {written.sign}"
    odd = sorted((set(MISSING_NUMBERS) - set(MISSING_WORDS)).intersection(cells.words))
    if odd:
        reason = ", ".join([*([reason] if reason else []), f"{' and '.join(odd)} for missing"])
    infinite = np.isinf(values)
    remark = ""
    if infinite.any():
        count = int(numeric.counts[infinite].sum())
        remark = f"Column {name!r}: infinity in {count} row{'s' * (count > 1)} is taken as missing."
        values = np.where(infinite, np.nan, values)
        finite = numeric.without(set(numeric.words[infinite]))
        numeric, values = finite, values[~infinite]
    if written and written.doubtful:
        example = next(word for word in numeric.words if "," in word or "." in word)
        value = values[list(numeric.words).index(example)]
        remark = remark or f"Column {name!r}: {example!r} may be read in two ways; it is taken as {value:.15g}."
    return Understood(Column(name, "number", reason, missing_words=MISSING_NUMBERS), numeric, values, remark)


def _as_dates(name: str, cells: Cells, dates: Dates, *, keep: bool) -> Understood:
    cells = cells.without(NO_DATES)
    if not keep:
        reason = _empty(cells) or _constant(cells)
        if reason:
            return _left_out(name, cells, reason)
    remark = ""
    if dates.doubtful:
        remark = (
            f"Column {name!r}: day and month of {cells.words[0]!r} may be either way round; the month is taken to come "
            "first. Write dates as 2024-01-31 to be sure."
        )
    missing = (*MISSING_NUMBERS, *NO_DATES)
    return Understood(Column(name, "date", f"written as {cells.words[0]}", dates.format, missing), cells, None, remark)


def _as_text(name: str, cells: Cells, *, keep: bool) -> Understood:
    present, missing = _text_cells(cells), missing_in_text(cells)
    strict = cells.without(MISSING_WORDS)
    yes_no = {word.casefold() for word in strict.words}
    if len(strict.words) == 2 and yes_no in YES_AND_NO:
        return Understood(Column(name, "boolean", " and ".join(sorted(strict.words))), strict)
    count, rows = len(present.words), int(present.counts.sum())
    words = float(np.mean([word.count(" ") + 1 for word in present.words]))
    stray = _stray(present)
    if not keep:
        reason = _empty(present) or _constant(present)
        if not reason and not stray and count > NEARLY_ALL * rows and words < 3 and rows > 2:
            reason = f"an id: {_each_row(count, rows)}"
        if reason:
            return _left_out(name, present, reason)
    if (words >= 3 and count > rows / 2) or (words >= 8 and count >= 50):
        return Understood(Column(name, "text", f"{words:.0f} words on average", missing_words=missing), present)
    reason = f"text with {count} different values" if count > 1 else "one value or none"
    column = Column(name, "category", reason, missing_words=missing)
    return Understood(column, present, None, stray=stray)


def _stray(cells: Cells) -> str:
    """The first field that is no number or date where nearly all others are, or ""."""
    sample = list(cells.words[:2000])
    fits = np.array([plain_numbers([word]) is not None for word in sample])
    if len(sample) >= 20 and fits.mean() < 0.9:
        dates = find_dates([word for word in sample[:20] if find_dates([word])])
        fits = are_dates(sample, dates.format) if dates else fits
    return str(sample[int(np.argmin(fits))]) if len(sample) >= 20 and 0.9 <= fits.mean() < 1 else ""


def _useless(name: str, cells: Cells, values: NDArray[np.float64]) -> str:
    """Why a column of numbers is left out, or ""."""
    # Of long whole numbers float64 does not have the last digits.
    long = max(map(len, cells.words)) > LONGEST_NUMBER
    constant = (
        values.min() == values.max()
        and not (long and len(values) > 1)
        and (cells.codes >= 0).all()
        and len(cells.codes) > 1
    )
    reason = _empty(cells) or ("one value in every row" if constant else "")
    whole = bool((values == np.round(values)).all())
    count, rows = len(values), len(cells.codes)
    if reason or not whole or count <= NEARLY_ALL * int(cells.counts.sum()) or rows < 3:
        return reason
    if count == rows and values.min() in (0, 1) and values.max() - values.min() == rows - 1:
        return "numbers the rows"
    if last_word(name) in ID_NAMES or long or _zeros_in_front(cells.words):
        return f"an id: {_each_row(count, int(cells.counts.sum()))}"
    return ""


def _names_of_things(name: str, words: Sequence[str], rows: float) -> str:
    """Why whole numbers are a category, or ""."""
    words = [word.removesuffix(".0") for word in words]  # As pandas writes them where some are missing.
    if not all(word.isascii() and word.isdigit() for word in words):
        return ""
    if _zeros_in_front(words):
        return "codes with zeros in front"
    if max(map(len, words)) > LONGEST_NUMBER:
        return f"codes of more than {LONGEST_NUMBER} digits"
    return "codes, by its name" if last_word(name) in CODE_NAMES and len(words) < rows else ""


def _zeros_in_front(words: Sequence[str] | NDArray[np.object_]) -> bool:
    if not any(len(word) > 1 and word[0] == "0" for word in words):
        return False
    # 8 and 08 side by side are careless numbers.
    return all(map(str.isdigit, words)) and len({word.lstrip("0") for word in words}) == len(words)


def _empty(cells: Cells) -> str:
    held, rows = int(cells.counts.sum()), len(cells.codes)
    return f"as good as empty: {held} of {rows} rows hold a value" if held < NEARLY_EMPTY * rows else ""


def _constant(cells: Cells) -> str:
    constant = len(cells.words) == 1 and (cells.codes >= 0).all() and len(cells.codes) > 1
    return "one value in every row" if constant else ""


def _each_row(count: int, rows: int) -> str:
    return "a different value in every row" if count == rows else "nearly a different value in every row"


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters: "passenger" and "id" of "PassengerId", "passenger_id", "passenger id"."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def last_word(name: str) -> str:
    """The last word of a name, or ""."""
    return (words_of(name) or [""])[-1]


def missing_in_text(cells: Cells) -> tuple[str, ...]:
    """The words for a missing value in a column of text."""
    others = [word for word in cells.words if word not in MISSING_WORDS]
    codes = len(others) > 2 and all(len(word) == 2 and word.isascii() and word.isupper() for word in others)
    values = {"None", "NA"} if codes else {"None"}
    return tuple(word for word in MISSING_WORDS if word not in values)


def _text_cells(cells: Cells) -> Cells:
    return cells.without(missing_in_text(cells))


def _no_date(words: Sequence[str]) -> str:
    dates = next(filter(None, (find_dates([word]) for word in words)), None)
    return words[int(np.argmin(are_dates(words, dates.format)))] if dates else words[0]
