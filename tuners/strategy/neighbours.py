"""Which candidate to try next by its nearest trials alone: no model is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEARNESS = 7.0
"""A trial weighs its distance to the power of minus this, so that little but the nearest one counts."""

CURIOSITY = 2.4
"""Bonus for what is unknown: the share of all trials that a root-mean-square distance of 1 to the nearest is worth."""


def standing(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the trials that each trial beats; ties count half.

    Args:
        scores: [trials], more is better; -inf where infeasible.

    Returns:
        [trials], in (0, 1).
    """
    ordered = np.sort(scores)
    behind, level = np.searchsorted(ordered, scores), np.searchsorted(ordered, scores, side="right")
    return (behind + level) / (2 * len(scores))


def promise(candidates: NDArray[Any], tried: NDArray[Any], standings: NDArray[Any]) -> NDArray[np.float64]:
    """How much candidates promise: how well their neighbours stand, and how little is known around them.

    Args:
        candidates: [candidates, features].
        tried: Trials, [trials, features].
        standings: Their standing, [trials].

    Returns:
        [candidates], more is better; -inf for one that has been tried.

    References:
        Shepard (1968), "A two-dimensional interpolation function for irregularly-spaced data".
    """
    squares = ((candidates[:, None] - tried[None]) ** 2).mean(axis=2)
    distances = np.sqrt(squares) + 1e-3
    nearest = distances.min(axis=1)
    weights = (distances / nearest[:, None]) ** -NEARNESS
    found = weights @ standings / weights.sum(axis=1) + CURIOSITY * nearest
    return np.where(squares.min(axis=1) > 0, found, -np.inf)
