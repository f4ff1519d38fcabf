"""Dimensions are opened in the order of their priorities, half of the coarse stage for each of the first two."""

import warnings

import numpy as np
import pytest

from tuners.strategy.coarse_stage import Priorities, starting_points

NAMES = ("rate", "units", "depth", "rest")
FREE = np.array([True, True, True, True])


def held(given, number, coarse=8, free=FREE):
    closed = Priorities(NAMES, free, given).held(number, coarse)
    return [name for name, one in zip(NAMES, closed, strict=True) if one]


def test_the_first_two_priorities_take_half_of_the_coarse_stage_each():
    given = {"rate": 1, "units": 2, "depth": 2}
    assert held(given, 0) == held(given, 3) == ["units", "depth", "rest"]
    assert held(given, 4) == held(given, 7) == ["rest"]
    assert held(given, 8) == held(given, 100) == []


def test_what_is_not_named_comes_last():
    assert held({"rate": 1}, 0) == ["units", "depth", "rest"] and held({"rate": 1}, 4) == []
    assert held({}, 0) == []
    # The numbers need not be in a row.
    assert held({"rate": 5, "units": 9}, 0) == ["units", "depth", "rest"] and held({"rate": 5, "units": 9}, 4) == [
        "depth", "rest",
    ]  # fmt: skip


def test_a_priority_that_has_nothing_to_move_takes_no_trials():
    constant = np.array([False, True, True, True])
    given = {"rate": 1, "units": 2, "depth": 3}
    assert held(given, 0, free=constant) == ["depth", "rest"] and held(given, 4, free=constant) == ["rest"]


def test_short_coarse_stages():
    given = {"rate": 1, "units": 2}
    assert [held(given, number, 1) for number in (0, 1)] == [["units", "depth", "rest"], []]
    assert [held(given, number, 3) for number in range(4)] == [
        ["units", "depth", "rest"], ["units", "depth", "rest"], ["depth", "rest"], [],
    ]  # fmt: skip
    assert held(given, 0, 0) == []


@pytest.mark.parametrize("kind", ["quasi", "independent"])
def test_starting_points_of_any_number(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = starting_points(kind, 7, 3, np.random.default_rng(1))
    assert points.shape == (7, 3) and ((0 <= points) & (points < 1)).all()
    assert starting_points(kind, 5, 0, np.random.default_rng(1)).shape == (5, 0)
    again, other = (starting_points(kind, 7, 3, np.random.default_rng(seed)) for seed in (1, 2))
    assert (again == points).all() and not (other == points).any()
    drawn = np.random.default_rng(1).random((7, 3))
    assert (points == drawn).all() == (kind == "independent")
    # Each sequence is scrambled in a way of its own: none begins at the corner.
    assert points[0].min() > 0


def test_a_kind_that_is_not_known():
    with pytest.raises(ValueError, match=r"^starting_points is 'grid'; expected one of quasi, independent\.$"):
        starting_points("grid", 8, 2, np.random.default_rng(1))
