"""Splits in whole groups, by time, and as a column says."""

import hypothesis
import numpy as np
import pandas
import pytest
from hypothesis import strategies as st

from kzoo.datasets import DataError, load_dataset
from kzoo.datasets.split import Plan, split_rows
from kzoo.tables.marks import Marks, part_of

rng = np.random.default_rng(5)
ROWS = 100
FRAME = pandas.DataFrame(
    {
        "row": np.arange(ROWS) + 0.5,
        "patient": np.repeat(np.arange(25), 4),
        "seen": pandas.date_range("2024-01-01", periods=50).repeat(2).strftime("%d/%m/%Y"),
        "fold": np.repeat(["Train", "valid", "TEST"], [60, 10, 30]),
        "kind": np.tile(["rose", "tulip"], 50),
    }
)


def rows_of(data):
    return [np.round(x[:, 0] - 0.5).astype(int) for x in (data.x_train, data.x_val, data.x_test)]


def load(frame=FRAME, target="kind", **options):
    return load_dataset(frame.sample(frac=1, random_state=1), target=target, **options)


@hypothesis.given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=20, max_size=60))
@hypothesis.settings(max_examples=8, deadline=None)
def test_groups_stay_together_and_their_parts_are_alike(seed, sizes):
    groups = np.repeat(np.arange(len(sizes)) * 7, sizes)
    classes = groups % 2
    split = split_rows(len(groups), Plan(0.2, 0.3, seed), classes=classes, where="here", marks=Marks(groups=groups))
    parts = split.train, split.validation, split.test
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    assert sum(len(set(groups[rows])) for rows in parts) == len(sizes)
    for rows, share in zip(parts, (0.5, 0.2, 0.3), strict=True):
        for each in (0, 1):
            assert abs((classes[rows] == each).sum() - share * (classes == each).sum()) <= max(sizes)


def test_a_group_of_most_rows_is_trained_on():
    groups = np.repeat([0, 1, 2, 3, 4], [70, 10, 8, 6, 6])
    split = split_rows(100, Plan(), classes=None, where="here", marks=Marks(groups=groups))
    assert set(groups[split.train]) == {0} and {len(split.validation), len(split.test)} == {14, 16}


def test_another_seed_draws_other_groups():
    parts = [load(group="patient", seed=seed) for seed in (1, 1, 2)]
    assert parts[0].fingerprint == parts[1].fingerprint != parts[2].fingerprint


