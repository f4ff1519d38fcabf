"""How earlier searches are weighed, beside the formulas in their other forms."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats
from sklearn.gaussian_process.kernels import Matern
from test_properties import number

from tuners.space.dimensions import cube_from_space
from tuners.strategy import ranking
from tuners.strategy.transfer import (
    BELIEF,
    CONSTANT_SPREAD,
    LEADERS,
    LONGEST,
    SPREAD,
    TESTED_FROM,
    UNEXPLAINED,
    Source,
    SourceModels,
    TaughtModel,
    kernel_for,
    weighted,
)
from tuners.strategy.warm_start import Known

PLANE = cube_from_space([number("a"), number("b")])


def same(points):
    return points


def results(seed, trials, searches, known=0.0):
    """Features, predictions of the earlier searches, and scores of which the first tells a share."""
    rng = np.random.default_rng(seed)
    predictions = rng.normal(size=(trials, searches))
    scores = known * predictions[:, 0] + (1 - known) * rng.normal(size=trials)
    return rng.random((trials, 2)), predictions, ranking.standardised(scores)


def prior(searches):
    """Means and variances of the weights and of the constant."""
    mean = np.array([BELIEF / searches] * searches + [0.0])
    return mean, np.array([SPREAD**2 / searches] * searches + [CONSTANT_SPREAD**2])


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(st.integers(0, 10**6), st.integers(2, 20), st.integers(1, 4))
def test_the_weights_are_the_mean_of_a_gaussian_given_the_results(seed, trials, searches):
    """mean + V B' (B V B' + noise)^-1 (y - B mean): the same in the space of the results, as in Rasmussen's (2.12)."""
    _, predictions, targets = results(seed, trials, searches)
    mean, variance = prior(searches)
    basis = np.column_stack([predictions, np.ones(trials)])
    covariance = (basis * variance) @ basis.T + UNEXPLAINED * np.eye(trials)
    expected = mean + variance * (basis.T @ np.linalg.solve(covariance, targets - basis @ mean))
    found = weighted(predictions, targets)
    np.testing.assert_allclose([*found.weights, found.constant], expected, atol=1e-6)
    np.testing.assert_allclose(found.at(predictions), basis @ expected, atol=1e-6)


def density(kernel, features, targets, more=0.0):
    matern = np.exp(kernel.log_signal) * Matern(np.exp(kernel.log_lengths), nu=2.5)(features)
    return stats.multivariate_normal(cov=matern + more + np.exp(kernel.log_noise) * np.eye(len(targets))).logpdf(
        targets
    )


def test_they_help_where_they_make_the_results_more_likely():
    decided = []
    for seed in range(12):
        features, predictions, targets = results(seed, 3 + seed, 1 + seed % 3, known=seed % 4 / 3)
        searches = predictions.shape[1]
        mean, variance = prior(searches)
        # The scores are centred in either case, so that the constant is worth no more than the scores' deviation.
        variance[-1] = 1.0
        basis = np.column_stack([predictions, np.ones(len(targets))])
        start = ranking.Kernel.initial(2)
        taught = ranking.fit_kernel(start, features, targets - weighted(predictions, targets).at(predictions))
        plain = ranking.fit_kernel(start, features, targets)
        helped = density(taught, features, targets - basis @ mean, (basis * variance) @ basis.T) >= density(
            plain, features, targets
        )
        kernel, found = kernel_for(features, predictions, targets)
        assert found == helped
        np.testing.assert_array_equal(kernel.pack(), (taught if helped else plain).pack())
        decided.append(helped)
    assert 3 < sum(decided) < 9


@pytest.mark.parametrize(("trials", "decisions"), [(TESTED_FROM - 1, {True}), (TESTED_FROM, {True, False})])
def test_before_there_are_three_results_they_are_believed(trials, decisions):
    assert {kernel_for(*results(seed, trials, 2))[1] for seed in range(10)} == decisions
    features, _, targets = results(0, trials, 2)
    assert not kernel_for(features, np.empty((trials, 0)), targets)[1]


def trials(scores, seed=1):
    places = np.random.default_rng(seed).random((len(scores), 2))
    return tuple(Known({"a": a, "b": b}, score) for (a, b), score in zip(places.tolist(), scores, strict=True)), places


