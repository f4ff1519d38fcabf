import math

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuners.pruning import Race, SuccessiveHalving

SCORES = st.floats(-1e6, 1e6)
MAX, MIN = keras_tuner.Objective("score", "max"), keras_tuner.Objective("score", "min")


def race(*histories, factor=3, first=1, objective=MAX):
    """A race in which trials "0", "1", ... have got so far."""
    made = Race(SuccessiveHalving(factor, first), objective)
    for number, history in enumerate(histories):
        made.take(str(number), history)
    return made


def stops(made, history, trial_id="new", epochs=100):
    """After which epochs a trial would have to end."""
    return [
        epoch
        for epoch, value in enumerate(history, start=1)
        if made.falls_behind(trial_id, epoch, epochs, {"score": value})
    ]


def test_rungs():
    rule = SuccessiveHalving(factor=3, first=2)
    assert [epoch for epoch in range(1, 60) if rule.is_rung(epoch)] == [2, 6, 18, 54]


def test_a_trial_is_stopped_at_rungs_alone():
    assert stops(race(*[[1.0] * 30] * 50, first=2), [0.0] * 30) == [2, 6, 18]


def test_only_the_best_share_goes_on():
    others = [[value / 10] for value in range(8)]
    # Of nine, three go on.
    assert stops(race(*others), [0.45]) == [1]
    assert stops(race(*others), [0.55]) == []


def test_less_may_be_better():
    assert stops(race([0.5], objective=MIN), [0.6]) == [1]
    assert stops(race([0.5], objective=MIN), [0.4]) == []


def test_a_trial_counts_by_its_best_epoch_up_to_the_rung():
    assert stops(race([0.5, 0.6, 1.0], factor=2, first=2), [0.9, 0.1]) == []
    assert stops(race([0.9, math.nan, 0.1], factor=2, first=2), [0.1, 0.2]) == [2]


def test_those_that_have_not_got_there_do_not_count():
    assert stops(race([1.0], factor=2, first=2), [0.0, 0.0]) == []


def test_the_last_epoch_is_no_early_end_and_counts():
    made = race([1.0])
    assert stops(made, [0.5], epochs=1) == []
    assert stops(made, [0.75], "third", epochs=2) == [1]
    assert stops(made, [0.75] * 3, "fourth", epochs=9) == [1]


def test_a_trial_that_raised_or_is_run_again_counts_once():
    made = race([0.9, 0.9, 0.9], [0.8])
    made.forget("0")
    assert stops(made, [0.85]) == []
    assert stops(made, [0.1]) == [1]
    assert stops(made, [0.85]) == []
    # As when a call to an actor that has died is made again.
    assert not made.falls_behind("new", 1, 9, {"score": 0.85})
    assert stops(made, [0.81], "third") == [1]


def test_an_epoch_without_the_objective_is_left_out():
    assert not race([1.0]).falls_behind("new", 1, 9, {"loss": 0.1})


@given(st.lists(SCORES, min_size=1, max_size=40, unique=True), st.integers(2, 5))
def test_of_those_that_are_there_the_best_share_would_go_on(scores, factor):
    going = [
        score
        for place, score in enumerate(scores)
        if not stops(race(*([other] for at, other in enumerate(scores) if at != place), factor=factor), [score])
    ]
    assert sorted(going) == sorted(scores)[-max(1, len(scores) // factor) :]


@pytest.mark.parametrize(("factor", "first"), [(1, 1), (3, 0)])
def test_bad_arguments(factor, first):
    with pytest.raises(ValueError, match=f"factor is {factor} and first {first}"):
        SuccessiveHalving(factor, first)
