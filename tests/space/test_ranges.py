"""What lies in a range, where it lies, and how a range is named."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tuners.space.dimensions import Cube, Dimension, check_names, cube_from_space

CHOICE = Dimension("kind", "choice", "a", values=("a", "b"))
SIZES = Dimension("size", "ordered", 3, values=(3, 5, 9))
COUNTS = Dimension("count", "choice", 3, values=(3, 5))
WORDS = Dimension("word", "ordered", "low", values=("low", "high"))
SHARE = Dimension("share", "real", 0.5, low=0.25, high=0.75)
RATE = Dimension("rate", "real", 1e-2, low=1e-4, high=1.0, scale="log")
UNITS = Dimension("units", "real", 32, low=16, high=512, scale="log", whole=True)
BELOW = Dimension("x", "real", -1.0, low=-2.0, high=-1.0)


def declared(kind, **config):
    return {"class_name": kind, "config": {"name": "x", **config}}


def parent(name, *values):
    return {"class_name": "Parent", "config": {"name": name, "values": list(values)}}


def only(kind, scale=None, **config):
    (dimension,) = cube_from_space([declared(kind, **config)], scale and {"x": scale}).dimensions
    return dimension


@pytest.mark.parametrize(
    ("dimension", "text", "of"),
    [
        (CHOICE, "one of a, b", "words"), (SIZES, "between 3 and 9", "numbers"),
        (SHARE, "between 0.25 and 0.75", "numbers"), (RATE, "between 0.0001 and 1", "numbers"),
        (UNITS, "between 16 and 512", "numbers"),
        (Dimension("flag", "choice", False, values=(False, True)), "one of False, True", "truth values"),
    ],
)  # fmt: skip
def test_in_words(dimension, text, of):
    assert (dimension.range, dimension.of) == (text, of)


@pytest.mark.parametrize(
    ("dimension", "inside", "outside"),
    [
        (CHOICE, ["a", "b"], ["c", 1]), (COUNTS, [3, 5], [4, 2, "3"]),
        (SIZES, [3, 4, 9, 3.5], [2, 10, "3"]), (WORDS, ["low", "high"], ["middle", 1]),
        (SHARE, [0.25, 0.5, 0.75, 0.25 - 1e-12, 0.75 + 1e-12], [0.24, 0.76, 0.25 - 1e-8, 0.75 + 1e-8, "0.5"]),
        (UNITS, [16, 512], [15, 513]),
        (BELOW, [-2.0, -1.0, -2.0 - 1e-9], [-2.1, -0.9, -2.0 - 3e-9]),
    ],
)  # fmt: skip
def test_what_a_range_holds(dimension, inside, outside):
    assert [each for each in inside + outside if dimension.holds(each)] == inside
    # Any number has a place where there are numbers, at the nearest end.
    assert all(
        dimension.has_place_for(each) == (not isinstance(each, str) and dimension in (SIZES, SHARE, UNITS, BELOW))
        for each in outside
    )
    cube = Cube((dimension,))
    assert cube.holds({dimension.name: inside[0], "other": 9}) and not cube.holds({dimension.name: outside[0]})


def test_values_out_of_range_move_to_the_nearest_end():
    assert [SHARE.to_unit(each) for each in (-3, 0.25, 0.5, 0.75, 9)] == [0, 0, 0.5, 1, 1]
    assert [RATE.to_unit(each) for each in (1e-9, 1e-4, 1e-2, 1.0, 5.0)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert UNITS.to_unit(1) == UNITS.to_unit(16) and UNITS.to_unit(9999) == UNITS.to_unit(512)
    assert [SIZES.to_unit(each) for each in (0, 3, 4.1, 5, 6.9, 7.1, 99)] == pytest.approx(
        np.array([1, 1, 3, 3, 3, 5, 5]) / 6
    )


def test_a_whole_number_lies_in_the_middle_of_its_share_of_the_scale():
    low, high = np.log(16), np.log(513)
    for number in (16, 100, 512):
        share = (np.log([number, number + 1]) - low) / (high - low)
        assert UNITS.to_unit(number) == pytest.approx(share.mean())
        ends = [UNITS.to_value(place) for place in share + [1e-9, -1e-9]]
        assert ends == [number, number]


def test_steps():
    assert [each.step for each in (CHOICE, SIZES, SHARE, UNITS)] == [0.5, 1 / 3, 0, 0]
    cube = Cube((CHOICE, SIZES, SHARE, Dimension("only", "choice", 7, values=(7,))))
    assert cube.steps.tolist() == [0.5, 1 / 3, 0, 1]
    assert cube.choices.tolist() == [True, False, False, True] and cube.free.tolist() == [True, True, True, False]


@pytest.mark.parametrize("dimension", [CHOICE, WORDS, COUNTS])
def test_a_choice_that_there_is_not_is_named(dimension):
    with pytest.raises(ValueError) as caught:
        dimension.to_unit("c")
    assert str(caught.value) == f"{dimension.name}: 'c' is not one of {', '.join(map(str, dimension.values))}."
    with pytest.raises(ValueError, match="size: '3' is not one of 3, 5, 9"):
        SIZES.to_unit("3")
    with pytest.raises(ValueError, match="count: 4 is not one of 3, 5"):
        COUNTS.to_unit(4)


def test_declarations_with_one_value_are_constants():
    for dimension, value in (
        (only("Fixed", value="adam"), "adam"), (only("Choice", values=[5], ordered=True), 5),
        (only("Int", min_value=3, max_value=3), 3), (only("Float", min_value=0.5, max_value=0.5), 0.5),
    ):  # fmt: skip
        assert (dimension.kind, dimension.values, dimension.default) == ("choice", (value,), value)


def test_defaults_are_the_declared_ones_or_the_first():
    assert only("Choice", values=[3, 5], ordered=True).default == 3
    assert only("Choice", values=[3, 5], ordered=True, default=5).default == 5
    assert (
        only("Choice", values=[3, 5]).kind == "choice" and only("Choice", values=[3, 5], ordered=True).kind == "ordered"
    )
    assert only("Boolean") == Dimension("x", "choice", False, values=(False, True))
    assert only("Boolean", default=True).default is True
    assert only("Float", min_value=0.25, max_value=1.0).default == 0.25
    assert only("Float", min_value=0.25, max_value=1.0, default=0.5).default == 0.5
    # 0 is a default as any other.
    assert only("Int", min_value=-4, max_value=4, default=0).default == 0


@pytest.mark.parametrize(
    ("kind", "config", "values"),
    [
        ("Float", {"min_value": 0.0, "max_value": 0.3, "step": 0.1}, (0.0, 0.1, 0.2, 0.3)),
        ("Float", {"min_value": 0.0, "max_value": 0.35, "step": 0.1}, (0.0, 0.1, 0.2, 0.3)),
        ("Int", {"min_value": 2, "max_value": 11, "step": 3}, (2, 5, 8, 11)),
        ("Int", {"min_value": 2, "max_value": 60, "step": 3, "sampling": "log"}, (2, 6, 18, 54)),
        ("Float", {"min_value": 1e-3, "max_value": 1.0, "step": 10, "sampling": "log"}, (0.001, 0.01, 0.1, 1.0)),
        ("Float", {"min_value": 1.0, "max_value": 8.0, "step": 2, "sampling": "reverse_log"}, (1.0, 5.0, 7.0, 8.0)),
        ("Int", {"min_value": 1, "max_value": 8, "step": 2, "sampling": "reverse_log"}, (1, 5, 7, 8)),
        ("Int", {"min_value": 1, "max_value": 4}, (1, 2, 3, 4)),
        ("Int", {"min_value": 0, "max_value": 15}, tuple(range(16))),
        ("Int", {"min_value": 20, "max_value": 22}, (20, 21, 22)),
    ],
)
def test_values_of_steps(kind, config, values):
    dimension = only(kind, **config)
    assert dimension == Dimension("x", "ordered", config["min_value"], values=values)
    assert {type(each) for each in dimension.values} == {int if kind == "Int" else float}


@pytest.mark.parametrize(
    ("kind", "config", "scale", "expected"),
    [
        ("Int", {"min_value": 1, "max_value": 17}, None, ("linear", True)),
        ("Int", {"min_value": -8, "max_value": 8}, None, ("linear", True)),
        ("Int", {"min_value": 1, "max_value": 8, "sampling": "log"}, None, ("log", True)),
        ("Float", {"min_value": 0.1, "max_value": 1.0}, None, ("linear", False)),
        ("Float", {"min_value": 0.1, "max_value": 0.9, "sampling": "log"}, "one_minus_log", ("one_minus_log", False)),
        # A scale that is given takes the place of steps as well.
        ("Float", {"min_value": 0.1, "max_value": 1.0, "step": 0.1}, "log", ("log", False)),
        ("Float", {"min_value": 1.0, "max_value": 9.0, "sampling": "reverse_log"}, "linear", ("linear", False)),
    ],
)
def test_scales_of_ranges(kind, config, scale, expected):
    dimension = only(kind, scale, **config)
    assert (dimension.scale, dimension.whole) == expected
    assert (dimension.kind, dimension.values) == ("real", ())
    assert (dimension.low, dimension.high) == (config["min_value"], config["max_value"])


@hypothesis.given(st.floats(0.001, 0.999))
def test_reverse_log_is_that_of_keras_tuner(position):
    """high + low - low (high / low)^(1 - p), which counts from the far end; see `HyperParameter._value_from_prob`."""
    dimension = only("Float", min_value=1.0, max_value=100.0, sampling="reverse_log")
    expected = 101.0 - 100.0 ** (1 - position)
    # 256 values, the ends among them: off by less than a bin, where 460 values come on a unit of the way.
    assert dimension.to_value(position) == pytest.approx(expected, abs=460 / 256)
    assert len(dimension.values) == 256 and (dimension.values[0], dimension.values[-1]) == pytest.approx((1.0, 100.0))


@pytest.mark.parametrize(
    ("space", "scales", "message"),
    [
        ([declared("Text")], {}, "x: hyperparameters of the type Text are not known."),
        ([declared("Int", min_value=0, max_value=4)], {"y": "log"},
         "scales: no hyperparameter is called 'y'; there are x."),
        ([declared("Int", min_value=1, max_value=4)], {"x": "square"},
         "No scale is called 'square'; there are linear, log, one_minus_log."),
        ([declared("Int", min_value=0, max_value=4)], {"x": "log"},
         "x: the range [0, 4] does not fit the scale 'log', which needs 0 < low <= high < inf."),
        ([declared("Fixed", value=1, conditions=[parent("y", 1)]),
          {"class_name": "Fixed", "config": {"name": "y", "value": 1, "conditions": [parent("x", 1)]}}], {},
         "x: its conditions depend on each other in a circle."),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_said(space, scales, message):
    with pytest.raises(ValueError) as caught:
        cube_from_space(space, scales)
    assert str(caught.value) == message


def test_names_that_are_not_there():
    check_names("scales", ["rate"], ["rate", "units"])
    with pytest.raises(ValueError, match=r"^fixed: no hyperparameter is called 'rats'; did you mean rate\?$"):
        check_names("fixed", ["units", "rats"], ["rate", "units"])
    with pytest.raises(ValueError, match=r"^fixed: no hyperparameter is called 'q'; there are rate, units\.$"):
        check_names("fixed", ["q"], ["rate", "units"])


def nested():
    """A number that a choice and a number decide on."""
    under = [parent("kind", "a"), parent("depth", 2, 3)]
    space = [
        {"class_name": "Choice", "config": {"name": "kind", "values": ["a", "b"]}},
        {"class_name": "Int", "config": {"name": "depth", "min_value": 1, "max_value": 3, "default": 2}},
        {"class_name": "Fixed", "config": {"name": "lost", "value": 1, "conditions": [parent("nowhere", 1)]}},
        declared("Float", min_value=0.0, max_value=1.0, default=0.25, conditions=under),
    ]
    return cube_from_space(space)


@pytest.mark.parametrize("ordered", [True, False])
def test_what_applies_beside_its_parents(ordered):
    cube = nested()
    if not ordered:
        # The middle one without bins, as a range of many whole numbers is.
        depth = Dimension("depth", "real", 2, low=1, high=3, whole=True)
        cube = Cube((cube.dimensions[0], depth, *cube.dimensions[2:]))
    points = np.random.default_rng(1).random((40, 4))
    active = cube.active_at(points)
    for point, row in zip(points, active, strict=True):
        values = cube.to_values(point)
        assert row.tolist() == [True, True, False, values["kind"] == "a" and values["depth"] > 1]
        assert cube.active(values).tolist() == row.tolist()
        assert set(values) == {each.name for each, one in zip(cube.dimensions, row, strict=True) if one}
    assert len(np.unique(active[:, 3])) == 2
    # The ends of the cube are those of the ranges.
    assert cube.active_at(np.array([[0.0, 1.0, 0.5, 0.5], [1.0, 1.0, 0.5, 0.5]]))[:, 3].tolist() == [True, False]


def test_points_of_values_and_values_of_points():
    cube = nested()
    assert cube.size == 4
    assert cube.to_point({}).tolist() == [0.25, 0.5, 0.5, 0.25]
    assert cube.to_point({"kind": "a", "depth": 3, "x": 0.75}).tolist() == pytest.approx([0.25, 5 / 6, 0.5, 0.75])
    rest = np.array([0.1, 0.2, 0.3, 0.4])
    # A value that does not apply beside the others counts as none.
    assert cube.to_point({"kind": "b", "x": 0.75}, rest).tolist() == pytest.approx([0.75, 0.2, 0.3, 0.4])
    assert cube.placed({"kind": "b", "x": 0.75, "other": 1}) == {"kind": 0.75}
    assert cube.completed({"kind": "a", "x": 0.5, "other": 1}, rest) == {"kind": "a", "depth": 1}
    assert cube.completed({"depth": 3}, rest) == {"kind": "a", "depth": 3, "x": pytest.approx(0.4)}
    with pytest.raises(ValueError, match="zip"):
        cube.to_values(rest[:3])
