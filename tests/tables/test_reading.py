import json

import numpy as np
import pandas as pd
import pytest

from kzoo.errors import DataError
from kzoo.tables.columns import Column
from kzoo.tables.reading import read_rows, read_table


@pytest.fixture
def flowers():
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(40, 2)), columns=["length", "width"])
    frame["colour"] = random.choice(["red", "white", "blue"], 40)
    frame["wild"] = frame["width"] > 0
    frame["seen"] = pd.date_range("2024-01-01", periods=40)
    frame["kind"] = np.where(frame["length"] > 0, "rose", "tulip")
    return frame


def same(one, other):
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert [(each.name, each.kind) for each in one.columns] == [(each.name, each.kind) for each in other.columns]
    assert (one.target == other.target).all()


def test_a_table_is_the_same_from_every_source(flowers, tmp_path):
    table = read_table(flowers, "kind")
    assert [column.kind for column in table.columns] == ["number", "number", "category", "boolean", "date"]
    flowers.to_csv(tmp_path / "a.csv", index=False)
    flowers.assign(seen=flowers["seen"].astype(str)).to_json(
        tmp_path / "a.jsonl", orient="records", lines=True, double_precision=15
    )
    same(read_table(tmp_path / "a.csv", "kind"), table)
    same(read_table(dict(flowers), "kind"), table)
    same(read_table(flowers.astype({"colour": "category", "kind": "category"}), "kind"), table)
    lines = read_table(tmp_path / "a.jsonl", "kind")
    np.testing.assert_allclose(lines.frame["length"], flowers["length"], rtol=1e-12)
    assert [column.kind for column in lines.columns] == [column.kind for column in table.columns]


def test_an_index_with_a_name_is_said(flowers):
    assert "The index (seen) is no column" in read_table(flowers.set_index("seen"), "kind").remarks[0]


def test_arrow_files_are_read(flowers, tmp_path):
    pytest.importorskip("pyarrow")
    table = read_table(flowers, "kind")
    flowers.to_parquet(tmp_path / "a.parquet")
    flowers.to_feather(tmp_path / "a.feather")
    for name in ("a.parquet", "a.feather"):
        same(read_table(tmp_path / name, "kind"), table)
        rows = pd.concat(read_rows(tmp_path / name, table.columns, chunk_rows=15))
        pd.testing.assert_frame_equal(rows, table.frame)


def test_arrow_files_without_pyarrow_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"pip install 'kzoo\[parquet\]'"):
        read_table(tmp_path / "a.parquet", "y")


def test_the_frame_is_as_the_contract_says(flowers):
    flowers.loc[3, "width"], flowers.loc[4, "colour"] = np.nan, None
    frame = read_table(flowers.assign(colour="  " + flowers["colour"] + " "), "kind").frame
    assert frame["width"].dtype == np.float64 and np.isnan(frame["width"][3])
    assert frame["colour"].dtype == object and frame["colour"][4] is None and type(frame["colour"][0]) is str
    assert set(frame["colour"].dropna()) == {"red", "white", "blue"}
    assert frame["seen"][0] == "2024-01-01" and frame["wild"][0] in ("True", "False")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.0", "0.0", "1.0"], [1, 0, 1]),
        ([1.0, 0.0, 1.0], [1, 0, 1]),
        (["1.5", "2", "3"], [1.5, 2.0, 3.0]),
        (["$1,200", "$3,400", "$5"], [1200, 3400, 5]),
        (["yes ", "yes", " no"], ["yes", "yes", "no"]),
        ([True, False, True], ["True", "False", "True"]),
        (["None", "low", "high"], ["None", "low", "high"]),
    ],
)
def test_targets(values, expected):
    table = read_table({"x": [1.5, 2.5, 3.5], "y": values}, "y")
    assert table.target.tolist() == expected
    assert [type(value) for value in table.target.tolist()] == [type(value) for value in expected]


def test_rows_without_a_target_are_left_out_and_counted():
    table = read_table({"x": [1.5, 2.5, 3.5, 4.5, 9.5], "y": ["a", None, "b", "NaN", "a"]}, "y")
    assert table.target.tolist() == ["a", "b", "a"] and table.frame["x"].tolist() == [1.5, 3.5, 9.5]
    assert table.rows.tolist() == [1, 3, 5]
    assert table.remarks == ("2 rows without a target are left out, the first of them row 2.",)


def test_rows_without_any_value_are_left_out_and_counted():
    table = read_table({"x": [1.5, None, 3.5], "y": ["a", None, "b"]}, "y")
    assert table.remarks == ("1 row without any value is left out.",)


def test_several_targets():
    table = read_table({"x": [1.5, 2.5, 3.5], "y": [1, 2, None], "z": [0.5, 1.5, 2.5]}, ["z", "y"])
    assert table.target.tolist() == [[0.5, 1.0], [1.5, 2.0]] and table.target_names == ("z", "y")


def test_labels_that_differ_in_case_are_said():
    table = read_table({"x": [1.5, 2.5, 3.5], "y": ["Yes", "yes", "No"]}, "y")
    assert "labels that differ only in case or spaces are different classes: Yes/yes." in table.remarks[0]


def test_a_number_may_be_taken_for_classes():
    assert read_table({"x": [1.5, 2.5], "y": ["1.0", "2"]}, "y", kinds={"y": "category"}).target.tolist() == [
        "1.0",
        "2",
    ]


DAYS = [f"2020-01-{day:02d}" for day in range(1, 22)]