def test_a_source_is_a_model_of_its_own_standardised_scores():
    scores = [3.0, None, 1.0, 7.0, 5.0, -2.0, 4.0]
    known, places = trials(scores)
    models = SourceModels([Source("few", known[:1]), Source("one", known)], PLANE, same)
    assert models.used == ["one"]
    targets = ranking.standardised(np.array([-np.inf if score is None else score for score in scores]))
    model = ranking.condition(ranking.fit_kernel(ranking.Kernel.initial(2), places, targets), places, targets)
    asked = np.random.default_rng(2).random((9, 2))
    np.testing.assert_allclose(models.predict(asked)[:, 0], model.mean(asked))
    # Its best, the best first.
    np.testing.assert_allclose(models.leaders, places[[3, 4, 6]])
    assert len(models.leaders) == LEADERS


def test_the_earlier_of_equals_leads_and_long_searches_are_cut():
    known, places = trials([1.0] * 40)
    np.testing.assert_allclose(SourceModels([Source("equal", known)], PLANE, same).leaders, places[:LEADERS])
    scores = np.random.default_rng(3).random(200).tolist()
    known, places = trials(scores)
    models = SourceModels([Source("long", known)], PLANE, same)
    np.testing.assert_allclose(models.leaders, places[np.argsort(-np.array(scores))[:LEADERS]])


def test_what_was_not_varied_has_the_longest_length():
    known = tuple(Known({"a": place / 10, "b": 0.5}, float(place % 4)) for place in range(10))
    models = SourceModels([Source("line", known)], PLANE, same)
    here, there = models.predict(np.array([[0.3, 0.0], [0.3, 1.0]]))[:, 0]
    # Half a unit of 20 away on both sides, which is as good as no way.
    assert here == pytest.approx(there) and here == pytest.approx(
        models.predict(np.array([[0.3, 0.5]]))[0, 0], abs=0.01
    )
    assert np.exp(LONGEST) == pytest.approx(20.0)


def test_without_sources_nothing_is_predicted():
    models = SourceModels([], PLANE, same)
    assert models.used == [] and models.leaders.shape == (0, 2)
    assert models.predict(np.zeros((3, 2))).shape == (3, 0)


def test_a_portfolio_takes_what_adds_most_to_the_best_so_far():
    rng = np.random.default_rng(4)
    known = [trials(rng.random(30).tolist(), seed)[0] for seed in range(3)]
    models = SourceModels([Source(str(place), each) for place, each in enumerate(known)], PLANE, same)
    points = rng.random((20, 2))
    expected = models.predict(points)
    chosen = models.portfolio(points, 5)
    assert len(chosen) == len(set(chosen)) == 5
    assert chosen[0] == expected.mean(axis=1).argmax()
    for length in range(1, 5):
        reached = [expected[[*chosen[:length], other]].max(axis=0).mean() for other in range(20)]
        best = max(reached[other] for other in range(20) if other not in chosen[:length])
        assert reached[chosen[length]] == pytest.approx(best)
    assert models.portfolio(points, 0) == [] and sorted(models.portfolio(points[:3], 9)) == [0, 1, 2]


def test_a_taught_model_adds_a_process_of_what_is_left():
    features, _, targets = results(5, 12, 1)
    sources = SourceModels([Source("one", trials(np.arange(9.0).tolist())[0])], PLANE, same)
    kernel, asked = ranking.Kernel.initial(2), np.random.default_rng(6).random((7, 2))
    sum_ = weighted(sources.predict(features), targets)
    rest = ranking.condition(kernel, features, targets - sum_.at(sources.predict(features)))
    taught = TaughtModel(kernel, features, targets, sources)
    mean, deviation = taught.predict(asked)
    np.testing.assert_allclose(mean, rest.predict(asked)[0] + sum_.at(sources.predict(asked)))
    np.testing.assert_allclose(taught.mean(asked), mean)
    np.testing.assert_allclose(deviation, rest.predict(asked)[1])
    alone = TaughtModel(kernel, features, targets)
    assert alone.taught is None
    np.testing.assert_allclose(alone.mean(asked), ranking.condition(kernel, features, targets).mean(asked))
