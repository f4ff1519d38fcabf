"""Hyperparameters and metrics as people read them; see `tuners.space.shown`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from tuners.space.shown import cell, columns, number, reason, seconds, shown_name, shown_value

__all__ = ["cell", "columns", "number", "reason", "seconds", "shown_name", "shown_value"]


def aligned(values: Sequence[float | None], digits: int = 4) -> list[str]:
    """Values of a column, all with as many decimals as the largest needs for so many digits."""
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    whole = math.floor(math.log10(max(known))) + 1 if known and max(known) > 0 else 0
    decimals = max(0, digits - max(whole, 0))
    return ["" if value is None else f"{value:.{decimals}f}" if value < 10**9 else f"{value:.3g}" for value in values]


def even(cells: Sequence[str], digits: int = 3) -> list[str]:
    """Cells of a column, its small fractions with as many digits each: 0.00100 over 0.00281."""
    return [f"{float(each):#.{digits}g}" if re.fullmatch(r"0\.\d{1,6}", each) else each for each in cells]


def counted(count: int, noun: str, nouns: str | None = None) -> str:
    """A number of things: "1 trial", "2 trials"."""
    return f"{count} {noun if count == 1 else nouns or f'{noun}s'}"
