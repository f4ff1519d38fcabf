"""The model of learning curves: what it says of trials whose end is known."""

import math

import numpy as np
import pytest

from tuners.strategy import curves as model
from tuners.strategy.curves import CurveModel, Settings, fitted, observed

EPOCHS = 27


def rising(end, speed=0.3, epochs=EPOCHS):
    """The curve of a trial that comes near its end."""
    return end - np.exp(-speed * np.arange(1, epochs + 1))


def trials(count, seed=0, after=EPOCHS, own=0.0):
    """Features [count, 2] and curves of trials whose end depends on the first feature, and on luck."""
    rng = np.random.default_rng(seed)
    features = rng.random((count, 2))
    ends = 1 - (features[:, 0] - 0.5) ** 2 + own * rng.normal(size=count)
    return features, [rising(end)[:after] for end in ends]


def outlook(features, curves, feature, curve, epochs=EPOCHS):
    return CurveModel().outlook(np.vstack([features, feature]), [*curves, np.asarray(curve)], epochs)


def test_a_trial_is_judged_by_how_far_it_has_come():
    features, curves = trials(12)
    good, bad = (outlook(features, curves, [0.5, 0.5], rising(end)[:4]) for end in (1.2, 0.4))
    assert good.chance > 0.5 > 0.1 > bad.chance
    assert good.promise > bad.promise


def test_a_trial_is_judged_by_what_trials_like_it_have_become():
    """Two begin alike; what is near the one has ended far better than what is near the other."""
    near_good = [[0.1, each] for each in (0.2, 0.4, 0.6, 0.8)]
    near_bad = [[0.9, each] for each in (0.2, 0.4, 0.6, 0.8)]
    late = [np.where(np.arange(EPOCHS) < 6, 0.1, 0.1 + 0.03 * (np.arange(EPOCHS) - 5)) for _ in near_good]
    never = [np.full(EPOCHS, 0.1) for _ in near_bad]
    features, curves = np.array(near_good + near_bad), late + never
    one, other = (outlook(features, curves, [x, 0.5], np.full(3, 0.1)) for x in (0.1, 0.9))
    assert one.promise > 0.5 > 0.2 > other.promise
    assert one.chance > other.chance


def test_chances_are_right_on_average():
    """Of trials that are given a chance of p to pass the best, a share of about p does."""
    said, came = [], []
    for seed in range(60):
        features, curves = trials(10, seed, own=0.1)
        found = outlook(features[:-1], curves[:-1], features[-1], curves[-1][:3])
        said.append(found.chance)
        came.append(curves[-1][-1] > max(each[-1] for each in curves[:-1]))
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)
    surely_not = np.array(said) < 0.05
    assert surely_not.sum() > 20 and np.array(came)[surely_not].mean() <= 0.05


def test_a_promise_lies_between_what_is_reached_and_the_best():
    features, curves = trials(8)
    best = max(each[-1] for each in curves)
    for end in (0.3, 0.9, 1.5):
        begun = rising(end)[:3]
        assert begun[-1] <= outlook(features, curves, [0.5, 0.5], begun).promise <= max(best, begun[-1])


def test_what_has_no_number_has_no_chance():
    features, curves = trials(5)
    assert outlook(features, curves, [0.5, 0.5], [-math.inf] * 2).chance == 0.0
    # Nothing to compare with: it goes on.
    assert outlook(features[:2], [np.full(27, -math.inf)] * 2, [0.5, 0.5], [0.3, 0.4]).chance == 1.0


def test_others_without_a_number_count_as_bad():
    features, curves = trials(6)
    curves[2] = np.full(EPOCHS, -math.inf)
    curves[4][:5] = -math.inf
    assert 0 < outlook(features, curves, [0.5, 0.5], rising(1.0)[:4]).chance < 1


def test_all_alike_is_no_error():
    features = np.zeros((5, 1))
    found = outlook(features, [np.full(EPOCHS, 0.5)] * 5, [0.0], [0.5, 0.5])
    assert 0 <= found.chance <= 1 and found.promise == pytest.approx(0.5)


@pytest.mark.parametrize(("epochs", "begun"), [(2, 1), (3, 2), (1000, 4)])
def test_any_number_of_epochs(epochs, begun):
    curves = [rising(end, epochs=epochs) for end in (0.5, 0.7, 0.9)]
    found = outlook(np.array([[0.1], [0.5], [0.9]]), curves, [0.9], rising(0.9, epochs=epochs)[:begun], epochs)
    assert 0 < found.chance < 1


def test_trials_may_have_other_numbers_of_epochs():
    features, curves = trials(6)
    longer = [*curves[:-1], rising(1.0, epochs=60)]
    assert 0 < outlook(features, longer, [0.5, 0.5], rising(1.0)[:4], epochs=40).chance < 1


def test_a_curve_is_seen_at_steps_and_at_its_end():
    at = {each: observed([np.arange(each) / 10.0], 81)[1].tolist() for each in (1, 3, 5, 81)}
    assert at == {1: [1], 3: [1, 3], 5: [1, 3, 5], 81: [1, 3, 9, 27, 81]}
    numbers, epochs, scores = observed([np.array([0.1, 0.2]), np.array([0.5])], 81)
    assert (numbers.tolist(), epochs.tolist(), scores.tolist()) == ([0, 0, 1], [1, 2, 1], [0.1, 0.2, 0.5])


def test_the_likelihood_chooses_how_far_trials_go_their_own_way():
    features = np.repeat(np.random.default_rng(0).random((10, 2)), 2, axis=0)
    ends = np.random.default_rng(1).random(20)
    alike, apart = ([rising(end) for end in each] for each in (np.repeat(ends[:10], 2), ends))
    assert fitted(features, alike, EPOCHS).own < fitted(features, apart, EPOCHS).own


def test_the_likelihood_chooses_what_early_epochs_tell():
    rng, features = np.random.default_rng(1), np.random.default_rng(2).random((20, 2))
    # Late epochs that have nothing to do with the early ones.
    jumping = [np.maximum.accumulate(np.cumsum(rng.normal(size=EPOCHS) ** 2)) for _ in features]
    steady = [rising(end) for end in rng.random(20)]
    assert fitted(features, jumping, EPOCHS).along < fitted(features, steady, EPOCHS).along


def test_what_is_kept_between_calls_changes_nothing():
    features, curves = trials(15)
    kept = CurveModel()
    for count in range(2, 15):
        begun = [*curves[:count], curves[count][:4]]
        assert kept.outlook(features[: count + 1], begun, EPOCHS) == CurveModel().outlook(
            features[: count + 1], begun, EPOCHS
        )


def test_settings_are_fitted_at_certain_numbers_of_trials_only(monkeypatch):
    made = []
    monkeypatch.setattr(
        model, "fitted", lambda features, curves, last: made.append(len(curves)) or Settings(np.full(2, 0.5))
    )
    features, curves = trials(13)
    kept = CurveModel()
    for count in range(2, 13):
        kept.outlook(features[: count + 1], [*curves[:count], curves[count][:4]], EPOCHS)
    assert made == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    made.clear()
    features, curves = trials(43)
    for count in range(38, 43):
        kept.outlook(features[: count + 1], [*curves[:count], curves[count][:4]], EPOCHS)
    assert len(made) < 4


def test_many_trials_cost_no_more(monkeypatch):
    sizes = []
    monkeypatch.setattr(model, "_end", lambda *given: sizes.append(len(given[4])) or (0.0, 1.0))
    features, curves = trials(200)
    outlook(features, curves, [0.5, 0.5], rising(1.0)[:3])
    assert sizes == [model.MOST]
