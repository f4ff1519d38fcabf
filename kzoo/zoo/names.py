"""Names of hyperparameters as people use them: momentum, where a search draws 1 - momentum on a log scale."""

from __future__ import annotations

from typing import Any

ONE_MINUS = "one_minus_"


def is_complement(name: str) -> bool:
    """Whether a declared name is that of a complement, "momentum/one_minus_momentum"."""
    return name.rpartition("/")[2].startswith(ONE_MINUS)


def shown_name(name: str) -> str:
    """The name that people use: "momentum/one_minus_momentum" is "momentum/momentum", searched as its complement."""
    return name.replace(ONE_MINUS, "", 1) if is_complement(name) else name


def shown_value(name: str, value: Any) -> Any:
    """The value under the name that people use."""
    return complement(value) if is_complement(name) else value


def complement(value: float) -> float:
    """1 - value, rounded, since 1 - 0.9 is 0.09999999999999998 in binary and people read these values back."""
    return round(1.0 - value, 12)
