import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuners.pruning import SuccessiveHalving

SCORES = st.floats(-1e6, 1e6)


def test_rungs():
    rule = SuccessiveHalving(factor=3, first=2)
    assert [epoch for epoch in range(1, 60) if rule.is_rung(epoch)] == [2, 6, 18, 54]


def test_between_rungs_nothing_is_stopped():
    assert not SuccessiveHalving(2, 2).stops([0.0], [[1.0]] * 50)
    assert not SuccessiveHalving(2, 2).stops([0.0] * 3, [[1.0] * 3] * 50)


def test_only_the_best_share_goes_on():
    others = [[value / 10] for value in range(8)]
    rule = SuccessiveHalving(factor=3)
    # Of nine, three go on.
    assert rule.stops([0.45], others)
    assert not rule.stops([0.55], others)


def test_a_trial_counts_by_its_best_epoch_up_to_the_rung():
    rule = SuccessiveHalving(factor=2, first=2)
    assert not rule.stops([0.9, 0.1], [[0.5, 0.6, 1.0]])
    assert rule.stops([0.1, 0.2], [[0.9, float("nan"), 0.1]])


def test_those_that_have_not_got_there_do_not_count():
    assert not SuccessiveHalving(factor=2, first=2).stops([0.0, 0.0], [[1.0]])


@given(st.lists(SCORES, min_size=1, max_size=40, unique=True), st.integers(2, 5))
def test_of_those_that_are_there_the_best_share_would_go_on(scores, factor):
    rule = SuccessiveHalving(factor)
    going = [
        score
        for place, score in enumerate(scores)
        if not rule.stops([score], [[other] for at, other in enumerate(scores) if at != place])
    ]
    assert sorted(going) == sorted(scores)[-max(1, len(scores) // factor) :]


@pytest.mark.parametrize(("factor", "first"), [(1, 1), (3, 0)])
def test_bad_arguments(factor, first):
    with pytest.raises(ValueError, match=f"factor is {factor} and first {first}"):
        SuccessiveHalving(factor, first)
