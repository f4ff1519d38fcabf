"""Tables as data sets: columns of every kind, encoded by what the training rows tell."""

import json

import numpy as np
import pandas
import pytest

from kzoo.datasets import DataError, load_dataset
from kzoo.task import Task

rng = np.random.default_rng(3)
ROWS = 80
FRAME = pandas.DataFrame(
    {
        "id": [f"p{number:03d}" for number in range(ROWS)],
        "age": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(40, 10, ROWS).round(1)),
        "work": rng.choice(["private", "self", "state"], ROWS),
        "since": pandas.date_range("2001-02-03", periods=ROWS, freq="9D").strftime("%Y-%m-%d"),
        "keen": rng.choice(["yes", "no"], ROWS),
        "income": rng.normal(9, 2, ROWS).round(3),
    }
)


@pytest.fixture
def csv(tmp_path):
    def write(frame=FRAME, **options):
        path = tmp_path / "people.csv"
        frame.to_csv(path, index=False, **options)
        return path

    return write


def test_classes(csv):
    data = load_dataset(csv(), target="keen")
    assert (data.name, data.task.class_names) == ("people", ("no", "yes"))
    assert [column.kind for column in data.task.table.columns] == ["number", "category", "date", "number"]
    assert data.task.feature_names[:4] == ("age", "age is missing", "work=private", "work=self")
    assert data.task.input_shape == (len(data.task.feature_names),) == data.x_train.shape[1:]
    assert data.x_train.dtype == np.float32 and np.isfinite(data.x_train).all()
    assert any("id" in remark for remark in data.remarks)
    assert data.origin == "people.csv"
    assert Task.from_dict(json.loads(json.dumps(data.task.to_dict()))) == data.task


def test_a_frame_columns_and_a_file_are_the_same(csv):
    by_file = load_dataset(csv(), target="keen")
    for source in (FRAME, FRAME.to_dict("list")):
        data = load_dataset(source, target="keen")
        assert data.name == "table"
        assert data.fingerprint == by_file.fingerprint


def test_what_is_encoded_was_learned_from_the_training_rows_alone(csv):
    frame = FRAME.assign(age=np.arange(ROWS, dtype=float) ** 2)
    data = load_dataset(csv(frame), target="keen", keep=["age"])
    assert data.task.table.columns[0].fill == np.median(data.x_train[:, 0])


def test_columns_that_are_called_by_numbers():
    data = load_dataset(pandas.DataFrame({0: np.arange(ROWS) / 7, 1: np.arange(ROWS) % 2}), target=1)
    assert data.task.feature_names == ("0",) and data.task.class_names == ("0", "1")


def test_regression_of_one_and_of_several(csv):
    assert load_dataset(csv(), target="income").task.kind == "regression"
    assert load_dataset(csv(), target=["income", "age"]).task.num_targets == 2


def test_whole_numbers_are_classes_if_they_are_few(csv):
    assert load_dataset(csv(FRAME.assign(y=np.arange(ROWS) % 3)), target="y").task.class_names == ("0", "1", "2")
    assert load_dataset(csv(FRAME.assign(y=np.arange(ROWS))), target="y").task.kind == "regression"
    assert load_dataset(csv(FRAME.assign(y=(np.arange(ROWS) % 2) * 1.0)), target="y").task.class_names == ("0", "1")


def test_columns_are_what_they_are_said_to_be(csv):
    path = csv(FRAME.assign(plan=rng.integers(1, 4, ROWS)))
    data = load_dataset(path, target="keen", columns={"plan": "category"}, drop=["since", "work"], keep=["id"])
    kinds = {column.name: column.kind for column in data.task.table.columns}
    assert kinds == {"id": "category", "age": "number", "income": "number", "plan": "category"}


def test_a_class_of_one_row_is_trained_on_and_said(csv):
    data = load_dataset(csv(FRAME.assign(keen=["perhaps", *FRAME["keen"][1:]])), target="keen")
    assert data.task.class_names == ("no", "perhaps", "yes")
    assert (data.y_train == 1).sum() == 1 and "Too few rows to split, so all are trained on: perhaps." in data.remarks


def test_arrays_in_memory():
    x, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    data = load_dataset((x, y))
    assert (data.task.input_shape, data.task.table) == ((3,), None)
    assert load_dataset((x.tolist(), y.tolist())).fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (FRAME, {}, "name the column to predict.*id, age, work"),
        (FRAME, {"target": "kene"}, "no column is called 'kene'; did you mean 'keen'"),
        (FRAME, {"target": "keen", "columns": {"wrok": "text"}}, "'wrok'; did you mean 'work'"),
        (FRAME, {"target": "keen", "columns": {"work": "number"}}, "column 'work'"),
        (FRAME, {"target": "keen", "columns": {"work": "colour"}}, "'colour' is none of number"),
        (FRAME[["id", "keen"]], {"target": "keen"}, "no column is left to learn from.*--keep"),
        (FRAME[["keen"]], {"target": "keen"}, "no column is left|no column"),
        (FRAME.assign(keen="yes"), {"target": "keen"}, "'yes' in every row"),
        (
            FRAME.assign(age=1e300 * rng.normal(size=ROWS)),
            {"target": "keen", "keep": ["age"]},
            "'age' has a number that.*float32",
        ),
        (FRAME[:3], {"target": "keen"}, "no class has 3 rows"),
        (FRAME, {"target": "keen", "image_size": (8, 8)}, "image_size= is for folders"),
    ],
)
def test_says_what_is_wrong(csv, frame, options, message):
    with pytest.raises(DataError, match=message):
        load_dataset(csv(frame), **options)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ((np.zeros((4, 2)), np.arange(4)), {"target": "y"}, "the arrays: target= is for tables"),
        ((np.zeros((4, 2)), np.arange(3)), {}, "x has 4 rows and y 3"),
        ([1, 2], {}, "source is a list; expected a name"),
        ({"x": [1, 2], "y": [1]}, {"target": "y"}, "length|rows"),
        ("digits", {"drop": ["x"]}, "digits: drop= is for tables"),
    ],
)
def test_sources_that_are_none(source, options, message):
    with pytest.raises(DataError, match=message):
        load_dataset(source, **options)
