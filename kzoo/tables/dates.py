"""Dates as people write them: one format for a whole column, found from its values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CLOCK = r"\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<parts>\.\d{1,6})?)?(?P<half> ?[APap][Mm])?"
_ZONE = r"(?P<zone> ?(?:Z|[+-]\d{2}:?\d{2})| (?:UTC|GMT))?"
_TIME = re.compile(rf"(?:(?P<between>[T ]|, ){_CLOCK}{_ZONE})?")
_TIME_OF_DAY = re.compile(_CLOCK)

_WEEKDAY = r"(?:(?P<weekday>[A-Za-z]{3,9})(?P<comma>,? ))?"
_MONTH = r"(?P<month>[A-Za-z]{3,9})"
_DATES = {
    re.compile(r"\d{4}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{1,2}"): "%Y{sign}%m{sign}%d",
    re.compile(r"\d{1,2}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{4}"): "{first}{sign}{second}{sign}%Y",
    re.compile(r"\d{1,2}(?P<sign>[-/.])\d{1,2}(?P=sign)\d{2}"): "{first}{sign}{second}{sign}%y",
    re.compile(rf"{_WEEKDAY}{_MONTH} \d{{1,2}}(?P<sign>,?) \d{{4}}"): "{weekday}{month} %d{sign} %Y",
    re.compile(rf"{_WEEKDAY}\d{{1,2}}(?P<sign>[ -]){_MONTH}(?P=sign)\d{{4}}"): "{weekday}%d{sign}{month}{sign}%Y",
    re.compile(rf"\d{{1,2}}(?P<sign>[ -]){_MONTH}(?P=sign)\d{{2}}"): "%d{sign}{month}{sign}%y",
    re.compile(rf"{_MONTH}(?P<sign>[ -])\d{{4}}"): "{month}{sign}%Y",
    re.compile(rf"{_MONTH}-\d{{2}}"): "{month}-%y",
    re.compile(rf"(?:19|20)\d{{2}}(?P<sign>[ -]){_MONTH}"): "%Y{sign}{month}",
    re.compile(r"(?:19|20)\d{2}(?P<sign>[-/])(?:0\d|1[0-2])"): "%Y{sign}%m",
    re.compile(r"(?:0?[1-9]|1[0-2])/(?:19|20)\d{2}"): "%m/%Y",
}
"""What a date begins with, and its format."""

_COMPACT = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")

NO_DATES = ("0000-00-00", "0000-00-00 00:00:00")
"""What databases write where there is no date."""


@dataclasses.dataclass(frozen=True)
class Dates:
    """How the dates of a column are written.

    Attributes:
        format: In the directives of `datetime.strptime`.
        doubtful: Whether day and month may be the other way round as well.
    """

    format: str
    doubtful: bool = False


def find_dates(words: Sequence[str]) -> Dates | None:
    """Finds the one format that all words are dates in, or None.

    Args:
        words: Different values of a column, without missing ones, in the order of the file.
    """
    if not words:
        return None
    found = [each for each in _formats(words[0]) if _all_are(words, each)]
    if len(found) == 2 and "%m" in found[0]:
        day_first, month_first = found
        if "." in day_first:
            return Dates(day_first)  # Only where the day comes first are there dots.
        in_order = [each for each in found if are_in_order(words, each)]
        if len(in_order) == 1:
            return Dates(in_order[0])
        return Dates(month_first, doubtful=True)
    return Dates(found[0]) if found else None


def are_dates(words: Sequence[str], date_format: str) -> NDArray[np.bool_]:
    """Which of the words are dates of this format."""
    return ~np.isnat(read_dates(words, date_format))


def _all_are(words: Sequence[str], date_format: str) -> bool:
    # A few tell already of most formats that they are wrong.
    return bool(are_dates(words[:50], date_format).all() and are_dates(words[50:], date_format).all())


def read_dates(words: Sequence[str], date_format: str) -> NDArray[np.datetime64]:
    """When words of this format are, in UTC; NaT for what is no date."""
    import pandas

    dates = pandas.to_datetime(np.array(words, dtype=object), format=date_format, errors="coerce", utc=True)
    return dates.tz_localize(None).to_numpy()


def _formats(word: str) -> list[str]:
    """Formats that a word may be in: none, one, or day first and month first."""
    if _COMPACT.fullmatch(word):
        return ["%Y%m%d"]
    clock = _TIME_OF_DAY.fullmatch(word)
    if clock:
        return [_clock_format(clock)]
    for pattern, made_of in _DATES.items():
        date = pattern.match(word)
        time = _TIME.fullmatch(word[date.end() :]) if date else None
        if not date or not time:
            continue
        given = {**dict.fromkeys(("sign", "month", "weekday", "comma")), **date.groupdict()}
        given["month"] = "%b" if len(given["month"] or "") == 3 else "%B"
        given["weekday"] = f"%{'a' if len(given['weekday']) == 3 else 'A'}{given['comma']}" if given["weekday"] else ""
        orders = [("%d", "%m"), ("%m", "%d")] if "{first}" in made_of else [("", "")]
        months = ["%b", "%B"] if (date.groupdict().get("month") or "").lower() == "may" else [given["month"]]
        end = time["between"] + _clock_format(time) + _zone_format(time["zone"] or "") if time["between"] else ""
        return [
            made_of.format(**{**given, "first": first, "second": second, "month": month}) + end
            for first, second in orders
            for month in months
        ][:2]
    return []


def _clock_format(clock: re.Match[str]) -> str:
    hours = "%I" if clock["half"] else "%H"
    half = (" " if (clock["half"] or "").startswith(" ") else "") + "%p" if clock["half"] else ""
    return f"{hours}:%M" + (":%S" if clock["seconds"] else "") + (".%f" if clock["parts"] else "") + half


def _zone_format(zone: str) -> str:
    if zone.strip() in ("", "UTC", "GMT"):
        return zone
    return (" " if zone.startswith(" ") else "") + "%z"


def are_in_order(words: Sequence[str], date_format: str) -> bool:
    """Whether the dates rise, or fall, from row to row: in the wrong reading of a log they do not."""
    dates = read_dates(words, date_format)
    return len(words) > 2 and bool((dates[1:] >= dates[:-1]).all() or (dates[1:] <= dates[:-1]).all())
