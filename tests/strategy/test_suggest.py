"""Which of the candidates is suggested, stage by stage."""

import numpy as np
import pytest
from scipy import stats
from test_properties import choice, number

from tuners.space.dimensions import cube_from_space
from tuners.strategy import neighbours, ranking, suggest
from tuners.strategy.coarse_stage import starting_points
from tuners.strategy.features import features_of
from tuners.strategy.suggest import (
    EDGE,
    GIVE_UP,
    MARGIN,
    RANKED,
    RANKED_AT_FIRST,
    RATED,
    Strategy,
    Suggester,
    last_refit,
)
from tuners.strategy.zoom import Box, Geometry, History, draw_candidates, refined

SPACE = [number("a", default=0.5), number("b", default=0.25), choice("kind", "x", "y", "z"), choice("only", 7)]
CUBE = cube_from_space(SPACE)
GEOMETRY = Geometry(CUBE.choices, CUBE.steps, CUBE.free)
NONE = np.empty((0, CUBE.size))


def past(trials, seed=1, scores=None):
    """So many finished trials, spread over the space."""
    points = np.random.default_rng(seed).random((trials, CUBE.size))
    points[:, 3] = 0.5
    if scores is None:
        scores = -((points[:, 0] - 0.7) ** 2) - (points[:, 1] - 0.2) ** 2 + 0.1 * (points[:, 2] > 0.66)
    return History(points, np.array(scores, float), np.ones(points.shape, bool))


def asked(at, history=None, pending=NONE, attempt=0, **options):
    return Suggester(CUBE, Strategy(5, **options)).suggest(at, history or past(0), pending, attempt)


@pytest.mark.parametrize("start", ["quasi", "independent"])
@pytest.mark.parametrize("ranking", [True, False])
def test_before_there_is_a_score_the_coarse_stage_goes_on(start, ranking):
    expected = starting_points(start, 8, CUBE.size, np.random.default_rng(5))
    failed = past(3, scores=[-np.inf] * 3)
    for history in (past(0), failed):
        found = np.array([asked(at, history, ranking=ranking, start=start) for at in range(12)])
        np.testing.assert_array_equal(found[:8], expected)
        assert len(np.unique(found[:, 0])) == 12 and found.min() >= 0 and found.max() < 1


def test_a_score_ends_the_coarse_stage_where_there_is_a_model():
    first = starting_points("quasi", 8, CUBE.size, np.random.default_rng(5))
    one = past(1)
    assert all((asked(at, one, ranking=False) == first[at]).all() for at in range(1, 8))
    assert not any((asked(at, one) == first[at]).all() for at in range(1, 8))
    assert not (asked(8, one, ranking=False) == asked(8)).all()


@pytest.mark.parametrize("ranking", [True, False])
def test_another_attempt_gives_another_point_and_the_last_ones_fall_anywhere(ranking):
    history = past(40)
    points = np.array([asked(40, history, attempt=attempt, ranking=ranking) for attempt in range(GIVE_UP)])
    assert len(np.unique(points[:, 0])) > GIVE_UP / 2
    anywhere = np.array([asked(at, history, attempt=GIVE_UP, ranking=ranking) for at in range(40, 140)])
    assert all(stats.kstest(column, "uniform").pvalue > 1e-4 for column in anywhere.T)
    # In the coarse stage as well, whatever the priorities.
    early = np.array([asked(1, attempt=attempt, priorities={"a": 1}) for attempt in range(GIVE_UP, GIVE_UP + 20)])
    assert len(np.unique(early[:, 1])) == 20 and (early[:, 1] != 0.25).all()
    held = np.array([asked(1, attempt=attempt, priorities={"a": 1}) for attempt in range(GIVE_UP)])
    assert (held[:, 1] == 0.25).all() and len(np.unique(held[:, 0])) == GIVE_UP


@pytest.mark.parametrize("ranking", [True, False])
def test_what_is_held_stays_at_the_defaults_and_then_with_the_leader(ranking):
    options = {"ranking": ranking, "priorities": {"a": 1, "b": 2}}
    assert asked(2, **options)[[1, 2]].tolist() == [0.25, 1 / 6]
    # What has one value takes no trials.
    assert asked(2, ranking=ranking, priorities={"only": 1, "a": 2, "b": 3})[0] != 0.5
    history = past(3, scores=[0.1, 0.9, -np.inf])
    assert asked(3, history, **options)[[1, 2]].tolist() == history.points[1, [1, 2]].tolist()
    later = asked(7, history, **options)
    assert later[2] == history.points[1, 2] and later[1] != history.points[1, 1]


def test_later_every_other_trial_is_chosen_without_the_model():
    history = past(40)
    same = [at for at in range(26, 41) if (asked(at, history) == asked(at, history, ranking=False)).all()]
    assert same == [31, 33, 35, 37, 39]


def seen(points):
    return features_of(CUBE, CUBE.free, points, np.ones(points.shape, bool))


def box_after(history, strategy):
    box = Box(strategy.zoom.start)
    for score in history.scores:
        box = box.after(score, strategy.zoom)
    return box


