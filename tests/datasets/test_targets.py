"""What targets are taken for: classes, labels or numbers."""

import numpy as np
import pandas
import pytest

from kzoo.datasets import DataError, load_dataset

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.arange(60) % 3
GIVEN = (X > 0).astype(int)
GENRES = np.array(["|".join(np.array(["war", "action", "love"])[row > 0]) or "none" for row in GIVEN])


def test_whole_numbers_in_floating_point_are_classes():
    data = load_dataset((X, Y.astype(float)))
    assert (data.task.kind, data.task.class_names) == ("classification", ("0", "1", "2"))
    assert load_dataset((X, Y.astype(float)), kind="regression").task.kind == "regression"
    assert load_dataset((X, np.arange(60.0))).task.kind == "regression"
    assert load_dataset((X, Y / 2)).task.kind == "regression"


def test_one_hot_is_classes():
    data, plain = load_dataset((X, np.eye(3)[Y])), load_dataset((X, Y))
    assert data.fingerprint == plain.fingerprint and data.task.class_names == plain.task.class_names
    assert data.remarks == ("The target is one-hot: it is taken as 3 classes.",)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_zeros_and_ones_are_labels_and_never_numbers(dtype):
    data = load_dataset((X, GIVEN.astype(dtype)))
    assert (data.task.kind, data.task.num_classes) == ("multi-label", 3)
    assert data.y_train.shape == (36, 3) and data.y_train.dtype == np.float32
    np.testing.assert_array_equal(data.y_test, data.x_test > 0)
    assert data.remarks[0].startswith("The target has 3 labels, each of which a row has or has not, 1.")
    assert load_dataset((X, GIVEN), kind="regression").task.num_targets == 3


def test_columns_of_yes_and_no_are_labels():
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(
        war=np.where(GIVEN[:, 0], "Yes", "no"), love=GIVEN[:, 1], old=GIVEN[:, 2] > 0
    )
    data = load_dataset(frame, target=["war", "love", "old"])
    assert (data.task.kind, data.task.class_names) == ("multi-label", ("war", "love", "old"))
    np.testing.assert_array_equal(data.y_val, data.x_val > 0)


@pytest.mark.parametrize(("sign", "kind"), [("|", None), ("; ", None), (", ", "multi-label")])
def test_labels_in_one_field(sign, kind):
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(genre=[each.replace("|", sign) for each in GENRES])
    data = load_dataset(frame, target="genre", kind=kind)
    assert (data.task.kind, data.task.class_names) == ("multi-label", ("action", "love", "none", "war"))
    np.testing.assert_array_equal(data.y_test[:, [3, 0, 1]], data.x_test > 0)
    assert "fields are parted at" in data.remarks[0]
    if sign == "|":
        assert load_dataset(frame, target="genre", kind="classification").task.num_classes > 4


def test_names_with_a_sign_in_them_are_names():
    frame = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(town=np.array(["Paris; France", "Rome; Italy"])[Y // 2])
    assert load_dataset(frame, target="town").task.class_names == ("Paris; France", "Rome; Italy")


@pytest.mark.parametrize(
    ("y", "kind", "message"),
    [
        (np.stack([Y, Y], 1), "multi-label", "2 columns; a multi-label task takes labels of 0 and 1"),
        (np.stack([Y, Y], 1), "classification", "2 columns; a classification task takes one class per row"),
        (GIVEN, "classification", "several of its 3 labels or none"),
        (Y, "multi-label", "one label a row"),
        (np.where(np.arange(60) < 61, "a|b", ""), None, "'a.b' in every row"),
    ],
)
def test_what_does_not_fit_the_kind(y, kind, message):
    with pytest.raises(DataError, match=message):
        load_dataset((X, y), kind=kind)
