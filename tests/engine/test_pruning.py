import json
import math

import keras_tuner
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuners.pruning import CurveStopping, MedianStopping, Race, SuccessiveHalving, rule_config, rule_from_config

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


@pytest.mark.parametrize(
    "rule", [MedianStopping(), MedianStopping((0.25,)), SuccessiveHalving(4, 2), CurveStopping(0.2)]
)
def test_a_rule_is_read_as_it_was_written(rule):
    assert rule_from_config(json.loads(json.dumps(rule_config(rule)))) == rule


@pytest.mark.parametrize("config", [{}, {"rule": "Other"}, {"factor": 3}])
def test_what_is_no_rule_is_refused(config):
    with pytest.raises(
        ValueError, match="is of no rule; expected one of MedianStopping, SuccessiveHalving, CurveStopping"
    ):
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


@pytest.mark.parametrize(
    ("epochs", "rungs"),
    [(27, [2, 3, 4, 6, 9, 14, 21]), (14, [2, 3, 4, 6, 9]), (5, [2, 3, 4]), (3, [2]), (2, []), (1, [])],
)
def test_curves_are_judged_ever_further_apart(epochs, rungs):
    assert [epoch for epoch in range(1, 40) if CurveStopping().is_rung(epoch, epochs)] == rungs


@pytest.mark.parametrize("chance", [0.0, 1.0, -0.1, 3])
def test_a_chance_lies_between_0_and_1(chance):
    with pytest.raises(ValueError, match=f"chance is {chance}; expected a number above 0 and below 1"):
        CurveStopping(chance)


def rising(end, epochs=20):
    return [end - 0.5 * 0.7**epoch for epoch in range(epochs)]


def by_curves(*histories, objective=MAX):
    return race(*histories, rule=CurveStopping(), objective=objective)


def test_a_curve_without_a_chance_ends():
    made = by_curves(*map(rising, (0.9, 0.8, 0.85, 0.7, 0.6)))
    assert stops(made, rising(0.3), epochs=20)[:1] == [2]
    assert stops(made, rising(1.0), "better", epochs=20) == []


def test_less_may_be_better_for_curves():
    losses = [[-each for each in rising(end)] for end in (0.9, 0.8, 0.85, 0.7, 0.6)]
    made = by_curves(*losses, objective=MIN)
    assert stops(made, [-each for each in rising(0.3)], epochs=20)[:1] == [2]
    promised = made.promised("new")
    assert -0.9 < promised < -rising(0.3)[1]
    assert stops(made, [-each for each in rising(1.0)], "better", epochs=20) == []


def test_nothing_ends_by_its_curve_before_another_has_got_to_its_end():
    assert stops(by_curves(rising(0.9)[:-1], rising(0.8)[:-1]), rising(0.1), epochs=20) == []
    assert stops(by_curves(), rising(0.1), epochs=20) == []


def test_a_trial_promises_what_it_would_have_reached():
    made = by_curves(*map(rising, (0.9, 0.8, 0.85, 0.7, 0.6)))
    stops(made, rising(0.4)[:2], epochs=20)
    # By its second epoch it has .05.
    assert rising(0.4)[1] + 0.1 < made.promised("new") < 0.9
    assert made.promised("0") is None
    made.forget("new")
    assert made.promised("new") is None


def test_curves_know_the_hyperparameters():
    """All curves begin alike; those near 1 rise late."""
    late, never = [0.1] * 5 + [0.9] * 15, [0.1] * 20
    places = {"0": 0.9, "1": 0.95, "2": 1.0, "3": 0.1, "4": 0.05, "5": 0.0, "near": 0.97, "far": 0.02}
    made = Race(CurveStopping(), MAX, lambda trials: {each: np.array([places[each]]) for each in trials})
    for number, history in enumerate([late, late, late, never, never, never]):
        made.take(str(number), history)
    assert stops(made, never[:2], "far", epochs=20) == [2]
    assert stops(made, late[:2], "near", epochs=20) == []


def test_trials_that_are_in_no_space_any_more_are_left_out():
    made = Race(CurveStopping(), MAX, lambda trials: {each: np.zeros(1) for each in trials if each != "0"})
    made.take("0", rising(0.9))
    assert stops(made, rising(0.1), epochs=20) == []
    made.take("1", rising(0.5))
    made.take("2", rising(0.6))
    assert stops(made, rising(0.1), epochs=20)[:1] == [2]
    # Nor is one judged that is not in it itself.
    assert stops(made, rising(0.1), "0", epochs=20) == []


def test_a_diverged_trial_ends_at_once():
    made = by_curves(*map(rising, (0.9, 0.8)))
    assert stops(made, [math.nan] * 20, epochs=20)[:1] == [2]
    assert made.promised("new") is None