def test_what_rows_are_split_by_is_not_trained_on():
    data = load(group="patient")
    assert sum(len(set(rows // 4)) for rows in rows_of(data)) == 25
    assert "Split in whole groups of 'patient': 15 to train on, 5 to validate by, 5 for the test." in data.remarks
    columns = [column.name for column in data.task.table.columns if column.kind != "left out"]
    assert columns == ["row", "seen", "fold"]
    assert "patient (rows are split by it)" in " ".join(data.remarks)
    kept = load(group="patient", keep=["patient"]).task.table.columns
    assert next(column.kind for column in kept if column.name == "patient") == "number"


def test_by_time():
    data = load(time="seen", validation_share=0.1, test_share=0.21)
    train, validation, test = rows_of(data)
    # 69, 10 and 21 rows are wanted: the two of a day stay together.
    np.testing.assert_array_equal(train // 2, np.arange(68) // 2)
    assert set(validation) == set(range(68, 78)) and set(test) == set(range(78, 100))
    assert any(
        each.startswith("Split by time in 'seen': trained from 01/01/2024 on, validated from 04/02/2024 on, tested")
        for each in data.remarks
    )


def test_dates_are_trained_on_and_other_times_are_not():
    frame = FRAME.assign(year=np.arange(ROWS) + 1900)
    for options, there in (
        ({"time": "seen"}, True),
        ({"time": "year"}, False),
        ({"time": "seen", "drop": ["seen"]}, False),
    ):
        columns = [column.name for column in load(frame, **options).task.table.columns]
        assert (options["time"] in columns) == there


def test_a_column_that_names_the_part():
    data = load(part="fold")
    assert [set(rows) for rows in rows_of(data)] == [set(range(60)), set(range(60, 70)), set(range(70, 100))]
    assert "Parts are those of column 'fold'." in data.remarks


def test_a_part_that_is_not_named_is_cut():
    frame = FRAME.assign(is_test=np.repeat([False, True], [80, 20])).drop(columns="fold")
    data = load(frame, part="is_test", time="seen")
    train, validation, test = rows_of(data)
    assert set(test) == set(range(80, 100)) and set(validation) == set(range(64, 80)) and len(train) == 64
    assert "Parts are those of column 'is_test'; validation rows are cut from those to train on." in data.remarks


def test_classes_that_are_in_one_part_alone_are_told():
    frame = FRAME.assign(kind=np.where(np.arange(ROWS) > 95, "daisy", FRAME["kind"]))
    data = load(frame, time="seen")
    assert "No row to train on is of daisy." in data.remarks and data.task.num_classes == 3


def test_rows_without_a_time_or_a_part_are_left_out():
    seen, fold = FRAME["seen"].copy(), FRAME["fold"].copy()
    seen[3], fold[[4, 5]] = "", None
    for frame, option, rest in ((FRAME.assign(seen=seen), "time", 99), (FRAME.assign(fold=fold), "part", 98)):
        data = load(frame, **{option: {"time": "seen", "part": "fold"}[option]})
        assert sum(map(len, rows_of(data))) == rest
        assert any(f"without a {option}" in each for each in data.remarks)


def test_arrays():
    x, y = np.arange(60.0).reshape(30, 2), np.tile([0, 1], 15)
    data = load_dataset((x, y), group=np.repeat(list("abcdefghij"), 3))
    assert (data.x_train[:, 0] // 6).astype(int).tolist() == sorted(np.repeat(np.unique(data.x_train[:, 0] // 6), 3))
    for missing in (None, np.nan, pandas.NA):
        data = load_dataset((x, y), group=pandas.Series([*"abcdefgh" * 3, *[missing] * 6]))
        # Rows of no group are one each.
        assert "Split in whole groups: 10 to train on, 2 to validate by, 2 for the test." in data.remarks
    data = load_dataset((x, y), time=-np.arange(30))
    assert data.x_train[:, 0].min() == 24 and data.x_test[:, 0].max() == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "kind"}, "group: column 'kind' is the target"),
        ({"group": "patiend"}, "group: no column is called 'patiend'; did you mean 'patient'"),
        ({"group": "patient", "time": "seen"}, "group= and time= are both given"),
        ({"time": "fold"}, "column 'fold': rows are to be split by its time, and '[A-Za-z]+' is neither a date"),
        ({"part": "patient"}, "column 'patient': '[0-9]+' names no part; the words are train"),
        ({"time": "half"}, "2 times in 'half', too few to split them by time into 3"),
        ({"group": "half"}, "2 groups in 'half' cannot be split into 3"),
        ({"part": "half"}, "'half' has no row to train on"),
        ({"group": 3}, "group is a int; expected the name"),
    ],
)
def test_what_cannot_be_split_by_is_told(options, message):
    half = np.repeat(["test", "val"] if "part" in options else [1, 2], 50)
    with pytest.raises(DataError, match=message):
        load(FRAME.assign(half=half), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": np.zeros(3)}, r"group= is \(3,\); expected one value for each of the 30"),
        ({"time": ["a"] * 30}, "time= holds what is no number"),
        ({"part": "fold"}, "part= is for tables"),
    ],
)
def test_arrays_that_cannot_be_split_by(options, message):
    with pytest.raises(DataError, match=message):
        load_dataset((np.zeros((30, 2)), np.tile([0, 1], 15)), **options)


@pytest.mark.parametrize("target", ["kind", "row"])
def test_folds_keep_groups_together(target):
    data = load(target=target, group="patient", drop=["seen", "fold"])
    rows = len(data.y_train) + len(data.y_val)
    folds = data.folds(4, seed=3)
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(rows))
    patients = data.groups
    for train, held in folds:
        assert len(train) + len(held) == rows
        assert not set(patients[train]) & set(patients[held])
    again, other = data.folds(4, seed=3), data.folds(4, seed=4)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(folds, other, strict=True))


def test_the_groups_of_rows_are_theirs():
    x = np.arange(60.0)[:, None]
    data = load_dataset((x, x[:, 0] * 2), group=np.arange(60) // 3)
    held = np.concatenate([data.x_train, data.x_val])[:, 0] // 3
    np.testing.assert_array_equal(data.groups, held)


def test_folds_of_groups_that_are_not_there():
    with pytest.raises(DataError, match="was not split by groups"):
        load().folds(3)
    with pytest.raises(DataError, match="20 groups are too few for 21 folds"):
        load(group="patient").folds(21)


@pytest.mark.parametrize("word", ["train", "Training_set", "seg_train", "trainset", "TRAIN data", "learn"])
def test_words_for_training(word):
    assert part_of(word) == "train"


def test_other_words():
    assert part_of("valid") == part_of("dev") == part_of("is_valid") == "validation"
    assert part_of("holdout") == part_of("test_images") == "test"
    assert part_of("cat") is part_of("train_test") is part_of("") is part_of("set") is None
