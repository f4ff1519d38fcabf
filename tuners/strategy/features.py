"""Points of a cube as a model of the response sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.space.dimensions import Cube


def features_by_name(cube: Cube, values: Mapping[str, Mapping[str, Any]]) -> dict[str, NDArray[np.float64]]:
    """What a model of the response sees of some trials.

    Args:
        cube: The space.
        values: Values of the hyperparameters of each, by any name.

    Returns:
        Features, each [features] in [0, 1], by the same names; without trials that the space does not hold.
    """
    held = {name: each for name, each in values.items() if cube.holds(each)}
    free = cube.free
    if not held or not free.any():
        return dict.fromkeys(held, np.zeros(1))
    points = np.array([cube.to_point(each) for each in held.values()])
    active = np.array([cube.active(each) for each in held.values()])
    return dict(zip(held, features_of(cube, free, points, active), strict=True))


def features_of(
    cube: Cube, free: NDArray[np.bool_], points: NDArray[np.float64], active: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Features: snapped to values, in the middle where a dimension does not apply, choices one-hot.

    Args:
        cube: The space.
        free: Dimensions with more than one value, [dimensions].
        points: [points, dimensions], in [0, 1].
        active: Which dimensions apply, [points, dimensions].

    Returns:
        [points, features], in [0, 1].
    """
    columns = []
    for index, each in enumerate(cube.dimensions):
        if not free[index]:
            continue
        column = points[:, index]
        if each.values:
            bins = np.minimum((column * len(each.values)).astype(int), len(each.values) - 1)
            if each.kind == "choice":
                hot = np.where(active[:, index, None], np.eye(len(each.values))[bins], 0.5) * 0.7
                columns.append(hot[:, 1:] if len(each.values) == 2 else hot)
                continue
            column = (bins + 0.5) / len(each.values)
        columns.append(np.where(active[:, index], column, 0.5)[:, None])
    return np.hstack(columns)
