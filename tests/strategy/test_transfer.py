"""Learning from searches on other data."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from test_properties import OPTIMIZERS, choice, number, score_of

from tuners.space.dimensions import cube_from_space
from tuners.strategy import ranking
from tuners.strategy.planner import Planner
from tuners.strategy.suggest import Strategy
from tuners.strategy.transfer import LEAST, Source, SourceModels, TaughtModel, kernel_for, usable, weighted
from tuners.strategy.warm_start import Known

PLANE = [number("a"), number("b")]


def hill(top, values):
    return -((values["a"] - top) ** 2) - (values["b"] - 0.3) ** 2


def source(score, space=PLANE, trials=25, seed=0, name="other"):
    cube, rng = cube_from_space(space), np.random.default_rng(seed)
    drawn = [cube.to_values(rng.random(cube.size)) for _ in range(trials)]
    return Source(name, tuple(Known(values, score(values)) for values in drawn))


def found(sources, score, trials, space=PLANE, seed=1):
    """The best score after each trial of a search."""
    planner, reached = Planner(Strategy(seed), {}, [], sources=sources), []
    planner.take_space(space)
    for one in range(trials):
        values, point = planner.plan(one)
        planner.start(one, values, point)
        reached.append(score(values))
        planner.finish(one, reached[-1])
    return list(np.maximum.accumulate(reached))


def test_the_second_trial_is_where_others_were_good():
    near = [source(lambda v, top=top: 50 + 7 * hill(top, v), seed=seed) for seed, top in enumerate((0.75, 0.8, 0.85))]
    assert found(near, lambda values: hill(0.8, values), 2)[1] > -0.02
    assert found([], lambda values: hill(0.8, values), 2)[1] < -0.02


@pytest.mark.parametrize("ranking", [True, False])
def test_the_first_of_several_workers_take_the_leaders_of_others_in_turn(ranking):
    others = [source(lambda v, top=top: hill(top, v), trials=60) for top in (0.1, 0.9)]
    planner = Planner(Strategy(1, ranking=ranking), {}, [], sources=others)
    planner.take_space(PLANE)
    asked = []
    for one in range(3):
        values, point = planner.plan(one)
        planner.start(one, values, point)
        asked.append([values["a"], values["b"]])
    models = SourceModels(others, cube_from_space(PLANE), same)
    best = models.leaders[models.portfolio(models.leaders, 2)]
    np.testing.assert_allclose(asked, [[0, 0], *best], atol=1e-6)


def test_searches_that_mislead_are_left():
    def score(values):
        return hill(0.2, values)

    misled = [source(lambda values: -hill(0.2, values) if values["a"] > 0.5 else -9.0, seed=seed) for seed in range(3)]
    assert found(misled, score, 20)[-1] > -0.01
    features = np.random.default_rng(0).random((12, 2))
    targets = ranking.standardised(np.array([score({"a": a, "b": b}) for a, b in features]))
    lies = SourceModels(
        [source(lambda values: values["b"], seed=seed) for seed in range(3)], cube_from_space(PLANE), same
    )
    truth = SourceModels([source(score, trials=40)], cube_from_space(PLANE), same)
    assert not kernel_for(features, lies.predict(features), targets)[1]
    assert kernel_for(features, truth.predict(features), targets)[1]


def same(points):
    return points


def test_ends_are_tried_at_once_where_others_know_and_priorities_stand():
    others = [source(lambda v, top=top: hill(top, v), seed=seed, trials=60) for seed, top in enumerate((0.94, 0.97))]
    for priorities, moved in (({}, 0.3), ({"a": 1}, 0.0)):
        planner = Planner(Strategy(1, priorities=priorities), {}, [], sources=others)
        planner.take_space(PLANE)
        for one in range(2):
            values, point = planner.plan(one)
            planner.start(one, values, point)
            planner.finish(one, hill(0.96, values))
        assert values["a"] > 0.85 and values["b"] == pytest.approx(moved, abs=0.1)


def test_leaders_of_others_are_candidates_whenever_they_help():
    space = [number(str(each)) for each in range(12)]
    top = dict(zip(map(str, range(12)), np.random.default_rng(3).random(12), strict=True))

    def score(values):
        return -sum((values[name] - top[name]) ** 2 for name in top)

    known = source(score, space, trials=40)
    known = Source("known", (*known.trials, Known(top, 0.0)))
    planner = Planner(Strategy(1), {}, [], sources=[known])
    planner.take_space(space)
    rng = np.random.default_rng(4)
    for one in range(20):
        values, point = planner.completed({name: rng.random() for name in top}, one)
        planner.start(one, values, point)
        planner.finish(one, score(values))
    assert planner.plan(20)[0] == pytest.approx(top)


def test_the_model_goes_through_the_results_with_others_and_without():
    rng = np.random.default_rng(5)
    features = rng.random((15, 2))
    targets = ranking.standardised(np.array([hill(0.7, {"a": a, "b": b}) for a, b in features]))
    sources = SourceModels([source(lambda values: hill(0.6, values), trials=40)], cube_from_space(PLANE), same)
    assert sources.used == ["other"] and len(sources.leaders) == 3
    assert np.abs(sources.leaders - [0.6, 0.3]).max() < 0.25
    kernel, helped = kernel_for(features, sources.predict(features), targets)
    plain, _ = kernel_for(features, np.empty((15, 0)), targets)
    # What others explain is not left to the process.
    assert helped and kernel.log_signal < plain.log_signal - 0.5
    for model in (TaughtModel(kernel, features, targets, sources), TaughtModel(plain, features, targets)):
        np.testing.assert_allclose(model.mean(features), targets, atol=0.1)
        np.testing.assert_allclose(model.predict(features)[0], model.mean(features), atol=1e-9)
    far = np.array([[5.0, 5.0]])
    taught = weighted(sources.predict(features), targets)
    expected = TaughtModel(kernel, features, targets, sources).mean(far)
    np.testing.assert_allclose(expected, taught.constant, atol=0.05)


def test_a_portfolio_suits_all_and_repeats_nothing():
    others = [source(lambda v, t=top: hill(t, v), trials=60, seed=seed) for seed, top in enumerate((0.1, 0.1, 0.9))]
    models = SourceModels(others, cube_from_space(PLANE), same)
    points = np.array([[0.1, 0.3], [0.11, 0.31], [0.9, 0.3], [0.5, 1.0]])
    first, second, *_ = models.portfolio(points, 2)
    assert first in (0, 1) and second == 2
    assert sorted(models.portfolio(points, 9)) == [0, 1, 2, 3]


def test_weights_follow_the_results():
    rng = np.random.default_rng(1)
    predictions = rng.normal(size=(30, 3))
    sum_ = weighted(predictions, 2.0 * predictions[:, 1] - 1.0)
    assert np.argmax(sum_.weights) == 1 and abs(sum_.weights[1] - 2.0) < 0.1 and abs(sum_.constant + 1.0) < 0.1
    np.testing.assert_allclose(sum_.at(predictions), 2.0 * predictions[:, 1] - 1.0, atol=0.2)
    before = weighted(predictions[:1] * 0, np.zeros(1))
    assert np.allclose(before.weights, 0.7 / 3)


def test_what_a_search_has_not_varied_it_says_nothing_of():
    fixed = source(lambda values: hill(0.8, {**values, "b": 0.3}), trials=30)
    fixed = Source("fixed", tuple(Known({"a": each.values["a"]}, each.score) for each in fixed.trials))
    models = SourceModels([fixed], cube_from_space(PLANE), same)
    there = models.predict(np.array([[0.8, 0.0], [0.8, 0.5], [0.8, 1.0], [0.1, 0.5]]))[:, 0]
    assert np.ptp(there[:3]) < 0.1 and there[:3].min() > there[3] + 0.5


def test_what_can_be_learned_from():
    cube = cube_from_space([*PLANE, choice("kind", "x", "y")])

    def trials(*values, score=1.0):
        return Source("s", tuple(Known(each, score) for each in values))

    apart = [{"a": number / 10, "other": "z"} for number in range(LEAST)]
    assert [each.values for each in usable(trials(*apart), cube)] == [{"a": each["a"]} for each in apart]
    assert not usable(trials(*apart[1:]), cube)
    assert not usable(trials(*apart, score=None), cube)
    assert not usable(trials(*[{"other": number} for number in range(9)]), cube)
    assert len(usable(trials(*apart, {"kind": "unknown"}, {"a": "text"}, {"a": 7.0}), cube)) == LEAST + 1
    with pytest.warns(UserWarning, match="nothing is learned, since none of the 1 searches has at least 2 trials"):
        found([trials({"z": 1})], lambda values: 0.0, 1)


def test_choices_and_conditions_are_learned_too():
    others = [source(score_of, OPTIMIZERS, trials=60, seed=seed) for seed in range(2)]
    assert found(others, score_of, 3, OPTIMIZERS)[-1] > -0.6


@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(st.integers(0, 10**6), st.integers(1, 3))
def test_a_search_that_goes_on_makes_the_same_trials(seed, workers):
    """A suggestion depends on the trials so far and on nothing that was kept from before."""
    sources = [source(lambda values: hill(0.6, values), seed=seed)]
    whole, again = (Planner(Strategy(seed), {}, [], sources=sources) for _ in range(2))
    for planner in (whole, again):
        planner.take_space(PLANE)
    told = []
    for one in range(6):
        values, point = whole.plan(one)
        whole.start(one, values, point)
        told.append((one, values, point))
        if len(told) > workers:
            whole.finish(len(told) - 1 - workers, hill(0.5, told[-1 - workers][1]))
    for one, values, point in told:
        again.start(one, values, point)
    for one, values, _ in told[: len(told) - workers]:
        again.finish(one, hill(0.5, values))
    assert whole.plan(6) == again.plan(6)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(st.lists(st.floats(-3e38, 3e38) | st.none(), min_size=LEAST, max_size=12))
def test_any_scores_of_others_are_taken(scores):
    trials = tuple(Known({"a": place / len(scores)}, score) for place, score in enumerate(scores))
    models = SourceModels([Source("s", trials)], cube_from_space(PLANE), same)
    expected = models.predict(np.array([[0.5, 0.5]]))
    assert np.isfinite(expected).all() and expected.shape[1] == (len(scores) - scores.count(None) >= LEAST)
