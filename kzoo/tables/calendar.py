"""Dates as they are written: a regular expression for each way of writing them, and what is made of them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

_FIELDS = {
    "Y": ("year", "([0-9]{4})"),
    "y": ("short_year", "([0-9]{2})"),
    "m": ("month", "([0-9]{1,2})"),
    "b": ("month_name", "([A-Za-z]{3})"),
    "B": ("month_name", "([A-Za-z]{3,9})"),
    "d": ("day", "([0-9]{1,2})"),
    "H": ("hour", "([0-9]{1,2})"),
    "I": ("hour_of_12", "([0-9]{1,2})"),
    "p": ("half", "([AaPp])[Mm]"),
    "M": ("minute", "([0-9]{1,2})"),
    "S": ("second", "([0-9]{1,2})"),
    # None changes what is made of a date.
    "a": ("", "[A-Za-z]{3}"),
    "A": ("", "[A-Za-z]{6,9}"),
    "f": ("", "[0-9]{1,9}"),
    "z": ("", "(?:Z|[+-][0-9]{2}:?[0-9]{2})"),
}
_TIGHT = {"m": "([0-9]{2})", "d": "([0-9]{2})", "H": "([0-9]{2})", "M": "([0-9]{2})", "S": "([0-9]{2})"}
"""Where no sign stands between two directives, as in 20240131."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEAR, DAY = 365.25, 24.0
"""Days of a year and hours of a day, on the average."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclasses.dataclass(frozen=True)
class Pattern:
    """How dates are written.

    Attributes:
        expression: A regular expression of a whole date, in what Python's `re` and RE2 have in common.
        fields: Name of each of its groups.
    """

    expression: str
    fields: tuple[str, ...]

    @property
    def has_date(self) -> bool:
        """Whether it is a day, or a month, and no time of day alone."""
        return bool({"year", "short_year"} & {*self.fields} and {"month", "month_name"} & {*self.fields})

    @property
    def has_time(self) -> bool:
        """Whether there are hours in it."""
        return "hour" in self.fields or "hour_of_12" in self.fields


def pattern_of(date_format: str) -> Pattern:
    """The pattern of a format.

    Args:
        date_format: Directives of `datetime.strptime`, %Y %y %m %b %B %d %a %A %H %I %p %M %S %f and %z, with signs
            between them.

    Raises:
        ValueError: It has another directive, or neither year and month nor hours.
    """
    expression, fields = "", []
    parts = re.split(r"%(.)", date_format)
    tight = not any(parts[2:-1:2])
    for number, part in enumerate(parts):
        if number % 2 == 0:
            expression += re.escape(part)
            continue
        if part not in _FIELDS:
            raise ValueError(f"the date format {date_format!r} has %{part}; known are %{', %'.join(_FIELDS)}")
        name, group = _FIELDS[part]
        expression += _TIGHT.get(part, group) if tight else group
        fields += [name] if name else []
    pattern = Pattern(expression, tuple(fields))
    if not (pattern.has_date or (pattern.has_time and not {"day", "month", "year"} & {*fields})):
        raise ValueError(f"the date format {date_format!r} lacks a year or a month")
    return pattern


def calendar(fields: dict[str, Any], xp: Any) -> tuple[Any, Any, Any, Any, Any]:
    """What is made of dates.

    Args:
        fields: By the names of a pattern's groups, whole numbers int64 [rows]: months by name from 1, 0 where the name
            is none; "half" 1 for the second one of a day, else 0.
        xp: numpy, or what is written like it.

    Returns:
        Whether each is a date, days since 1970-01-01, day of the year from 0, day of the week from 0 for Monday, and
        hour of the day as a fraction, all [rows]; anything where it is no date. A month stands for its first day, a
        time of day for itself on any day.

    References:
        The days are counted by the rules of the Gregorian calendar, leap years every fourth, but not every hundredth,
        and yet every four hundredth year.
    """
    zero = next(iter(fields.values())) * 0
    one = zero + 1
    year, day = fields.get("year", one), fields.get("day", one)
    if "short_year" in fields:
        # As strptime takes them, after POSIX.
        year = fields["short_year"] + xp.where(fields["short_year"] < 69, zero + 2000, zero + 1900)
    month = fields.get("month", fields.get("month_name", one))
    hour = fields.get("hour", zero)
    known_hour = (hour >= 0) & (hour < 24)
    if "hour_of_12" in fields:
        known_hour = (fields["hour_of_12"] > 0) & (fields["hour_of_12"] < 13)
        hour = fields["hour_of_12"] % 12 + 12 * fields.get("half", zero)
    minute, second = fields.get("minute", zero), fields.get("second", zero)
    known_month = (month > 0) & (month < 13)
    index = xp.where(known_month, month - 1, zero)
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    length = _taken(_LENGTHS, index, xp) + xp.where(leap & (month == 2), one, zero)
    known = known_month & (day > 0) & (day <= length) & (year > 0)
    known = known & known_hour & (minute < 60) & (second < 61)
    of_year = _taken(_DAYS_BEFORE, index, xp) + xp.where(leap & (month > 2), one, zero) + day - 1
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 + of_year - 719162
    return known, days, of_year, (days + 3) % 7, _as_float(hour, xp) + _as_float(minute, xp) / 60.0


def _taken(values: tuple[int, ...], index: Any, xp: Any) -> Any:
    return xp.take(xp.asarray(values, dtype=xp.int64), index)


def _as_float(value: Any, xp: Any) -> Any:
    return xp.asarray(value, dtype=xp.float32)
