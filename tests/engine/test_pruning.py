import json
import math

import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuners.pruning import MedianStopping, Race, SuccessiveHalving, rule_config, rule_from_config

SCORES = st.floats(-1e6, 1e6)
MAX, MIN = keras_tuner.Objective("score", "max"), keras_tuner.Objective("score", "min")


def race(*histories, factor=3, first=1, objective=MAX, rule=None):
    """A race in which trials "0", "1", ... have got so far."""
    made = Race(rule or SuccessiveHalving(factor, first), objective)
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
    assert [epoch for epoch in range(1, 60) if rule.is_rung(epoch, 100)] == [2, 6, 18, 54]
    assert [epoch for epoch in range(1, 60) if rule.is_rung(epoch, 18)] == [2, 6]


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


@pytest.mark.parametrize(("epochs", "rungs"), [(27, [9, 18]), (20, [7, 13]), (10, [3, 7]), (5, [3]), (4, [3]), (3, [])])
def test_the_median_rule_decides_after_a_third_and_two_thirds_of_the_epochs(epochs, rungs):
    assert [epoch for epoch in range(1, 40) if MedianStopping().is_rung(epoch, epochs)] == rungs
    assert [epoch for epoch in range(1, 40) if MedianStopping([0.5]).is_rung(epoch, 20)] == [10]


def test_the_median_rule_ends_the_worse_half():
    others = [[value] * 9 for value in (0.1, 0.2, 0.3, 0.4)]
    assert [stops(race(*others, rule=MedianStopping()), [value] * 9, epochs=9) for value in (0.15, 0.25, 0.35)] == [
        [3, 6],
        [3, 6],
        [],
    ]
    # Of fewer than two others nothing is said; an equal score is not behind.
    assert stops(race(*others[-1:], rule=MedianStopping()), [0.0] * 9, epochs=9) == []
    assert stops(race(*others[-2:], rule=MedianStopping()), [0.4] * 9, epochs=9) == []


def test_a_trial_that_was_ended_counts_up_to_where_it_got():
    made = race([0.9] * 9, [0.8] * 9, [0.1] * 3, [0.1] * 3, [0.1] * 3, rule=MedianStopping())
    # At the first rung it is third of six, at the second the last of three.
    assert stops(made, [0.5] * 9, epochs=9) == [6]


def test_epochs_without_the_objective_count_by_those_before():
    made = Race(SuccessiveHalving(2, 3), MAX)
    for trial_id, values in (("0", [None, 0.5, None, 0.6]), ("1", [0.4, None, None, 0.7]), ("2", [0.9, 0.1, 0.1, 0.1])):
        for epoch, value in enumerate(values, start=1):
            made.falls_behind(trial_id, epoch, 9, {} if value is None else {"score": value})
    # They had got to .5, .4 and .9 by epoch 3.
    assert stops(made, [0.0, 0.55, 0.1]) == [] and stops(made, [0.0, 0.45, 0.1]) == [3]


@pytest.mark.parametrize("rule", [MedianStopping(), MedianStopping((0.25,)), SuccessiveHalving(4, 2)])
def test_a_rule_is_read_as_it_was_written(rule):
    assert rule_from_config(json.loads(json.dumps(rule_config(rule)))) == rule


@pytest.mark.parametrize("config", [{}, {"rule": "Other"}, {"factor": 3}])
def test_what_is_no_rule_is_refused(config):
    with pytest.raises(ValueError, match="is of no rule; expected one of MedianStopping, SuccessiveHalving"):
        rule_from_config(config)


@pytest.mark.parametrize("at", [(), (0.0,), (0.5, 1.0)])
def test_shares_of_the_epochs_are_checked(at):
    with pytest.raises(ValueError, match="expected shares above 0 and below 1"):
        MedianStopping(at)


def test_an_epoch_that_is_told_twice_counts_once():
    made = Race(SuccessiveHalving(2, 3), MAX)
    for epoch, value in ((1, 0.1), (2, 0.5), (2, 0.5), (3, 0.9)):
        made.falls_behind("0", epoch, 9, {"score": value})
    assert stops(made, [0.0, 0.0, 0.7]) == [3]
