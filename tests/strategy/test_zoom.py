import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tuners.space.dimensions import Cube, Dimension
from tuners.strategy.suggest import EDGE, WITHIN, Strategy, Suggester, last_refit
from tuners.strategy.zoom import Box, Geometry, History, ZoomSettings, box_sides, draw_candidates, refined

SIZE = 4
GEOMETRY = Geometry(np.zeros(SIZE, bool), np.zeros(SIZE), np.ones(SIZE, bool))
SETTINGS = ZoomSettings(opening=0, everywhere=0.0)


def history_of(points, scores):
    points = np.asarray(points, float)
    return History(points, np.asarray(scores, float), np.ones(points.shape, bool))


histories = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.lists(st.floats(0, 1), min_size=SIZE, max_size=SIZE), min_size=n, max_size=n),
        st.lists(st.floats(-10, 10), min_size=n, max_size=n),
    )
)


@hypothesis.given(histories, st.floats(0.02, 0.7), st.integers(0, 1000))
def test_candidates_stay_in_the_cube(past, width, seed):
    points = draw_candidates(history_of(*past), Box(width), GEOMETRY, ZoomSettings(), np.random.default_rng(seed), 50)
    assert points.shape == (50, SIZE)
    assert ((points >= 0) & (points <= 1)).all()


@hypothesis.given(histories, st.floats(0.02, 0.2), st.integers(0, 1000))
def test_the_box_holds_one_of_the_best_points(past, width, seed):
    history = history_of(*past)
    settings = ZoomSettings(opening=0, everywhere=0.0, along=0.0)
    points = draw_candidates(history, Box(width), GEOMETRY, settings, np.random.default_rng(seed), 50)
    half = width * box_sides(history, GEOMETRY, settings.leaders)
    best = history.points[history.order[:3]]
    inside = (np.abs(points[:, None] - best[None]) <= half + 1e-9).all(axis=2)
    assert inside.any(axis=1).all()


def test_an_optimum_at_the_edge_is_reached():
    history = history_of([[0.95] * SIZE, [0.5] * SIZE, [0.2] * SIZE], [3, 2, 1])
    points = draw_candidates(history, Box(0.3), GEOMETRY, SETTINGS, np.random.default_rng(1), 200)
    assert (points == 1.0).any(axis=0).all()


def test_every_candidate_moves():
    history = history_of([[0.5] * SIZE, [0.5] * SIZE], [1, 1])
    points = draw_candidates(history, Box(0.3), GEOMETRY, SETTINGS, np.random.default_rng(1), 200)
    assert (points != 0.5).any(axis=1).all()


@pytest.mark.parametrize(("trials", "share"), [(15, 1.0), (16, 0.0)])
def test_at_first_candidates_come_from_the_whole_space(trials, share):
    history = history_of([[0.5] * SIZE] * trials, range(trials))
    settings = ZoomSettings(everywhere=0.0, everywhere_at_first=1.0)
    points = draw_candidates(history, Box(0.05), GEOMETRY, settings, np.random.default_rng(1), 200)
    assert (np.abs(points - 0.5).max(axis=1) > 0.1).mean() == pytest.approx(share, abs=0.02)


def test_box_widens_shrinks_and_opens_again():
    settings = ZoomSettings(coarse=2, patience=3)
    box = Box(0.2)
    for score in (1.0, 2.0):
        box = box.after(score, settings)
    assert box.width == 0.2
    wider = box.after(3.0, settings)
    assert wider.width == pytest.approx(0.2 * settings.widen)
    for _ in range(3):
        box = box.after(0.0, settings)
    assert box.width == pytest.approx(0.1)
    for _ in range(12):
        box = box.after(-np.inf, settings)
    assert box.restarts == 1
    assert box.width > 0.1


def real(name):
    return Dimension(name, "real", 0.5)


MIXED = Cube((real("x"), real("y"), Dimension("kind", "choice", "a", values=("a", "b")), real("z")))


