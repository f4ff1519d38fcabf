import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzoo.tables.numbers import find_written, numbers_as_written, plain_numbers


def read(words, decimal):
    written = find_written(words)
    return None if written is None or decimal not in written.decimals else list(numbers_as_written(written, decimal))


@pytest.mark.parametrize(
    ("words", "decimal", "numbers"),
    [
        (["1,234", "12,345,678.5", "7"], ".", [1234, 12345678.5, 7]),
        (["1.234,5", "12.345.678", "7"], ",", [1234.5, 12345678, 7]),
        (["0,126", "-1,132"], ",", [0.126, -1.132]),
        (["$1,234", "-$5", "$-5", "($5)", "0"], ".", [1234, -5, -5, -5, 0]),
        (["5 €", "€ 6,50"], ",", [5, 6.5]),
        (["R$ 1.234,50"], ",", [1234.5]),
        (["12.5%", "3 %"], ".", [12.5, 3]),
        (["(12)", "12"], ".", [-12, 12]),
        (["1'234.5", "1\u2019000"], ".", [1234.5, 1000]),
        (["1\u00a0234,5", "12 000", "\u22123"], ",", [1234.5, 12000, -3]),
        (["12,34,567.5"], ".", [1234567.5]),
    ],
)
def test_numbers_are_read_as_people_write_them(words, decimal, numbers):
    assert read(words, decimal) == numbers


@pytest.mark.parametrize(
    "words",
    [
        ["5%", "5"],
        ["$5", "€5"],
        ["1-2"],
        ["12:30"],
        ["1.2.3"],
        ["1,2,3"],
        ["abc"],
        ["5 kg"],
        ["$"],
        ["--5"],
    ],
)
def test_what_is_no_number_is_none(words):
    assert find_written(words) is None or not find_written(words).decimals


def test_a_decimal_sign_is_told_from_the_whole_column():
    assert find_written(["1,234", "5"]).doubtful
    assert find_written(["1,234", "5,1"]).decimals == (",",)
    assert find_written(["1,234", "5.1"]).decimals == (".",)
    assert not find_written(["0,234", "5"]).doubtful, "no group of thousands begins with 0"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_plain_numbers_are_exact(values):
    assert plain_numbers([repr(value) for value in values]).tolist() == values


@pytest.mark.parametrize("word", ["1_000", "nan", "infinity", "", "0x10", "1 2"])
def test_words_that_only_python_takes_for_numbers_are_none(word):
    assert plain_numbers(["1", word]) is None


def test_infinity_is_plain():
    assert np.isposinf(plain_numbers(["inf", "1"])[0])
