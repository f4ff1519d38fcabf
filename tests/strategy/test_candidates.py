"""What share of candidates goes where: each test moves one way only, and counts."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from tuners.strategy.zoom import (
    REDRAWN,
    REFINING,
    Box,
    Geometry,
    History,
    ZoomSettings,
    box_sides,
    draw_candidates,
    refined,
)

COUNT = 4000
SMALL = Box(0.01)
PLAIN = ZoomSettings(opening=0, everywhere=0.0, along=0.0, few=0.0, move=1.0)
"""Every coordinate moves, about the best."""


def space(size, choices=(), steps=None, constant=()):
    marked = [np.isin(np.arange(size), each) for each in (choices, constant)]
    return Geometry(marked[0], np.zeros(size) if steps is None else np.array(steps), ~marked[1])


def history(*scored):
    points, scores = zip(*scored, strict=True)
    return History(np.array(points, float), np.array(scores, float), np.ones(np.shape(points), bool))


def draw(past, settings=PLAIN, geometry=None, box=SMALL, count=COUNT, seed=1, merit=None):
    geometry = geometry or space(past.points.shape[1])
    return draw_candidates(past, box, geometry, settings, np.random.default_rng(seed), count, merit)


def share(found, expected):
    """Whether a share of the candidates is as expected, within five standard deviations."""
    return found.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / found.size) + 1e-9)


def even(sample, low, high):
    return stats.kstest(sample, stats.uniform(low, high - low).cdf).pvalue > 1e-4


def test_the_best_three_are_the_centres():
    places = (0.1, 0.3, 0.5, 0.7, 0.9)
    past = history(*(([place], score) for place, score in zip(places, (1, 5, -np.inf, 4, 3), strict=True)))
    near = np.abs(draw(past) - places) < 0.02
    assert near.any(axis=1).all()
    assert share(near[:, 1], 0.6) and share(near[:, 3], 0.25) and share(near[:, 4], 0.15)
    # By what a model makes of the scores, where there is one.
    merit = np.array([9.0, 1.0, -np.inf, 2.0, -np.inf])
    near = np.abs(draw(past, merit=merit) - places) < 0.02
    assert share(near[:, 0], 0.6) and share(near[:, 3], 0.25) and share(near[:, 1], 0.15)


def test_fewer_centres_keep_their_proportions():
    near = np.abs(draw(history(([0.1], 1), ([0.9], 2))) - [0.1, 0.9]) < 0.02
    assert near.any(axis=1).all() and share(near[:, 1], 0.6 / 0.85)
    assert np.abs(draw(history(([0.4], 1), ([0.9], -np.inf))) - 0.4).max() < 0.02


def test_moves_are_even_in_the_box():
    points = draw(history(([0.5, 0.5], 1)), box=Box(0.2))
    assert all(even(column, 0.3, 0.7) for column in points.T)
    # What would leave the cube stops at its side.
    points = draw(history(([0.95, 0.0], 1)), box=Box(0.2))
    assert share(points[:, 0] == 1.0, 0.375) and share(points[:, 1] == 0.0, 0.5)
    assert points.min() == 0.0 and points.max() == 1.0


def test_the_box_is_narrow_where_the_leaders_agree():
    past = history(([0.4, 0.5], 4), ([0.5, 0.5], 3), ([0.6, 0.5], 2), ([0.5, 0.0], 1))
    points = draw(past, dataclasses.replace(PLAIN, leaders=3), box=Box(0.04))
    wide, narrow = 0.04 * box_sides(past, space(2), 3)
    assert narrow < wide and even(points[:, 1], 0.5 - narrow, 0.5 + narrow)
    first = points[points[:, 0] < 0.4, 0]
    assert even(first, 0.4 - wide, 0.4)


def test_a_box_is_never_narrower_than_one_value():
    points = draw(history(([0.5, 0.5], 1)), geometry=space(2, steps=[0.2, 0.0]))
    assert even(points[:, 0], 0.35, 0.65) and even(points[:, 1], 0.49, 0.51)


def test_most_coordinates_move_and_one_at_least():
    past, settings = history(([0.5] * 4, 1)), dataclasses.replace(PLAIN, move=0.3)
    moved = draw(past, settings) != 0.5
    assert moved.any(axis=1).all() and share(moved.any(axis=0), 1.0)
    assert all(share(column, 0.3 + 0.7 / 4) for column in moved.T)
    # What has one value only stays, and is not the one that has to move.
    moved = draw(past, settings, space(4, constant=[1, 2])) != 0.5
    assert not moved[:, [1, 2]].any() and moved.any(axis=1).all()
    assert all(share(column, 0.3 + 0.7 / 2) for column in moved[:, [0, 3]].T)


def test_some_candidates_move_one_or_two_coordinates():
    past, settings = history(([0.5] * 5, 1)), dataclasses.replace(PLAIN, few=0.4)
    number = (draw(past, settings) != 0.5).sum(axis=1)
    assert set(number) == {1, 2, 5}
    assert share(number == 1, 0.2) and share(number == 2, 0.2)
    number = (draw(past, settings, space(5, constant=[0, 1, 2, 3])) != 0.5).sum(axis=1)
    assert set(number) == {1}


def test_some_candidates_move_along_the_difference_of_two_leaders():
    middle = [([0.5, 0.5], score) for score in (9, 8, 7)]
    past = history(*middle, ([0.7, 0.5], 6), ([0.5, 0.4], 5), ([0.0, 1.0], 4))
    away = draw(past, dataclasses.replace(PLAIN, along=0.5, leaders=5)) - 0.5
    assert (away != 0).any(axis=1).all()
    # Of the 25 pairs of leaders 11 are at the same place: those candidates, and half of the others, stay in the box.
    far = np.abs(away) > 0.02
    right, down, both = far[:, 0] & ~far[:, 1], ~far[:, 0] & far[:, 1], far.all(axis=1)
    assert share(right, 0.5 * 6 / 25) and share(down, 0.5 * 6 / 25) and share(both, 0.5 * 2 / 25)
    np.testing.assert_allclose(away[right, 1], 0.0, atol=1e-12)
    np.testing.assert_allclose(away[both, 0], 2 * away[both, 1], atol=1e-12)
    # From 0.4 of the difference to the whole of it, one way and the other.
    steps = np.concatenate([away[right, 0] / 0.2, away[down, 1] / 0.1, away[both, 1] / 0.1])
    assert even(np.abs(steps), 0.4, 1.0) and share(steps > 0, 0.5)


def test_choices_are_redrawn_and_not_moved():
    past, settings = history(([0.5, 0.5, 0.5], 1)), dataclasses.replace(PLAIN, redraw=0.3, move=0.8)
    points = draw(past, settings, space(3, choices=[0, 1]))
    redrawn = points[:, :2] != 0.5
    assert all(share(column, 0.3 * (0.8 + 0.2 / 3)) for column in redrawn.T)
    assert even(points[:, 0][redrawn[:, 0]], 0.0, 1.0) and np.abs(points[:, 2] - 0.5).max() <= 0.01


@pytest.mark.parametrize(("trials", "expected"), [(1, 0.8), (9, 0.8), (10, 0.4 * 8 / 10), (40, 0.4 * 8 / 40), (7, 0.8)])
def test_candidates_from_the_whole_space_become_rarer(trials, expected):
    past = history(*(([0.5, 0.5], one) for one in range(trials)))
    settings = dataclasses.replace(PLAIN, opening=10, everywhere=0.4, everywhere_at_first=0.8)
    points = draw(past, settings)
    anywhere = np.abs(points - 0.5).max(axis=1) > 0.02
    # A few of them fall where the others are.
    assert share(anywhere, expected * (1 - 0.04**2))
    assert all(even(column, 0.0, 1.0) for column in points[np.abs(points - 0.5).max(axis=1) > 0.011].T)
    # Before the coarse stage has ended they are no rarer.
    few = draw(history(([0.5, 0.5], 1)), dataclasses.replace(PLAIN, opening=0, everywhere=0.4))
    assert share(np.abs(few - 0.5).max(axis=1) > 0.02, 0.4 * (1 - 0.04**2))


def test_sides_of_the_box_by_hand():
    best = [([0.1, 0.5, 0.2, 0.3, 0.9], 3), ([0.5, 0.5, 0.4, 0.3, 0.1], 2), ([0.9, 0.5, 0.6, 0.3, 0.5], 1)]
    geometry = space(5, choices=[4], constant=[3])
    # Deviations, and 0.05 for a dimension in which the best agree; the worse trials are not looked at.
    spread = np.array([np.std([0.1, 0.5, 0.9]), 0.0, np.std([0.2, 0.4, 0.6])]) + 0.05
    expected = spread / stats.gmean(spread)
    assert expected[0] > 1.6 > expected[2] > 0.5 > expected[1]
    for more in ([], [([1.0] * 5, 0), ([0.0] * 5, -np.inf)]):
        sides = box_sides(history(*best, *more), geometry, 3)
        np.testing.assert_allclose(sides, [1.6, 0.5, expected[2], 1.0, 1.0])
    # Two tell nothing, nor does a space without an order.
    assert box_sides(history(*best), geometry, 2).tolist() == [1.0] * 5
    assert box_sides(history(*best), space(5, choices=range(5)), 3).tolist() == [1.0] * 5


def test_the_order_of_trials():
    past = history(([0.1], 1), ([0.2], -np.inf), ([0.3], 5), ([0.4], 1))
    assert past.finite == 3 and past.order.tolist() == [2, 0, 3]
    many = history(*(([0.0], one % 3) for one in range(60)))
    assert many.order.tolist() == sorted(range(60), key=lambda one: (-(one % 3), one))


SETTINGS = ZoomSettings(coarse=2, start=0.4, widen=1.5, shrink=0.5, patience=2, smallest=0.1)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        # In the coarse stage the box stays as it is.
        ([1.0, -np.inf], Box(0.4, 0, 1.0, 2, 0)), ([1.0, 0.0], Box(0.4, 0, 1.0, 2, 0)),
        ([-np.inf, -np.inf], Box(0.4, 0, -np.inf, 2, 0)),
        # An equal score is no improvement; two of them halve it, and the counting begins anew.
        ([1.0, 0.0, 1.0], Box(0.4, 1, 1.0, 3, 0)), ([1.0, 0.0, 1.0, 0.0], Box(0.2, 0, 1.0, 4, 0)),
        ([1.0, 0.0, 1.0, 0.0, 0.0], Box(0.2, 1, 1.0, 5, 0)), ([1.0, 0.0, 1.0, 0.0, 0.0, 2.0], Box(0.3, 0, 2.0, 6, 0)),
        # It becomes no wider than at first, and as narrow as the smallest, but no narrower: then it opens again.
        ([1.0, 0.0, 2.0, 3.0], Box(0.4, 0, 3.0, 4, 0)), ([1.0] * 6, Box(0.1, 0, 1.0, 6, 0)),
        ([1.0] * 8, Box(0.4, 0, 1.0, 8, 1)), ([1.0] * 14, Box(0.4, 0, 1.0, 14, 2)),
    ],
)  # fmt: skip
def test_the_box_by_hand(scores, expected):
    box = Box(SETTINGS.start)
    assert (box.failures, box.best, box.seen, box.restarts) == (0, -np.inf, 0, 0)
    for score in scores:
        box = box.after(score, SETTINGS)
    assert dataclasses.astuple(box) == pytest.approx(dataclasses.astuple(expected))


def watched(points, size=2, choices=(), held=(), edge=0.0, seed=1, constant=()):
    """What a local search asks about, round by round, and what it finds: the sum of the coordinates is to be high."""
    asked = []

    def promise(points):
        asked.append(points)
        return points.sum(axis=1)

    rng = np.random.default_rng(seed)
    best = refined(points, promise, space(size, choices, constant=constant), np.isin(np.arange(size), held), edge, rng)
    return asked, best


def test_a_local_search_goes_in_ever_smaller_steps_from_the_most_promising():
    points = np.concatenate([np.full((8, 2), 0.5), np.full((40, 2), 0.1)])
    for seed in range(5):
        asked, best = watched(points, seed=seed)
        assert [len(each) for each in asked] == [48, 128, 128, 128]
        assert best.sum() == max(each.sum(axis=1).max() for each in asked) > 1.2
        # About the best eight alone.
        assert stats.kstest(asked[1].ravel(), stats.norm(0.5, REFINING[0]).cdf).pvalue > 1e-4
        # Sixteen steps from each of the best eight that are known by then.
        known = np.concatenate([points, asked[1]])
        tops = known[np.argsort(-known.sum(axis=1), kind="stable")[:8]]
        assert (asked[2] - np.repeat(tops, 16, axis=0)).std() == pytest.approx(REFINING[1], rel=0.2)


def test_a_local_search_leaves_what_it_is_told_to():
    points = np.full((8, 4), 0.5)
    asked, _ = watched(points, 4, choices=[1], held=[2], constant=[3], edge=0.2)
    around = np.concatenate(asked[1:])
    assert (around[:, [2, 3]] == 0.5).all()
    assert around[:, 0].min() == 0.2 and around[:, 0].max() == 0.8
    redrawn = np.concatenate(asked[1:2])[:, 1] != 0.5
    assert redrawn.mean() == pytest.approx(REDRAWN, abs=0.1) and redrawn.any()
    asked, _ = watched(points, 4, choices=[1, 2], held=[1])
    assert (np.concatenate(asked)[:, 1] == 0.5).all() and (np.concatenate(asked)[:, 2] != 0.5).any()
    # Choices are drawn from all there are.
    moved = np.concatenate([watched(points[:, :2], choices=[0, 1], seed=seed)[0][1] for seed in range(10)])
    assert even(moved[moved != 0.5], 0.0, 1.0)
    assert (moved != 0.5).mean() == pytest.approx(REDRAWN, abs=0.03)


def test_where_nothing_around_is_better_the_first_of_the_best_stays():
    points = np.array([[0.2, 0.2], [1.0, 1.0], [1.0, 1.0]])
    assert watched(points)[1].tolist() == [1.0, 1.0]
