"""Whether numbers to predict are learned as they are or by their logarithm.

The rule: the logarithm, where there is one target, above 0 in every one of at least `ROWS` rows, whose skewness is more
than `SKEWED` and in the logarithms less than `LEFT` of that, either way.

On tables it was better where that holds, and worse on one of 160 rows: what is exponential overshoots where little is
known.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.targets import Targets

TargetScale = Literal["linear", "log"]

SCALES: tuple[TargetScale, ...] = ("linear", "log")

SKEWED = 1.5
"""Skewness of an amount of money that most have little of; of an exponential distribution it is 2."""

LEFT = 0.25

ROWS = 500


def learns_logarithm(targets: Targets, asked: TargetScale | None, where: str) -> tuple[bool, str]:
    """Whether the logarithm is learned, and a sentence on it or "".

    Args:
        targets: Numbers to predict.
        asked: What a user says; None to go by the rule.
        where: What an error message begins with.

    Raises:
        DataError: Logarithms are asked for, and there are none.
    """
    if asked not in (None, *SCALES):
        raise DataError(f"target_scale is {asked!r}; expected {', '.join(map(repr, SCALES))} or None.")
    if targets.kind != "regression":
        if asked:
            raise DataError(f"{where}: target_scale= is for numbers to predict; the target is one of {targets.kind}.")
        return False, ""
    parts = [part for part in (targets.train, targets.validation, targets.test) if part is not None]
    least = min(float(part.min()) for part in parts)
    if asked == "log" and least <= 0:
        raise DataError(f"{where}: the target is {least:g} somewhere; only numbers above 0 have a logarithm.")
    if asked or targets.train.ndim > 1 or least <= 0 or len(targets.train) < ROWS:
        return asked == "log", ""
    plain, of_logarithms = skewness(targets.train), skewness(np.log(targets.train.astype(np.float64)))
    if plain <= SKEWED or abs(of_logarithms) >= LEFT * plain:
        return False, ""
    return True, (
        f"The target is skewed ({plain:.2g}, its logarithm {of_logarithms:.1g}): its logarithm is learned, and answers "
        "are in its units; target_scale='linear' (--target-scale linear) learns it as it is."
    )


def skewness(values: NDArray[Any]) -> float:
    """The third moment about the mean, in standard deviations cubed; 0 where nothing varies."""
    apart = values.astype(np.float64) - values.mean(dtype=np.float64)
    width = apart.std()
    return float((apart**3).mean() / width**3) if width else 0.0
