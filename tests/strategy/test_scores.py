import math

import numpy as np
import pytest

from tuners.strategy.scores import BestSoFar, gain_of, goodness, score_of, tie_breaker


@pytest.mark.parametrize(("direction", "better", "worse"), [("max", 0.9, 0.1), ("min", 0.1, 0.9)])
def test_a_better_score_is_a_larger_gain(direction, better, worse):
    assert gain_of(better, direction) > gain_of(worse, direction) > gain_of(None, direction) == -math.inf
    assert score_of(gain_of(better, direction), direction) == better
    assert type(gain_of(np.float32(1.0), direction)) is float


def test_the_best_so_far_and_how_long_ago_it_was():
    best = BestSoFar()
    assert not best.found
    assert [best.add(gain) for gain in (-math.inf, 1.0, 1.0, math.nan, 2.0, 0.0)] == [
        False, True, False, False, True, False,
    ]  # fmt: skip
    assert (best.gain, best.since, best.found) == (2.0, 1, True)


@pytest.mark.parametrize(("direction", "order"), [("max", [0.9, 0.5]), ("min", [0.5, 0.9])])
def test_epochs_are_compared_by_their_objective_and_then_by_their_loss(direction, order):
    best, worst = order
    epochs = [(best, 0.1), (best, 0.2), (best, None), (worst, 0.0)]
    ranks = [goodness(*each, direction) for each in epochs]
    assert ranks == sorted(ranks, reverse=True) and len(set(ranks)) == 4


def test_the_loss_of_the_same_rows_breaks_ties_but_not_its_own():
    assert [tie_breaker(each) for each in ("val_accuracy", "accuracy", "val_loss", "loss", "val_f1")] == [
        "val_loss", "loss", "", "", "val_loss",
    ]  # fmt: skip
