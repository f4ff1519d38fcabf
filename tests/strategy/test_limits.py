"""When a search ends, and when its leaders are compared."""

import math

import pytest

from tuners.strategy.limits import Limits
from tuners.strategy.scores import BestSoFar

NEW, OLD, NONE = BestSoFar(1.0, 0), BestSoFar(1.0, 4), BestSoFar(-math.inf, 9)


def limits(trials=None, seconds=None, patience=None, reruns=None):
    return Limits(trials, seconds, patience, reruns)


def closings(made, trials, elapsed=0.0, best=NEW, reruns=0):
    """Numbers of the trials that compare, where none of them uses a rerun up."""
    return [number for number in range(trials) if made.closing(number, elapsed, best, reruns)]


def test_the_last_tenth_of_the_trials_compares():
    assert closings(limits(40), 40) == [36, 37, 38, 39]
    assert closings(limits(9), 9) == []
    assert closings(limits(9, reruns=2), 9) == [7, 8]
    assert closings(limits(40, reruns=0), 40) == []
    assert closings(limits(40), 40, reruns=4) == []


def test_the_last_tenth_of_the_time_compares_a_tenth_of_the_trials_so_far():
    made = limits(seconds=100.0)
    assert not made.closing(30, 89.0, NEW, 0) and made.closing(30, 90.0, NEW, 2)
    assert not made.closing(30, 90.0, NEW, 3)
    assert limits(1000, seconds=100.0).closing(30, 95.0, NEW, 3)


@pytest.mark.parametrize("trials", [None, 100])
def test_where_patience_ends_a_search_a_tenth_of_the_trials_so_far_compares(trials):
    made = limits(trials, patience=4)
    assert not made.closing(30, 0.0, BestSoFar(1.0, 3), 0)
    assert made.closing(30, 0.0, OLD, 2) and not made.closing(30, 0.0, OLD, 3)
    assert not made.closing(30, 0.0, NONE, 0)


def test_why_a_search_ends():
    assert limits(5).reached(5, 0.0, NEW, False) == "All trials are done."
    assert limits(5).reached(4, 1e9, OLD, False) == ""
    assert limits(seconds=60.0).reached(3, 60.0, NEW, False) == "The time is used up (60 s)."
    assert limits(seconds=60.0).reached(3, 59.0, NEW, False) == ""
    worn_out = limits(patience=4)
    assert worn_out.reached(9, 0.0, OLD, False) == "The search no longer improves: no new best in 4 trials."
    assert [worn_out.reached(9, 0.0, best, False) for best in (BestSoFar(1.0, 3), NONE)] == ["", ""]
    # What compares the leaders comes first, but not after the trials are done.
    assert worn_out.reached(9, 0.0, OLD, True) == ""
    assert limits(9, patience=4).reached(9, 0.0, OLD, True) == "All trials are done."


def test_how_many_trials_may_still_decide():
    assert limits().undecided(50, 50) == 0
    assert limits(40).undecided(20, 20) == 4
    assert limits(40).undecided(40, 38) == 2
    assert limits(40, reruns=0).undecided(20, 20) == 0
    assert limits(patience=4).undecided(30, 29) == limits(seconds=9.0).undecided(30, 29) == 3
