import numpy as np
import pytest

from kzoo.datasets import DataError, load_dataset

ROWS = [f"{index},{index * 0.5},{'yes' if index % 2 else 'no'},{index * 1.25}" for index in range(40)]


@pytest.fixture
def csv(tmp_path):
    def write(rows=ROWS, header="age,height,label,price", encoding="utf-8"):
        path = tmp_path / "people.csv"
        path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
        return path

    return write


def test_classes(csv):
    data = load_dataset(csv(), target="label")
    assert data.task.class_names == ("no", "yes")
    assert data.task.feature_names == ("age", "height", "price")
    assert data.name == "people"


def test_regression_of_one_and_of_several(csv):
    assert load_dataset(
        csv([row.replace("yes", "1").replace("no", "0") for row in ROWS]), target="price"
    ).task.kind == ("regression")
    numeric = csv([row.replace("yes", "1").replace("no", "0") for row in ROWS])
    assert load_dataset(numeric, target=["price", "height"]).task.num_targets == 2


def test_whole_numbers_are_classes_if_they_are_few(csv):
    rows = [f"{index},{index % 3}" for index in range(40)]
    assert load_dataset(csv(rows, "x,y"), target="y").task.class_names == ("0", "1", "2")
    rows = [f"{index},{index}" for index in range(40)]
    assert load_dataset(csv(rows, "x,y"), target="y").task.kind == "regression"


def changed(row, field, text):
    fields = ROWS[row].split(",")
    fields[field] = text
    return [*ROWS[:row], ",".join(fields), *ROWS[row + 1 :]]


@pytest.mark.parametrize(
    ("rows", "target", "message"),
    [
        (ROWS, None, "name the column to predict.*age, height, label, price"),
        (ROWS, "lable", "no column is called 'lable'; did you mean 'label'"),
        (ROWS, "price", "line 2, column 'label': 'no' is text where a number is needed"),
        (changed(5, 0, ""), "label", "line 7, column 'age': the field is empty"),
        (changed(5, 0, "NaN"), "label", "line 7, column 'age' is NaN"),
        (changed(5, 1, "inf"), "label", "line 7, column 'height' is inf"),
        (changed(5, 1, "1e300"), "label", "more than float32 can hold"),
        (changed(5, 2, ""), "label", "line 7, column 'label': the target is missing"),
        ([row.replace("yes", "no") for row in ROWS], "label", "'no' in every row"),
        (ROWS[:4], "label", "at least 3 rows of each class"),
        ([], "label", "no rows"),
        (changed(5, 3, "1,2,3"), "label", "cannot be read as .csv"),
        ([f"{row},9" for row in ROWS], "label", "more fields than the first line has column names"),
        ([*ROWS[:5], "1,2", *ROWS[5:]], "label", "line 7, column 'price': the field is empty"),
        ([*ROWS[:5], "", *ROWS[5:]], "label", "line 7, column 'age': the field is empty"),
        (changed(5, 2, "NaN"), "label", "line 7, column 'label': the target is missing"),
        (changed(5, 0, "True"), "label", "line 7, column 'age': 'True' is text where a number is needed"),
        ([f"1,{index % 2 == 0},a,2" for index in range(40)], "label", "line 2, column 'height': 'True' is text"),
        (changed(5, 0, "n/a"), "label", "line 7, column 'age' is NaN"),
        (changed(30, 3, "dear"), "price", "line 2, column 'label': 'no' is text"),
        ([f"{index},2,3,{index * 1.5 if index else 'dear'}" for index in range(40)], "price", "'dear' stands among"),
        ([f'{index},2,"a\nb",{index or ""}' for index in range(40)], "label", "line 3, column 'price': the field is"),
        (ROWS, [], "name the column to predict"),
        (ROWS, ["price", "price"], "'price' is asked for twice"),
        (ROWS, ["age", "label"], "line 2, column 'label': 'no' is text where a number is needed"),
    ],
)
def test_says_what_is_wrong(csv, rows, target, message):
    with pytest.raises(DataError, match=message):
        load_dataset(csv(rows), target=target)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("age,age,label,price", "column 'age' is there twice"),
        ("age, age,label,price", "column 'age' is there twice"),
        (",height,label,price", "column 1 has no name.*index=False"),
        ("age;height;label;price", "separated by ';'"),
        ("", "its first line is empty"),
    ],
)
def test_header(csv, header, message):
    with pytest.raises(DataError, match=message):
        load_dataset(csv(header=header), target="label")


def test_names_and_labels_with_commas_quotes_and_spaces(csv):
    rows = [f'{index},1.5,"{("a, b ", "c")[index % 2]}" ,2' for index in range(40)]
    data = load_dataset(csv(rows, '"size, cm" , cm,label ,x'), target="label")
    assert data.task.feature_names == ("size, cm", "cm", "x")
    assert data.task.class_names == ("a, b", "c")


def test_a_byte_order_mark_and_empty_last_lines_do_not_count(csv):
    data = load_dataset(csv([*ROWS, "", ",,,"], encoding="utf-8-sig"), target="label")
    assert data.task.feature_names == ("age", "height", "price")
    assert len(data.x_train) + len(data.x_val) + len(data.x_test) == 40


def test_values_are_those_of_the_file(csv):
    data = load_dataset(csv(), target="label")
    rows = np.concatenate([data.x_train, data.x_val, data.x_test])
    expected = [[index, index * 0.5, index * 1.25] for index in range(40)]
    np.testing.assert_array_equal(rows[rows[:, 0].argsort()], np.array(expected, np.float32))


def test_encoding_and_empty_file(csv, tmp_path):
    with pytest.raises(DataError, match="line 1, byte 1 is not UTF-8"):
        load_dataset(csv(header="âge,height,label,price", encoding="latin-1"), target="label")
    with pytest.raises(DataError, match="line 7, byte 8 is not UTF-8"):
        load_dataset(csv(changed(5, 2, "né"), encoding="latin-1"), target="label")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        load_dataset(empty, target="y")
    with pytest.raises(DataError, match="no column besides the target"):
        load_dataset(csv(["1"] * 9, "y"), target="y")
