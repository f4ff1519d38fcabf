"""Values, durations and messages as people read them."""

import math
import types

import hypothesis
import pytest
from hypothesis import strategies as st

from tuners.space.shown import cell, columns, number, reason, seconds, shortened, shown_name, shown_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"), (1234.5, "1.23e+03"), (1e-5, "1e-05"), (0.1, "0.1"), (0.0, "0"), (-0.5, "-0.5"),
        (0.9, "0.9"), (0.95, "0.95"), (0.991234, "0.9912"), (0.9896, "0.99"), (0.9954321, "0.9954"),
        (0.999543, "0.99954"), (1.0, "1"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
        (12345678, "12345678"), (True, "True"), ("relu", "relu"), (None, "None"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


def test_numbers_with_other_digits():
    assert [number(math.pi, digits) for digits in (1, 2, 5)] == ["3", "3.1", "3.1416"]
    assert number(0.999543, 6) == "0.999543"


@hypothesis.given(st.integers(2, 9), st.floats(1.0, 9.9))
def test_what_is_missing_to_1_can_be_read_to_a_twentieth(nines, rest):
    missing = rest * 10.0**-nines
    assert 1 - float(number(1 - missing)) == pytest.approx(missing, rel=0.0501)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0 s"), (0.04, "0.0 s"), (8.25, "8.2 s"), (9.94, "9.9 s"), (9.96, "10 s"), (10.0, "10 s"),
        (59.4, "59 s"), (59.6, "1 min 00 s"), (125.0, "2 min 05 s"), (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"),
        (3600.0, "1 h 00 min"), (11400.0, "3 h 10 min"), (100000.0, "27 h 46 min"),
    ],
)  # fmt: skip
def test_durations(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("units", 5, "units"), ("units", 4, "u…ts"), ("learning_rate_of_layer_1", 10, "lear…yer_1")],
)
def test_long_names_by_both_ends(text, most, shown):
    assert shortened(text, most) == shown and len(shown) <= most


def test_a_complement_is_shown_as_what_it_is_the_complement_of():
    assert [shown_name(each) for each in ("sgd/one_minus_momentum", "one_minus_beta_1", "units", "none_minus_one")] == [
        "sgd/momentum", "beta_1", "units", "none_minus_one",
    ]  # fmt: skip
    assert shown_name("one_minus_x/units") == "one_minus_x/units"
    assert shown_value("sgd/one_minus_momentum", 0.1) == 0.9
    assert shown_value("one_minus_beta_2", 1e-3) == 0.999
    assert shown_value("momentum", 0.1) == 0.1


def test_the_line_that_names_the_error_is_the_reason():
    message = """Traceback (most recent call last):
  File "model.py", line 3, in build
    raise ValueError(text)
keras.src.errors.ShapeError: units is 0
  Arguments received by Dense.call():
    training=True

"""
    assert reason(message) == "keras.src.errors.ShapeError: units is 0"
    assert (
        reason("ValueError: first\n\nDuring handling\n\n  OtherException: second  \nmore\n") == "OtherException: second"
    )
    assert reason("one\n two \n\n") == "two"
    assert reason("No Error: here\nlast") == "last"
    assert [reason(each) for each in ("", " \n")] == ["", ""]


def test_columns_are_hyperparameters_that_differ_and_optimizers_share_one():
    trials = [
        types.SimpleNamespace(values=values)
        for values in (
            {"optimizer": "adam", "adam/rate": 0.001, "units": 16, "adam/one_minus_beta_1": 0.1},
            {"optimizer": "sgd", "sgd/rate": 0.5, "units": 16, "sgd/one_minus_momentum": 0.05},
            {"optimizer": "sgd", "sgd/rate": 0.25, "units": 16, "depth": 2, "sgd/one_minus_momentum": 0.05},
        )
    ]
    assert columns(iter(trials)) == ["optimizer", "rate", "one_minus_beta_1", "one_minus_momentum", "depth"]
    assert [cell("rate", each.values) for each in trials] == ["0.001", "0.5", "0.25"]
    assert [cell("one_minus_momentum", each.values) for each in trials] == ["", "0.95", "0.95"]
    assert [cell("depth", each.values) for each in trials] == ["", "", "2"]
    assert columns([]) == columns(trials[:1]) == []
    plain = [types.SimpleNamespace(values={"a": a, "b": 1}) for a in (1, 2)]
    assert columns(plain) == ["a"]
