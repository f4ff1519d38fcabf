"""Words that stand for a missing value in one file."""

import numpy as np
import pandas as pd
import pytest

import kzoo
from kzoo.tables.encoding import EncodedColumn, TableEncoding
from kzoo.tables.learning import learn
from kzoo.tables.survey import survey

TABLE = pd.DataFrame(
    {
        "age": ["-999", "-999.0", "3", "4", "<1"] * 12,
        "town": ["Oslo", "none given", "Rome", "-999", "Rome"] * 12,
        "y": ["a", "b", "a", "b", "none given"] * 12,
    }
)


def columns(missing):
    found = survey(TABLE, "y", missing=missing)
    return {each.column.name: (each.column.kind, each.missing) for each in found.columns} | {"y": len(found.rows)}


def test_words_of_every_column_and_of_one():
    assert columns(None) == {"age": ("category", 0), "town": ("category", 0), "y": 60}
    # A row whose target is missing is left out, which takes 12 of "<1" with it.
    assert columns(["none given", -999, "<1"]) == {"age": ("number", 24), "town": ("category", 24), "y": 48}
    assert columns({"age": [-999, "<1"]}) == {"age": ("number", 36), "town": ("category", 0), "y": 60}
    assert columns({"": "none given", "age": -999}) == {"age": ("number", 24), "town": ("category", 12), "y": 48}
    assert columns("none given") == columns(["none given"])


def test_a_word_that_stands_nowhere_is_said():
    found = survey(TABLE, "y", missing={"age": [-998], "town": "none given"})
    assert found.remarks[0] == "'-998' is to stand for a missing value, and no field is that."
    assert not survey(TABLE, "y", missing=["none given"]).remarks[0].startswith("'none given'")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"aeg": [1]}, "missing: no column is called 'aeg'; did you mean 'age'"),
        ([True], "missing: True is a bool; expected text or a number"),
        ([[1]], "missing: .1. is a list"),
        ([" "], "missing: a word is empty"),
    ],
)
def test_words_that_cannot_be(missing, message):
    with pytest.raises(kzoo.DataError, match=message):
        survey(TABLE, "y", missing=missing)


def test_only_tables_have_words():
    with pytest.raises(kzoo.DataError, match="iris: missing= is for tables"):
        kzoo.load_dataset("iris", missing=-9)


def test_numbers_of_a_column_are_missing_in_any_rows():
    found = survey(TABLE, "y", missing={"age": [-999, "<1"], "town": "none given"}).table()
    encoding = learn(found.frame, found.columns)
    assert encoding.features[:2] == ("age", "age is missing")
    ages = [-999.0, np.nan, 3.0]
    x = encoding.encode({"age": ages, "town": ["Oslo", "none given", ""]})
    np.testing.assert_array_equal(x[:, :2], [[3.5, 1], [3.5, 1], [3, 0]])
    np.testing.assert_array_equal(x[1, 2:], x[2, 2:])
    assert TableEncoding.from_dict(encoding.to_dict()) == encoding
    assert EncodedColumn("age", "number").missing_numbers == ()


def test_decimals_are_as_near_as_float32_has_them():
    encoding = learn({"x": [1.0, np.nan]}, survey({"x": [1.0, -99.9], "y": [0, 1]}, "y", missing=-99.9).table().columns)
    np.testing.assert_array_equal(encoding.encode({"x": np.float32([-99.9, 1])})[:, 1], [1, 0])