@pytest.mark.parametrize(
    ("dates", "kinds"), [(DAYS[:20], {}), (DAYS, {"y": "category"}), ([str(20200100 + day) for day in range(21)], {})]
)
def test_dates_that_are_taken_as_classes_or_numbers(dates, kinds):
    assert len(set(read_table({"x": np.sqrt(range(len(dates))), "y": dates}, "y", kinds=kinds).target)) == len(dates)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ({"x": [1.5], "y": [[1]]}, "y", "target 'y' holds lists or records"),
        ({"x": [1.5, 2.5], "y": [1.5, np.inf]}, "y", "row 2, column 'y': the target is inf; a finite number is needed"),
        ({"x": [1.5], "y": [None]}, "y", "no row has a target; y is empty"),
        ({"x": [1.5], "y": [1]}, "Y", "target: no column is called 'Y'; did you mean 'y'?"),
        ({"x": [1.5], "y": [1]}, "#3", "no column is called '#3'"),
        ({"x": [1.5], "y": [1]}, ["y", "y"], "column 'y' is named twice"),
        ({"x": [1.5], "y": [1, 2]}, "y", "the columns have [1, 2] rows; they must be of one length"),
        ({"y": [1, 2]}, "y", "there is no column besides the target"),
        ({"x": ["A", "A"], "y": [1, 2]}, "y", "no column is left to learn from: x (one value in every row)"),
        ({"x": [], "y": []}, "y", "there are no rows"),
        ([1, 2], "y", "list is no table; give a path, a DataFrame or a dict of columns"),
        (pd.DataFrame([[1, 2, 3]], columns=["a", "a", "y"]), "y", "column 'a' is there twice"),
        ({"x": [*range(0, 90, 3), 7], "y": [*np.arange(30) / 7, "abc"]}, "y", "row 31, column 'y': 'abc' stands among"),
        ({"x": range(21), "y": [*DAYS]}, "y", "target 'y' holds dates ('2020-01-01', ...); predict a number, such as"),
        ({"x": range(21), "y": pd.to_datetime(DAYS)}, "y", "or take them as classes (--column y=category)"),
        ({"x": range(22), "y": [*DAYS, "0000-00-00"]}, "y", "target 'y' holds dates"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(source, target, message):
    with pytest.raises(DataError) as caught:
        read_table(source, target)
    assert message in str(caught.value)


COLUMNS = (
    Column("a", "number"),
    Column("b", "category"),
    Column("gone", "left out"),
    Column("d", "date", date_format="%Y-%m-%d"),
)


def test_rows_to_predict_come_in_chunks_with_the_named_columns_only(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("d;extra;b;a\n" + "2024-01-31;x; red ;1.234,5\n2024-02-01;y;;?\n" * 50)
    chunks = list(read_rows(path, COLUMNS, chunk_rows=30))
    assert [len(chunk) for chunk in chunks] == [30, 30, 30, 10]
    frame = pd.concat(chunks)
    assert frame.columns.tolist() == ["a", "b", "d"] and frame.index.tolist() == list(range(100))
    assert frame["a"].tolist()[:1] == [1234.5] and np.isnan(frame["a"][1])
    assert frame["b"].tolist()[:2] == ["red", None] and frame["d"][0] == "2024-01-31"


def test_a_row_that_holds_the_name_of_its_column_is_a_row(tmp_path):
    (tmp_path / "new.csv").write_text("red,size\nred,1\nblue,2\n")
    assert len(next(read_rows(tmp_path / "new.csv", [Column("red", "category")], chunk_rows=9))) == 2


def test_one_row_is_enough_to_predict(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("a;b;d\n1,5;red;2024-01-31\n")
    assert next(read_rows(path, COLUMNS, chunk_rows=10))["a"].tolist() == [1.5]
    path.write_text(json.dumps({"a": None, "b": 3, "d": "2024-01-31"}))
    path = path.rename(tmp_path / "new.jsonl")
    assert next(read_rows(path, COLUMNS, chunk_rows=10))["b"].tolist() == ["3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,d\n1,2024-01-31\n", "no column is called 'b'; there are a, d."),
        ("A,b,d\n1,red,2024-01-31\n", "no column is called 'a'; did you mean 'A'?"),
        ("a,b,d\n1,red,2024-01-31\nx,red,2024-01-31\n", "line 3, column 'a': 'x' is not a number"),
        ("a,b,d\n1,red,2024-01-31\n1,red,31/01/2024\n", "line 3, column 'd': '31/01/2024' is not a date as the others"),
        ("a,b,d\n1,red,2024-01-31\n1,red,2024-01-31,9\n", "line 3 has 4 fields where there are 3 columns"),
    ],
)
def test_rows_that_cannot_be_predicted_are_named(tmp_path, content, message):
    (tmp_path / "new.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        list(read_rows(tmp_path / "new.csv", COLUMNS, chunk_rows=1))
    assert message in str(caught.value)


def test_rows_are_read_as_the_table_was(flowers, tmp_path):
    flowers.loc[3, "width"] = np.nan
    flowers["code"] = np.where(flowers["width"] > 0, "None", "NA")
    flowers.to_csv(tmp_path / "a.csv", index=False, na_rep="?")
    table = read_table(tmp_path / "a.csv", "kind")
    rows = pd.concat(read_rows(tmp_path / "a.csv", table.columns, chunk_rows=7))
    pd.testing.assert_frame_equal(rows, table.frame)
