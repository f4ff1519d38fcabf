import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats

from tuners.space.dimensions import cube_from_space
from tuners.space.scales import SCALES, get_scale

RANGES = {"linear": (-3.0, 12.0), "log": (1e-5, 1e-1), "one_minus_log": (0.5, 0.9999)}


@pytest.mark.parametrize("name", SCALES)
@hypothesis.given(st.floats(0, 1))
def test_inverse(name, position):
    low, high = RANGES[name]
    value = get_scale(name).to_value(position, low, high)
    assert low <= value <= high
    assert get_scale(name).to_unit(value, low, high) == pytest.approx(position, abs=1e-9)


@pytest.mark.parametrize("name", SCALES)
def test_ends(name):
    low, high = RANGES[name]
    assert get_scale(name).to_value([0, 1], low, high) == pytest.approx([low, high])
    assert get_scale(name).to_unit([low - 0.1 * abs(low), high * 1.00001], low, high).tolist() == [0, 1]


@pytest.mark.parametrize(("name", "low", "high"), [("log", 0, 1), ("one_minus_log", 0.5, 1), ("log", -1, 1)])
def test_a_range_that_does_not_fit_is_refused(name, low, high):
    with pytest.raises(ValueError, match=f"momentum: the range .* does not fit the scale '{name}'"):
        get_scale(name).check(low, high, "momentum")


def test_unknown_scale_lists_those_there_are():
    with pytest.raises(ValueError, match="'logarithmic'; there are linear, log, one_minus_log"):
        get_scale("logarithmic")


def declared(name, low, high, sampling="linear"):
    config = {"name": name, "min_value": low, "max_value": high, "sampling": sampling, "step": None, "conditions": []}
    return {"class_name": "Float", "config": config}


@pytest.mark.parametrize(
    ("space", "scales", "decades"),
    [
        (declared("rate", 1e-4, 1e-1, "log"), {}, lambda v: np.log10(v)),
        (declared("one_minus_momentum", 1e-4, 1e-1, "log"), {}, lambda v: np.log10(v)),
        (declared("momentum", 0.9, 0.9999), {"momentum": "one_minus_log"}, lambda v: -np.log10(1 - v)),
    ],
)
def test_draws_fall_evenly_over_the_decades(space, scales, decades):
    (dimension,) = cube_from_space([space], scales).dimensions
    drawn = np.array([dimension.to_value(u) for u in np.random.default_rng(1).random(4000)])
    places = decades(drawn)
    low, high = sorted(decades(np.array([dimension.low, dimension.high])))
    assert stats.kstest(places, stats.uniform(low, high - low).cdf).pvalue > 0.01
    shares = np.histogram(places, bins=3, range=(low, high))[0] / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