def value_of(point):
    return -((point[0] - 0.7) ** 2) - (point[1] - 0.2) ** 2 + 0.2 * (point[2] > 0.5) - (point[3] - 0.9) ** 2


def run(strategy, trials, cube=MIXED, order=None):
    """Points of a search in which each result arrives before the next question."""
    suggester = Suggester(cube, strategy)
    points, scores = [], []
    for number in range(trials):
        active = np.ones((number, cube.size), bool)
        history = History(np.array(points).reshape(number, cube.size), np.array(scores), active)
        points.append(suggester.suggest(number, history, np.empty((0, cube.size))))
        scores.append(value_of(points[-1]))
    return np.array(points), np.array(scores)


@pytest.mark.parametrize("ranking", [True, False])
def test_suggestions_depend_on_the_past_alone(ranking):
    points, scores = run(Strategy(3, ranking=ranking), 30)
    # A new suggester that is given the past at once goes on in the same way.
    for number in (9, 17, 29):
        history = History(points[:number], scores[:number], np.ones((number, MIXED.size), bool))
        fresh = Suggester(MIXED, Strategy(3, ranking=ranking))
        np.testing.assert_array_equal(fresh.suggest(number, history, np.empty((0, MIXED.size))), points[number])


def test_another_seed_gives_another_search():
    assert not np.array_equal(run(Strategy(1), 3)[0], run(Strategy(2), 3)[0])


@pytest.mark.parametrize(("ranking", "enough"), [(True, 0.185), (False, 0.12)])
def test_the_zoom_finds_the_optimum(ranking, enough):
    for seed in range(3):
        assert run(Strategy(seed, ranking=ranking), 60)[1].max() > enough


def test_pending_trials_are_kept_away_from():
    points, scores = run(Strategy(5), 20)
    history = History(points, scores, np.ones(points.shape, bool))
    suggester = Suggester(MIXED, Strategy(5))
    alone = suggester.suggest(20, history, np.empty((0, MIXED.size)))
    beside = suggester.suggest(20, history, alone[None])
    assert not np.allclose(alone, beside, atol=1e-3)


def test_infeasible_regions_are_left():
    rng = np.random.default_rng(0)
    points = rng.random((40, MIXED.size))
    scores = np.where(points[:, 0] > 0.5, -np.inf, points[:, 0])
    suggester = Suggester(MIXED, Strategy(1))
    history = History(points, scores, np.ones(points.shape, bool))
    asked = np.array([suggester.suggest(40 + extra, history, np.empty((0, 4))) for extra in range(20)])
    assert (asked[:, 0] > 0.6).mean() < 0.3


def test_kernel_is_fitted_ever_more_rarely():
    assert [last_refit(length) for length in (4, 5, 13, 99)] == [4, 5, 13, 94]
    assert len({last_refit(length) for length in range(4, 1000)}) < 80


def test_a_local_search_climbs_and_leaves_what_is_held():
    rng = np.random.default_rng(4)
    start, held = rng.random((50, SIZE)), np.array([False, True, False, False])
    start[:, 1] = 0.25
    aim = np.array([0.3, 0.9, 1.0, 0.6])

    def promise(points):
        return -((points - aim) ** 2).sum(axis=1)

    point = refined(start, promise, GEOMETRY, held, 0.1, rng)
    assert point[1] == 0.25
    assert np.abs(point - aim)[[0, 3]].max() < 0.05 and point[2] == 0.9
    assert promise(point[None])[0] > promise(start).max()


def test_the_first_trials_stay_from_the_ends_and_later_ones_may_go_there():
    points = np.concatenate([run(Strategy(seed), 14)[0][:, [0, 1, 3]] for seed in range(4)]).reshape(4, 14, 3)
    first = points[:, 1:WITHIN]
    assert ((first >= EDGE) & (first <= 1 - EDGE)).all()
    assert (np.abs(points[:, WITHIN:] - 0.5) > 0.5 - EDGE).any()
