"""The Gaussian process beside scikit-learn's, and what is made of its predictions beside the definitions."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from tuners.strategy.ranking import (
    Kernel,
    condition,
    fit_kernel,
    informative,
    log_evidence,
    log_expected_improvement,
    log_posterior,
    log_prior_of_variances,
    standardised,
    typical_length,
)

KERNEL = Kernel(np.log([0.3, 0.9, 2.0]), np.log(1.7), np.log(0.05))


def trials(count=12, seed=1):
    """Features and standardised scores."""
    features = np.random.default_rng(seed).random((count, 3))
    return features, standardised(np.sin(5 * features[:, 0]) + features[:, 1])


def covariance(kernel, features):
    """Of what is seen at features, by scikit-learn."""
    known = ConstantKernel(np.exp(kernel.log_signal)) * Matern(np.exp(kernel.log_lengths), nu=2.5)
    return known(features) + np.exp(kernel.log_noise) * np.eye(len(features))


def density_by_scipy(kernel, features, targets):
    """Logarithm of the posterior density of a kernel, but for a constant."""
    lengths = stats.norm(np.log(typical_length(3)), 1.0).logpdf(kernel.log_lengths).sum()
    variances = stats.norm(0.0, 1.0).logpdf(kernel.log_signal) + stats.norm(np.log(0.02), 1.5).logpdf(kernel.log_noise)
    seen = stats.multivariate_normal(cov=covariance(kernel, features)).logpdf(targets)
    return seen + lengths + variances, seen, variances


def test_predictions_are_those_of_scikit_learn():
    features, targets = trials()
    kernel = ConstantKernel(1.7) * Matern(np.exp(KERNEL.log_lengths), nu=2.5)
    known = GaussianProcessRegressor(kernel, alpha=0.05, optimizer=None).fit(features, targets)
    model, places = condition(KERNEL, features, targets), np.random.default_rng(2).random((9, 3))
    mean, deviation = model.predict(places)
    expected, covariance = known.predict(places, return_cov=True)
    for found in (mean, model.mean(places), model.joint(places)[0]):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(covariance)), atol=1e-5)
    np.testing.assert_allclose(model.joint(places)[1], covariance, atol=1e-5)


def test_without_noise_a_trial_is_known_exactly_and_nothing_is_less_than_known():
    features, targets = trials()
    model = condition(Kernel(KERNEL.log_lengths, 0.0, np.log(1e-12)), features, targets)
    mean, deviation = model.predict(features)
    np.testing.assert_allclose(mean, targets, atol=1e-4)
    assert ((1e-5 <= deviation) & (deviation < 1e-3)).all()


def test_densities_are_those_of_scipy_but_for_a_constant():
    features, targets = trials()
    others = [KERNEL, Kernel(np.log([1.0, 0.2, 0.5]), -0.4, np.log(0.3)), Kernel.initial(3)]
    expected = np.array([density_by_scipy(kernel, features, targets) for kernel in others])
    found = np.array(
        [
            (log_posterior(kernel, features, targets), log_evidence(kernel, features, targets),
             log_prior_of_variances(kernel))
            for kernel in others
        ]
    )  # fmt: skip
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-5)


def test_evidence_with_more_covariance():
    features, targets = trials()
    more = 0.3 * np.ones((12, 12)) + np.diag(np.linspace(0.1, 1.0, 12))
    with_more, without = (
        stats.multivariate_normal(cov=covariance(KERNEL, features) + each).logpdf(targets) for each in (more, 0.0)
    )
    found = log_evidence(KERNEL, features, targets, more) - log_evidence(KERNEL, features, targets)
    assert found == pytest.approx(with_more - without, abs=1e-5)


def test_the_fit_is_where_the_density_is_highest():
    features, targets = trials(20)
    kernel = fit_kernel(Kernel.initial(3), features, targets, steps=200)
    slope = optimize.approx_fprime(
        kernel.pack(), lambda packed: log_posterior(Kernel.unpack(packed), features, targets), 1e-6
    )
    assert np.abs(slope).max() < 0.01
    one = fit_kernel(Kernel.initial(3), features, targets, steps=1)
    assert log_posterior(one, features, targets) < log_posterior(kernel, features, targets) - 0.1
    # The default number of steps is enough.
    few = fit_kernel(Kernel.initial(3), features, targets)
    assert log_posterior(few, features, targets) == pytest.approx(log_posterior(kernel, features, targets), abs=0.01)
    # The scores are a function of two of the features.
    assert kernel.log_lengths[0] < kernel.log_lengths[1] < kernel.log_lengths[2]


def test_a_fit_stays_in_its_bounds():
    features, _ = trials(20)
    noise = np.random.default_rng(3).normal(size=20)
    for level in (0.04, 0.5):
        kernel = fit_kernel(Kernel.initial(3), features, noise, noise=(level, level))
        assert np.exp(kernel.log_noise) == pytest.approx(level)
    ends = [np.log([0.05, 20.0])] * 3 + [np.log([0.1, 10.0]), np.log([1e-5, 1.0])]
    for targets in (1e4 * noise, 0 * noise, 100 * np.sign(features[:, 0] - 0.5)):
        packed = fit_kernel(Kernel.initial(3), features, targets).pack()
        assert all(low - 1e-9 <= one <= high + 1e-9 for one, (low, high) in zip(packed, ends, strict=True))
    wild, flat = (fit_kernel(Kernel.initial(3), features, targets) for targets in (1e4 * noise, 0 * noise))
    assert (np.exp(wild.log_signal), np.exp(wild.log_noise)) == pytest.approx((10.0, 1.0))
    assert np.exp(flat.log_signal) == pytest.approx(0.1)


def test_lengths_grow_with_the_root_of_the_number_of_features():
    assert [typical_length(features) for features in (7, 28, 63)] == pytest.approx([0.6, 1.2, 1.8])
    start = Kernel.initial(28)
    assert np.exp(start.log_lengths) == pytest.approx([1.2] * 28)
    assert (np.exp(start.log_signal), np.exp(start.log_noise)) == pytest.approx((1.0, 0.02))


@pytest.mark.parametrize("scores", [[3.0, 1.0, 2.0], [5.0, 4.0, 3.0, -1e9, -np.inf]])
def test_standardised_scores_have_mean_0_and_deviation_1_in_the_same_order(scores):
    made = standardised(np.array(scores))
    assert (made.mean(), made.std()) == pytest.approx((0.0, 1.0))
    assert (np.diff(made[np.argsort(scores)]) >= 0).all()


def test_what_is_far_below_the_median_counts_as_one_and_a_half_times_as_far_as_the_best_is_above_it():
    # Median 2 and best 4: the floor is -1.
    made = standardised(np.array([4.0, 2.0, -np.inf, 3.0, -50.0, 0.5]))
    drawn_in = np.array([4.0, 2.0, -1.0, 3.0, -1.0, 0.5])
    np.testing.assert_allclose(made, (drawn_in - drawn_in.mean()) / drawn_in.std())


def test_the_size_of_scores_does_not_matter():
    scores = np.array([4.0, 2.0, -np.inf, 3.0, -50.0, 0.5])
    for size in (1e-6, 1e9):
        np.testing.assert_allclose(standardised(size * scores), standardised(scores), atol=1e-5)


def test_equal_scores_say_nothing():
    assert (standardised(np.full(4, 0.7)) == 0).all()


@pytest.mark.parametrize("score", [0.7, -2e4, 3e9])
def test_the_infeasible_are_worse_than_the_only_score_whatever_its_size(score):
    made = standardised(np.array([score, -np.inf, -np.inf, -np.inf]))
    assert made == pytest.approx([3**0.5, *[-(3**-0.5)] * 3], abs=0.01)
    best, *others = standardised(np.array([0.0, -np.inf, -np.inf]))
    assert best > 0.5 and max(others) < 0


@hypothesis.settings(deadline=None)
@hypothesis.given(st.floats(-1e3, 30.0), st.floats(0.01, 10.0), st.floats(-5, 5))
def test_expected_improvement_is_the_integral_that_it_stands_for(z, deviation, best):
    # deviation phi(z) times the integral of t exp(z t - t^2 / 2) over t > 0, which is taken in units of 1 / (1 + |z|).
    unit = 1 / (1 + abs(z))
    if z < 0:
        integral = integrate.quad(lambda u: u * np.exp(z * unit * u - (unit * u) ** 2 / 2), 0, 60)[0]
        expected = stats.norm.logpdf(z) + np.log(integral) + 2 * np.log(unit)
    else:
        expected = np.log(stats.norm.pdf(z) + z * stats.norm.cdf(z))
    found = log_expected_improvement(np.array([best + z * deviation]), np.array([deviation]), best)
    # Beyond -30 only the first term of the series is taken, 3 / z^2 apart from the whole.
    assert found[0] == pytest.approx(expected + np.log(deviation), abs=4e-3, rel=1e-9)


@hypothesis.settings(deadline=None)
@hypothesis.given(st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=20), st.integers(1, 12))
def test_the_model_sees_the_best_half_of_its_allowance_and_the_latest(scores, most):
    chosen = informative(np.zeros((len(scores), 1)), np.array(scores), most)
    best = sorted(range(len(scores)), key=lambda trial: (-scores[trial], trial))[: most // 2]
    latest = [trial for trial in range(len(scores)) if trial not in best][-(most - most // 2) :]
    assert chosen.tolist() == (sorted(best + latest) if len(scores) > most else list(range(len(scores))))


def test_of_many_trials_the_earlier_of_equals_is_kept():
    scores = np.random.default_rng(1).permutation(np.repeat(np.arange(10.0), 40))
    best = sorted(range(400), key=lambda trial: (-scores[trial], trial))[:80]
    latest = [trial for trial in range(400) if trial not in best][-80:]
    assert informative(np.zeros((400, 1)), scores).tolist() == sorted(best + latest)
