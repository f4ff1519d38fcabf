"""Properties of the search that hold whatever the space, the results and their order."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats

from tuners.space.dimensions import Cube, Dimension
from tuners.strategy.coarse_stage import starting_points
from tuners.strategy.planner import Planner
from tuners.strategy.suggest import Strategy, Suggester
from tuners.strategy.trial_table import TrialTable
from tuners.strategy.zoom import Box, Geometry, History, ZoomSettings, box_sides, draw_candidates


def number(name, low=0.0, high=1.0, **config):
    return {"class_name": "Float", "config": {"name": name, "min_value": low, "max_value": high, **config}}


def choice(name, *values):
    return {"class_name": "Choice", "config": {"name": name, "values": list(values), "ordered": False}}


def under(declared, parent, *values):
    condition = {"class_name": "Parent", "config": {"name": parent, "values": list(values)}}
    return {**declared, "config": {**declared["config"], "conditions": [condition]}}


OPTIMIZERS = [
    choice("optimizer", "adam", "sgd"),
    under(number("adam/rate", 1e-5, 1e-1, sampling="log"), "optimizer", "adam"),
    under(number("sgd/rate", 1e-3, 1.0, sampling="log"), "optimizer", "sgd"),
    number("dropout"),
]


def score_of(values):
    best = {"adam": 1e-3, "sgd": 0.1}[values["optimizer"]]
    rate = values[f"{values['optimizer']}/rate"]
    return -(np.log10(rate / best) ** 2) - values["dropout"] + 0.1 * (values["optimizer"] == "sgd")


def searched(trials, workers=1, order=None, ranking=False, seed=1):
    """A search by a planner, the results of each round of workers arriving in a given order."""
    planner = Planner(Strategy(seed, ranking=ranking), {}, [])
    planner.take_space(OPTIMIZERS)
    found = []
    for first in range(0, trials, workers):
        round_ = []
        for one in range(first, first + workers):
            values, point = planner.plan(one)
            planner.start(one, values, point)
            round_.append(values)
        for place in order or range(workers):
            planner.finish(first + place, score_of(round_[place]))
        found += round_
    return planner, found


@hypothesis.given(st.permutations(range(4)), st.integers(0, 50))
@hypothesis.settings(max_examples=15, deadline=None)
def test_the_order_of_parallel_results_does_not_matter(order, seed):
    assert searched(24, 4, list(order), seed=seed)[1] == searched(24, 4, seed=seed)[1]


def test_the_order_of_parallel_results_does_not_matter_to_the_model():
    assert searched(24, 4, [2, 0, 3, 1], ranking=True)[1] == searched(24, 4, ranking=True)[1]


@pytest.mark.parametrize("ranking", [False, True])
@hypothesis.given(st.integers(9, 23))
@hypothesis.settings(max_examples=4, deadline=None)
def test_a_planner_told_of_the_past_at_once_goes_on_as_the_one_that_lived_it(ranking, at):
    lived, found = searched(24, ranking=ranking)
    again = Planner(Strategy(1, ranking=ranking), {}, [])
    again.take_space(OPTIMIZERS)
    for one in range(at):
        again.start(one, *lived.table.planned(one))
        again.finish(one, score_of(found[one]))
    assert again.plan(at)[0] == found[at]


@hypothesis.given(st.lists(st.one_of(st.floats(-5, 5), st.just(-np.inf)), max_size=80))
def test_the_box_is_a_fold_over_the_scores(scores):
    settings = ZoomSettings()
    box = Box(settings.start)
    for score in scores:
        before, box = box, box.after(score, settings)
        assert 0.5 * settings.smallest <= box.width <= settings.start
        assert box.best == max(before.best, score)
        assert box.seen == before.seen + 1
        if score > before.best and box.seen > settings.coarse:
            assert box.width >= before.width
    suggester = Suggester(Cube((Dimension("x", "real", 0.5),)), Strategy(1))
    # Whatever was asked before, the state is that of these scores.
    suggester.box(np.array(scores[::-1]))
    assert suggester.box(np.array(scores)) == box


@hypothesis.given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0.05, 0.3), st.integers(0, 99))
def test_the_box_lies_around_the_best_point_and_reaches_over_its_edge(best, width, seed):
    settings = ZoomSettings(opening=0, everywhere=0.0, along=0.0)
    geometry = Geometry(np.zeros(3, bool), np.zeros(3), np.ones(3, bool))
    history = History(np.array([best]), np.array([1.0]), np.ones((1, 3), bool))
    points = draw_candidates(history, Box(width), geometry, settings, np.random.default_rng(seed), 300)
    low, high = points.min(axis=0), points.max(axis=0)
    assert (low <= best).all() and (high >= best).all()
    # An improvement at an edge of the box becomes the middle of the next, which is then half outside the former.
    moved = History(np.array([best, high]), np.array([1.0, 2.0]), np.ones((2, 3), bool))
    further = draw_candidates(moved, Box(width), geometry, settings, np.random.default_rng(seed), 300).max(axis=0)
    assert ((further > high) | (high == 1.0)).all()


@hypothesis.given(st.integers(3, 12), st.integers(0, 99))
def test_sides_are_narrow_where_the_best_agree(count, seed):
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3))
    points[:, 1] = 0.5
    history = History(points, rng.random(count), np.ones(points.shape, bool))
    sides = box_sides(history, Geometry(np.zeros(3, bool), np.zeros(3), np.ones(3, bool)), 8)
    assert ((0.5 <= sides) & (sides <= 1.6)).all()
    assert sides[1] == sides.min()


@pytest.mark.parametrize("kind", ["quasi", "independent"])
def test_the_coarse_stage_is_even_on_each_scale(kind):
    points = np.concatenate([starting_points(kind, 8, 3, np.random.default_rng(seed)) for seed in range(150)])
    for column in points.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def test_the_quasi_random_coarse_stage_leaves_no_eighth_out():
    for seed in range(20):
        points = starting_points("quasi", 8, 5, np.random.default_rng(seed))
        assert (np.sort((points * 8).astype(int), axis=0) == np.arange(8)[:, None]).all()


def test_coarse_values_are_even_in_the_decades():
    # The first two are the defaults, and the middle of what has none.
    found = [values for seed in range(60) for values in searched(8, seed=seed)[1][2:]]
    decades = np.log10([values["adam/rate"] for values in found if values["optimizer"] == "adam"])
    assert stats.kstest(decades, stats.uniform(-5, 4).cdf).pvalue > 1e-3


def test_a_rate_of_its_own_zooms_on_the_trials_that_used_it():
    for seed in range(3):
        _, found = searched(70, seed=seed)
        late = found[-30:]
        for optimizer, best in (("adam", 1e-3), ("sgd", 0.1)):
            rates = [values[f"{optimizer}/rate"] for values in late if values["optimizer"] == optimizer]
            if len(rates) > 5:
                assert np.median(np.abs(np.log10(np.array(rates) / best))) < 0.7
        assert max(map(score_of, found)) > -0.1


def test_what_does_not_apply_keeps_its_place_and_counts_as_unknown():
    planner, found = searched(30)
    history = planner.table.history()
    names = [each.name for each in planner.cube.dimensions]
    used = np.array([[name in values for name in names] for values in found])
    np.testing.assert_array_equal(history.active, used)
    suggester = Suggester(planner.cube, planner.strategy)
    features = suggester.features(history.points, history.active)
    # Two optimizers make one column, so that the columns are the dimensions.
    rate = names.index("adam/rate")
    hidden = ~used[:, rate]
    assert hidden.any()
    assert (features[hidden, rate] == 0.5).all()
    assert (features[~hidden, rate] == history.points[~hidden, rate]).all()


def test_points_stay_when_the_space_grows():
    small, large = (Cube(tuple(Dimension(name, "real", 0.3) for name in names)) for names in ("ab", "abc"))
    table = TrialTable(small)
    table.add(0, {"a": 0.1, "b": 0.9}, {"a": 0.1, "b": 0.9})
    table.finish(0, 1.0)
    table.reshape(large)
    np.testing.assert_allclose(table.history().points, [[0.1, 0.9, 0.3]])


@pytest.mark.parametrize("ranking", [False, True])
def test_the_infeasible_pushes_the_zoom_away(ranking):
    cube = Cube(tuple(Dimension(name, "real", 0.5) for name in "xyz"))
    rng = np.random.default_rng(3)
    # The scores rise towards x = 0.5, where training begins to diverge.
    points = rng.random((60, 3))
    scores = np.where(points[:, 0] > 0.5, -np.inf, points[:, 0])
    suggester = Suggester(cube, Strategy(2, ranking=ranking))
    history = History(points, scores, np.ones(points.shape, bool))
    asked = np.array([suggester.suggest(60 + extra, history, np.empty((0, 3)))[0] for extra in range(40)])
    untold = History(points, points[:, 0], np.ones(points.shape, bool))
    elsewhere = Suggester(cube, Strategy(2, ranking=ranking))
    unwarned = np.array([elsewhere.suggest(60 + extra, untold, np.empty((0, 3)))[0] for extra in range(40)])
    assert (asked > 0.55).mean() < 0.4
    assert (asked > 0.55).mean() < (unwarned > 0.55).mean() - 0.3
