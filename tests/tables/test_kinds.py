import datetime
import itertools
import random

import numpy as np
import pandas as pd
import pytest

from kzoo.errors import DataError
from kzoo.tables.reading import read_table
from kzoo.tables.survey import survey

ROWS = 60


def understood(values, name="x", **options):
    """What is made of a column of these values, repeated."""
    values = list(itertools.islice(itertools.cycle(values), ROWS)) if len(values) < ROWS else list(values)
    table = pd.DataFrame({name: pd.Series(values), "z": np.arange(len(values)) % 7, "y": np.arange(len(values)) % 2})
    return survey(table, "y", **options).columns[0]


def shuffled(values):
    values = list(values)
    random.Random(1).shuffle(values)
    return values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1.5", "2", "-3e2"], "number"),
        ([1, 2, 3], "number"),
        (["0", "1"], "number"),
        (["1", "?", "3"], "number"),
        (["1", "\\N", "3"], "number"),
        (["$1,200", "$5"], "number"),
        (["1,248 CC", "998 CC"], "number"),
        (["5mm", "12mm", "?"], "number"),
        (["12 kg", "13 g"], "category"),
        (["12 kg", "13"], "category"),
        (["1st", "2nd"], "category"),
        (["12AB", "13AB"], "category"),
        (["3 rooms or more", "4 rooms or more"], "category"),
        (["True", "False"], "boolean"),
        ([True, False], "boolean"),
        (["yes", "no", ""], "boolean"),
        (["Y", "N", "None"], "boolean"),
        (["male", "female"], "category"),
        (["Yes", "yes", "No"], "category"),
        (["red", None, "blue"], "category"),
        (["set"] + [None] * 3, "category"),
        (["02134", "10001"], "category"),
        (["01", "2", "100"], "category"),
        (["8", "08", "9"], "number"),
        (["1234567890123456789", "1234567890123456780"], "category"),
        (["2024-01-31", "2024-02-01"], "date"),
        (["20240131", "20240201"], "date"),
        ([datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)], "date"),
        (list(pd.date_range("2024-01-01", periods=ROWS, freq="h")), "date"),
        ([f"a few words of {n}" for n in range(ROWS)], "text"),
        ([f"tag {n % 20}" for n in range(ROWS)], "category"),
        ([n / 7 for n in range(ROWS)], "number"),
        (shuffled(range(1800, 1800 + 3 * ROWS, 3)), "number"),
    ],
)
def test_kinds(values, kind):
    assert understood(values).column.kind == kind


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ([None], "x", "empty"),
        (["A"], "x", "one value in every row"),
        (["1", "1.0"], "x", "one value in every row"),
        (range(1, ROWS + 1), "x", "numbers the rows"),
        (shuffled(range(ROWS)), "x", "numbers the rows"),
        (shuffled(range(100, 100 + 3 * ROWS, 3)), "PassengerId", "an id: a different value in every row"),
        (shuffled(range(100, 100 + 3 * ROWS, 3)), "order_no", "an id: a different value in every row"),
        ([f"{n:06}" for n in range(100, 100 + 3 * ROWS, 3)], "x", "an id: a different value in every row"),
        ([f"N{n}" for n in range(ROWS)], "x", "an id: a different value in every row"),
        ([[n] for n in range(ROWS)], "x", "holds lists or records"),
        (["5", *[None] * 999], "x", "as good as empty: 1 of 1000 rows hold a value"),
    ],
)
def test_what_is_left_out_and_why(values, name, reason):
    found = understood(values, name)
    assert (found.column.kind, found.column.reason) == ("left out", reason)


def test_whole_numbers_under_a_name_of_codes_are_categories():
    assert understood(["42420", "90036"], "Postal Code").column.kind == "category"
    assert understood(["1", "7"], "StoreID").column.kind == "category"
    assert understood([1.0, None, 7.0], "store_id").column.kind == "category"
    assert understood(["1", "7"], "paid").column.kind == "number", "no word of its name is id"


def test_wishes_overrule():
    assert understood(["1", "2"], kinds={"x": "category"}).data().tolist()[:2] == ["1", "2"]
    assert understood(["1", "2"], drop=["x"]).column.reason == "as asked"
    assert understood(["A"], keep=["x"]).column.kind == "category"
    assert understood(range(ROWS), keep=["x"]).column.kind == "number"
    assert understood(["red", "blue"], kinds={"x": "text"}).column.kind == "text"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"X": "number"}}, "no column is called 'X'; did you mean 'x'?"),
        ({"drop": ["xx"]}, "drop: no column is called 'xx'; did you mean 'x'?"),
        ({"keep": ["q"]}, "keep: no column is called 'q'; there are x, z, y."),
        ({"kinds": {"x": "float"}}, "kind 'float' is none of number, boolean"),
        ({"drop": ["x"], "keep": ["x"]}, "is to be dropped and to be kept"),
        ({"drop": ["y"]}, "column 'y' is the target"),
        ({"kinds": {"x": "number"}}, "the table: row 1, column 'x': 'red' is not a number; mend it"),
        ({"kinds": {"x": "date"}}, "'red' is not a date"),
        ({"kinds": {"x": "boolean"}}, "'green' is not one of two values"),
    ],
)
def test_wishes_that_cannot_be_had_are_refused(options, message):
    with pytest.raises(DataError) as caught:
        understood(["red", "blue", "green"], **options)
    assert message in str(caught.value)


def test_an_empty_column_cannot_be_kept():
    with pytest.raises(DataError, match="cannot be kept: it holds no value at all"):
        understood([None], keep=["x"])


def test_none_is_a_value_among_words_and_missing_among_others():
    found = understood(["None", "Gravel", "Paved", "NA"])
    assert (found.distinct, found.missing) == (3, ROWS // 4) and "None" not in found.column.missing_words
    assert understood(["None", "1", "2.5"]).missing == ROWS // 3


def test_na_is_a_value_among_country_codes():
    # datasets/country-codes #38, OasisLMF #307: Namibia, and North America.
    found = understood(["NA", "DE", "FR", "US"])
    assert (found.distinct, found.missing) == (4, 0) and "NA" not in found.column.missing_words
    assert understood(["NA", "Asia", "Europe"]).missing == ROWS // 3


def test_missing_words_are_those_that_became_missing():
    for values in (["1", "?", "2"], ["a", "NULL", "b"], ["yes", "None", "no"], ["2024-01-31", "-", "2024-02-01"]):
        found = understood(values)
        assert found.missing == ROWS // 3 and values[1] in found.column.missing_words
        assert not set(found.column.missing_words) & set(found.cells.words)


def test_a_stray_word_among_numbers_is_said():
    table = pd.DataFrame({"x": [*map(str, range(0, 300, 3)), "abc"], "y": [0, 1] * 50 + [1]})
    found = survey(table, "y")
    assert found.columns[0].column.kind == "category"
    assert "would be numbers or dates but for fields such as 'abc' (row 101)" in found.remarks[0]


def test_infinity_is_missing_and_said():
    table = read_table({"x": [1.5, np.inf, 2.5], "y": ["a", "b", "a"]}, "y")
    assert np.isnan(table.frame["x"][1]) and "infinity in 1 row" in table.remarks[0]


def test_doubtful_dates_are_said():
    table = read_table({"x": ["1/2/2024", "4/3/2024", "2/2/2024"], "y": ["a", "b", "a"]}, "y")
    assert table.columns[0].date_format == "%m/%d/%Y" and "either way round" in table.remarks[0]
