"""Which trials of an earlier search a new one starts with."""

import types

import pytest
from test_properties import choice, number

from tuners.space.dimensions import cube_from_space
from tuners.strategy.warm_start import Known, fitting, known_from, known_trials, trials_of

CUBE = cube_from_space([number("a"), choice("kind", "x", "y")])


def study(direction="min"):
    """An earlier search, as far as it is looked at."""
    outcomes = [(0.5, "COMPLETED"), (None, "INVALID"), (0.7, "FAILED"), (None, "RUNNING"), (0.2, "COMPLETED")]
    trials = [
        types.SimpleNamespace(values={"a": place / 10}, score=score, status=status)
        for place, (score, status) in enumerate(outcomes)
    ]
    return types.SimpleNamespace(objective="val_loss", direction=direction, trials=trials)


@pytest.mark.parametrize(("direction", "sign"), [("min", -1), ("max", 1)])
def test_what_has_a_score_or_was_infeasible_is_known(direction, sign):
    expected = [Known({"a": 0.0}, sign * 0.5), Known({"a": 0.1}, None), Known({"a": 0.4}, sign * 0.2)]
    assert known_trials(study(direction), "val_loss", direction) == trials_of(study(direction)) == expected


@pytest.mark.parametrize(("objective", "direction"), [("val_accuracy", "min"), ("val_loss", "max")])
def test_scores_of_another_objective_are_refused(objective, direction):
    with pytest.raises(ValueError) as caught:
        known_trials(study(), objective, direction)
    assert str(caught.value) == (
        f"earlier: that search was for the min of val_loss, this one is for the {direction} of {objective}; "
        "their scores cannot be compared."
    )


def test_a_journal_keeps_them():
    trials = [Known({"a": 0.5}, -1.0), Known({}, None)]
    assert known_from([{"values": each.values, "score": each.score} for each in trials]) == trials


def test_those_in_the_space_are_taken():
    inside = [Known({"a": 0.5, "kind": "x"}, 1.0), Known({"a": 1.0}, None), Known({}, 2.0)]
    assert fitting(inside, CUBE) == inside
    assert fitting([], CUBE) == []
    with pytest.warns(UserWarning, match=r"^earlier: 2 of 5 trials lie outside this search space\.$"):
        assert fitting([Known({"a": 1.5}, 1.0), *inside, Known({"a": 0.5, "kind": "z"}, 1.0)], CUBE) == inside
    with pytest.raises(ValueError, match=r"^earlier: none of its 1 trials lies in the ranges of this search space\.$"):
        fitting([Known({"a": -0.5}, 1.0)], CUBE)


def test_hyperparameters_that_are_not_known_here_are_named():
    with pytest.raises(ValueError) as caught:
        fitting([Known({"a": 0.5}, 1.0), Known({"a": 0.5, "units": 3}, 1.0)], CUBE)
    assert str(caught.value) == (
        "earlier: its trials set 'units', which this search space does not have; there are a, kind. "
        "Declare it, with hp.Fixed where it is constant now."
    )
