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
    ],
)
def test_says_what_is_wrong(csv, rows, target, message):
    with pytest.raises(DataError, match=message):
        load_dataset(csv(rows), target=target)


def test_header_and_encoding(csv, tmp_path):
    with pytest.raises(DataError, match="column 'age' is there twice"):
        load_dataset(csv(header="age,age,label,price"), target="label")
    with pytest.raises(DataError, match="not UTF-8"):
        load_dataset(csv(header="âge,height,label,price", encoding="latin-1"), target="label")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(DataError, match="empty"):
        load_dataset(empty, target="y")
    with pytest.raises(DataError, match="no column beside the target"):
        load_dataset(csv(["1"] * 9, "y"), target="y")
