"""Hyperparameters and metrics as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuners.trial_record import TrialRecord

ONE_MINUS = "one_minus_"

ERROR = re.compile(r"[\w.]+(Error|Exception): ")
"""Beginning of the line of a traceback that names the error."""


def shown_name(name: str) -> str:
    """The name that people use: "sgd/one_minus_momentum" is momentum, searched as its complement."""
    return name.replace(ONE_MINUS, "", 1) if name.split("/")[-1].startswith(ONE_MINUS) else name


def shown_value(name: str, value: Any) -> Any:
    """The value under the name that people use."""
    return round(1.0 - value, 12) if shown_name(name) != name else value


def number(value: Any, digits: int = 3) -> str:
    """A value, short: three significant digits, and nines near 1 kept apart (0.99954, not 1.00)."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if 0.9 < value < 1:
        digits = max(digits, digits - math.floor(math.log10(1 - value)) - 2)
    return f"{value:.{digits}g}"


def shortened(text: str, most: int) -> str:
    """A long name or value by its beginning and its end, since those of a kind often differ in their end."""
    return text if len(text) <= most else f"{text[: math.ceil(most / 2) - 1]}…{text[-(most // 2) :]}"


def seconds(value: float) -> str:
    """A duration: 8 s, 2 min 05 s, 3 h 10 min."""
    whole = round(value)
    if whole < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def reason(message: str) -> str:
    """What a message of several lines comes to: the line that names the error, else the last one, or ""."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    return next((line for line in reversed(lines) if ERROR.match(line)), lines[-1])


def columns(trials: Iterable[TrialRecord]) -> list[str]:
    """Names of the hyperparameters that differ among trials; an optimizer's own share one column with the others'."""
    trials = list(trials)
    # A dict keeps the order in which the names are first seen.
    seen = {name.removeprefix(f"{trial.values.get('optimizer')}/"): None for trial in trials for name in trial.values}
    return [name for name in seen if len({cell(name, trial.values) for trial in trials}) > 1]


def cell(name: str, values: Mapping[str, Any]) -> str:
    """The value in a column of `columns`, or "" where the hyperparameter does not apply."""
    for full in (name, f"{values.get('optimizer')}/{name}"):
        if full in values:
            return number(shown_value(full, values[full]))
    return ""