@pytest.mark.parametrize("trials", [9, 40, 200])
@pytest.mark.parametrize("waiting", [0, 3])
def test_without_a_model_the_candidate_with_the_best_neighbours_is_taken(trials, waiting):
    history, strategy = past(trials), Strategy(5, ranking=False)
    chosen = ranking.informative(history.points, history.scores)
    part = History(history.points[chosen], history.scores[chosen], history.active[chosen])
    rng = np.random.default_rng([5, trials, 2])
    points = draw_candidates(part, box_after(history, strategy), GEOMETRY, strategy.zoom, rng, RATED)
    # Trials that run lie about the first of the candidates; they count as neither good nor bad.
    pending = np.repeat(points[:1], waiting, axis=0) + 0.01 * np.arange(waiting)[:, None]
    tried = np.vstack([seen(part.points), seen(pending)])
    standing = np.concatenate([neighbours.standing(part.scores), [0.5] * waiting])
    best = points[np.argmax(neighbours.promise(seen(points), tried, standing))]
    np.testing.assert_array_equal(asked(trials, history, pending, 2, ranking=False), best)


@pytest.mark.parametrize("trials", [2, 5, 16, 57, 200])
@pytest.mark.parametrize("waiting", [0, 2])
def test_with_a_model_the_most_promising_candidate_is_taken(trials, waiting):
    """The same step by step, without anything that is kept between suggestions."""
    at = trials + waiting + (trials > 30) * (trials + waiting) % 2
    # Noise, so that the best by the model is not the best that was seen.
    scores = past(trials).scores + np.random.default_rng(7).normal(0, 0.1, trials)
    history, strategy = past(trials, scores=scores), Strategy(5)
    pending = past(waiting, seed=2).points
    fitted = last_refit(trials)
    early = ranking.informative(history.points[:fitted], history.scores[:fitted])
    kernel = ranking.fit_kernel(
        ranking.Kernel.initial(5), seen(history.points[early]), ranking.standardised(history.scores[early])
    )
    chosen = ranking.informative(history.points, history.scores)
    part = History(history.points[chosen], ranking.standardised(history.scores[chosen]), history.active[chosen])
    features, targets = seen(part.points), part.scores
    if waiting:
        # Those that run are believed to end as predicted.
        expected = ranking.condition(kernel, features, targets).mean(seen(pending))
        features, targets = np.vstack([features, seen(pending)]), np.concatenate([targets, expected])
    model = ranking.condition(kernel, features, targets)
    box = box_after(history, strategy)
    smoothed = model.mean(seen(part.points))
    wanted = smoothed.max() + MARGIN * np.sqrt(box.width / strategy.zoom.start)

    def promise(points):
        return ranking.log_expected_improvement(*model.predict(seen(points)), wanted)

    rng, opening = np.random.default_rng([5, at, 0]), at < strategy.zoom.opening
    count = RANKED_AT_FIRST if opening else RANKED
    points = draw_candidates(part, box, GEOMETRY, strategy.zoom, rng, count, merit=smoothed)
    if opening:
        edge = EDGE if at < 5 else 0.0
        points[:, [0, 1]] = np.clip(points[:, [0, 1]], edge, 1 - edge)
        best = refined(points, promise, GEOMETRY, np.zeros(4, bool), edge, rng)
    else:
        best = points[np.argmax(promise(points))]
    np.testing.assert_array_equal(asked(at, history, pending), best)


def test_the_kernel_is_fitted_at_certain_lengths_only_and_to_what_was_known_then(monkeypatch):
    lengths, kernel_for = [], suggest.kernel_for
    monkeypatch.setattr(suggest, "kernel_for", lambda *given: lengths.append(len(given[2])) or kernel_for(*given))
    history, suggester = past(40), Suggester(CUBE, Strategy(5))
    for trials in range(1, 40, 2):
        part = History(history.points[:trials], history.scores[:trials], history.active[:trials])
        suggester.suggest(18, part, NONE)
        suggester.suggest(20, part, NONE)
    assert lengths == [1, 3, *dict.fromkeys(last_refit(trials) for trials in range(5, 40, 2))]
    # Where nothing had a score by then, what is known now is taken.
    late = past(23, scores=[-np.inf] * 22 + [1.0])
    Suggester(CUBE, Strategy(5)).suggest(24, late, NONE)
    assert last_refit(23) == 22 and lengths[-1] == 23


def test_lengths_at_which_the_kernel_is_fitted_grow_by_seven_percent():
    lengths = sorted({last_refit(length) for length in range(1, 2000)})
    assert lengths[:12] == list(range(4, 16)) and lengths[0] == 4
    assert [further - at for at, further in zip(lengths, lengths[1:], strict=False)] == [
        max(1, round(0.07 * at)) for at in lengths[:-1]
    ]
    assert all(last_refit(at) == at and last_refit(at + 1) in (at, at + 1) for at in lengths)


def test_other_results_change_the_box():
    suggester, scores = Suggester(CUBE, Strategy(5)), np.random.default_rng(3).random(60)
    for changed in (60, 59, 8, 0):
        told = scores.copy()
        told[changed:] = 0.0
        for known in (told, told[:40], scores):
            box = suggester.box(known)
            assert box == box_after(past(len(known), scores=known), suggester.strategy)
