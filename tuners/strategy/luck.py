"""What an accuracy owes to the rows that happen to validate."""

from __future__ import annotations

import math

SHARED = 0.6
"""Correlation of the errors that two models make on the same rows.

What both get wrong moves both scores alike and leaves their difference as it is. Measured on pairs of configurations of
small tables: 0.5 to 0.8.
"""


def is_rate(metric: str) -> bool:
    """Whether a metric is a share of rows."""
    return metric.endswith("accuracy")


def luck_of_rows(share: float, rows: int) -> float:
    """Standard deviation of a share of rows, as far as these rows move one model and not the others.

    Args:
        share: The share, 0 to 1.
        rows: Rows that it is of, > 0.
    """
    within = min(max(share, 1 / (rows + 2)), 1 - 1 / (rows + 2))
    return math.sqrt((1 - SHARED) * within * (1 - within) / rows)
