import hypothesis
import keras_tuner
import numpy as np
import pytest
from hypothesis import strategies as st

from tuners.space.dimensions import begins_at_an_end, cube_from_space


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1.0, sampling="log")
    hp.Float("share", 0.0, 1.0)
    hp.Float("tenths", 0.0, 1.0, step=0.1)
    hp.Float("decades", 1e-3, 10.0, step=10, sampling="log")
    hp.Float("reverse", 1.0, 100.0, sampling="reverse_log")
    hp.Int("layers", 1, 4)
    hp.Int("even", 2, 9, step=2)
    hp.Int("units", 16, 512, sampling="log")
    hp.Int("batch", 16, 256, step=2, sampling="log")
    hp.Choice("size", [3, 5, 7])
    hp.Choice("kind", ["a", "b", "c"], default="b")
    hp.Boolean("flag", default=True)
    hp.Fixed("constant", 7)
    with hp.conditional_scope("kind", ["a"]):
        hp.Float("a/rate", 1e-3, 1.0, sampling="log")
    with hp.conditional_scope("kind", ["b", "c"]):
        hp.Boolean("bc/deep")
        with hp.conditional_scope("bc/deep", [True]):
            hp.Int("bc/depth", 1, 9)
    return hp


CUBE = cube_from_space(space().get_config()["space"])
BY_NAME = {each.name: each for each in CUBE.dimensions}


@pytest.mark.parametrize("name", BY_NAME)
@hypothesis.given(st.floats(0, 1))
@hypothesis.settings(max_examples=40)
def test_values_survive_the_way_there_and_back(name, position):
    dimension = BY_NAME[name]
    value = dimension.to_value(position)
    again = dimension.to_value(dimension.to_unit(value))
    assert again == (pytest.approx(value) if isinstance(value, float) else value)


def test_values_of_each_kind():
    assert BY_NAME["tenths"].values == tuple(round(0.1 * index, 1) for index in range(11))
    assert BY_NAME["decades"].values == (0.001, 0.01, 0.1, 1.0, 10.0)
    assert BY_NAME["even"].values == (2, 4, 6, 8)
    assert BY_NAME["batch"].values == (16, 32, 64, 128, 256)
    assert BY_NAME["kind"].kind == BY_NAME["flag"].kind == "choice"
    assert BY_NAME["size"].kind == "ordered"
    assert {type(BY_NAME["units"].to_value(u)) for u in (0, 0.3, 1)} == {int}
    assert [BY_NAME["units"].to_value(u) for u in (0.0, 1.0)] == [16, 512]
    assert not CUBE.free[[each.name for each in CUBE.dimensions].index("constant")]


def test_each_whole_number_gets_its_share():
    drawn = [BY_NAME["layers"].to_value(u) for u in np.linspace(0, 1, 4001)[:-1]]
    assert np.bincount(drawn)[1:] == pytest.approx([1000] * 4, abs=2)


@hypothesis.given(st.lists(st.floats(0, 1), min_size=len(BY_NAME), max_size=len(BY_NAME)))
def test_no_phantom_values(point):
    values = CUBE.to_values(np.array(point))
    hp = space()
    hp.values = dict(values)
    before = dict(values)
    hp.ensure_active_values()
    assert hp.values == before


def test_what_does_not_apply_keeps_its_place():
    rest = np.linspace(0.1, 0.9, CUBE.size)
    values = {"kind": "a", "flag": False}
    point = CUBE.to_point(values, rest)
    index = [each.name for each in CUBE.dimensions].index("bc/depth")
    assert point[index] == rest[index]
    assert not CUBE.active(CUBE.to_values(point))[index]


def test_parents_come_first_whatever_the_order():
    configs = space().get_config()["space"]
    cube = cube_from_space(configs[::-1])
    names = [each.name for each in cube.dimensions]
    assert names.index("kind") < names.index("a/rate")
    assert set(names) == set(BY_NAME)


def test_scales_replace_the_declared_ones():
    configs = space().get_config()["space"]
    cube = cube_from_space(configs, {"share": "linear", "units": "linear"})
    assert {each.name: each.scale for each in cube.dimensions}["units"] == "linear"
    with pytest.raises(ValueError, match="'shar'; did you mean share"):
        cube_from_space(configs, {"shar": "log"})
    with pytest.raises(ValueError, match="share: the range .* does not fit"):
        cube_from_space(configs, {"share": "one_minus_log"})


def test_defaults_at_an_end_of_a_wide_range():
    hp = keras_tuner.HyperParameters()
    hp.Float("undecided", 1e-6, 1.0, sampling="log")
    hp.Int("whole", 1, 1000, sampling="log")
    hp.Float("decided", 1e-6, 1.0, sampling="log", default=1e-3)
    hp.Float("narrow", 1e-3, 1e-2, sampling="log")
    hp.Float("linear", 0.0, 1000.0)
    hp.Choice("choice", [1e-4, 1.0])
    hp.Float("at the top", 1e-6, 1.0, sampling="log", default=1.0)
    with hp.conditional_scope("choice", [1.0]):
        hp.Float("conditional", 1e-6, 1.0, sampling="log")
    cube = cube_from_space(hp.get_config()["space"])
    assert [each.name for each in begins_at_an_end(cube)] == ["undecided", "whole", "at the top"]
