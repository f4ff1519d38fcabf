import numpy as np
import pytest

from tuners.strategy.neighbours import CURIOSITY, NEARNESS, promise, standing


def test_standings_are_shares_and_equals_stand_alike():
    np.testing.assert_allclose(standing(np.array([0.5, -np.inf, 0.9, -np.inf])), [0.625, 0.25, 0.875, 0.25])


def test_beside_the_best_is_better_than_beside_the_worst():
    tried = np.array([[0.2, 0.2], [0.8, 0.8]])
    near_good, near_bad = promise(np.array([[0.25, 0.2], [0.75, 0.8]]), tried, np.array([0.75, 0.25]))
    assert near_good > near_bad


def test_what_is_unknown_promises_more_than_what_is_known():
    tried = np.array([[0.1, 0.5], [0.2, 0.5]])
    there, far = promise(np.array([[0.15, 0.5], [0.9, 0.5]]), tried, np.array([0.5, 0.5]))
    assert far - there == pytest.approx(CURIOSITY * (0.7 - 0.05) / np.sqrt(2))


def test_a_candidate_that_was_tried_already_promises_nothing():
    rated = promise(np.array([[0.3, 0.3], [0.3, 0.9]]), np.array([[0.3, 0.3], [0.9, 0.9]]), np.array([0.75, 0.25]))
    assert rated[0] == -np.inf and np.isfinite(rated[1])


def test_trials_weigh_by_a_power_of_their_distance():
    (found,) = promise(np.array([[0.3, 0.5]]), np.array([[0.5, 0.5], [0.7, 0.5]]), np.array([0.25, 0.75]))
    # The second is twice as far away; distances are root means of squares.
    weight = 2.0**-NEARNESS
    expected = (0.25 + 0.75 * weight) / (1 + weight) + CURIOSITY * 0.2 / np.sqrt(2)
    # A thousandth is added to distances, so that none is 0.
    assert found == pytest.approx(expected, abs=1.2e-3 * CURIOSITY)
