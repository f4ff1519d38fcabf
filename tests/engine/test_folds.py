import keras_tuner
import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit

from tuners.folds import Folds

X = np.arange(20.0).reshape(20, 1)
Y = (np.arange(20) % 2).astype(np.int32)


def test_every_row_is_validated_on_once_and_classes_have_their_share():
    made = Folds(5).of((X, Y), {"epochs": 3}, seed=1)
    held = np.concatenate([each["validation_data"][0] for each in made])
    assert sorted(held.ravel()) == list(range(20))
    for each in made:
        assert each["epochs"] == 3
        assert sorted(each["validation_data"][1]) == [0, 0, 1, 1]
        assert not set(each["x"].ravel()) & set(each["validation_data"][0].ravel())
        np.testing.assert_array_equal(each["x"].ravel() % 2, each["y"])


def test_the_folds_are_the_same_in_every_trial_and_depend_on_the_seed():
    folds, x = Folds(2), X.copy()
    first, again = folds.of((x, Y), {}, seed=1), folds.of((x,), {"y": Y, "epochs": 2}, seed=1)
    np.testing.assert_array_equal(first[0]["x"], again[0]["x"])
    assert not np.array_equal(first[0]["x"], folds.of((x, Y), {}, seed=2)[0]["x"])
    # An array that is changed in place is another one.
    x += 100
    np.testing.assert_array_equal(folds.of((x, Y), {}, seed=1)[0]["x"], first[0]["x"] + 100)


def test_structures_and_weights_are_split_alike():
    weights = np.arange(20) / 20
    made = Folds(4).of(({"a": X, "b": X + 100}, X), {"sample_weight": weights}, seed=1)
    for each in made:
        x, y, weight = each["validation_data"]
        np.testing.assert_array_equal(x["a"] + 100, x["b"])
        np.testing.assert_array_equal(x["a"], y)
        np.testing.assert_allclose(weight * 20, y.ravel())


def test_one_hot_targets_are_classes():
    for each in Folds(5).of((X, np.eye(2)[Y]), {}, seed=3):
        assert each["validation_data"][1].sum(axis=0).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("count", "args", "kwargs", "message"),
    [
        (2, (X, Y), {"validation_data": (X, Y)}, "validation_data is given"),
        (2, (X, Y), {"validation_split": 0.1}, "validation_split is given"),
        (2, (X, Y, 32), {}, "by position"),
        (2, ([1, 2], Y), {}, "numpy arrays"),
        (2, (), {}, "numpy arrays"),
        (21, (X, X), {}, "folds=21 cannot be made of arrays with 20 rows"),
        (2, (X, Y[:7]), {}, "7 and 20 rows"),
        (11, (X, Y), {}, "class 0 has 10 rows"),
    ],
)
def test_what_cannot_be_split(count, args, kwargs, message):
    with pytest.raises(keras_tuner.errors.FatalValueError, match=message):
        Folds(count).of(args, kwargs, seed=1)


@pytest.mark.parametrize("count", [1, 2.5, True])
def test_bad_count(count):
    with pytest.raises(ValueError, match=f"folds is {count}"):
        Folds(count)


def test_folds_that_are_given():
    splits = list(TimeSeriesSplit(3).split(X))
    made = Folds(splits).of((X, Y), {"epochs": 2}, seed=1)
    assert [each["x"].ravel().tolist() for each in made] == [list(range(end)) for end in (5, 10, 15)]
    assert made[0]["validation_data"][0].ravel().tolist() == [5, 6, 7, 8, 9]
    assert made[2]["epochs"] == 2
    assert Folds([([0, 1], [2]), ([1, 2], [0])]).count == 2


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([([0, 1], [2])], "expected 2 or more"),
        ("five", "expected their number, or for each"),
        ([1, 2, 3], "expected their number, or for each"),
        ([([0, 1], [2]), ([0], [])], "fold 2: .* are no row numbers"),
        ([([0, 1], [2]), ([0], [-1])], "fold 2: .* are no row numbers"),
        ([([0, 1], [2]), ([0.0], [1.0])], "fold 2: .* are no row numbers"),
        ([([0, 1], [1]), ([0], [1])], "fold 1: rows are both"),
    ],
)
def test_given_folds_that_are_none(folds, message):
    with pytest.raises(ValueError, match=message):
        Folds(folds)


def test_given_folds_of_other_rows():
    with pytest.raises(keras_tuner.errors.FatalValueError, match="name row 20, and x has 20 rows"):
        Folds([([0], [20]), ([0], [1])]).of((X, Y), {}, seed=1)
