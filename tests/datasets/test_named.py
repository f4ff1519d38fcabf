import importlib.machinery
import sys

import numpy as np
import pytest

from kzoo.datasets import DataError, Dataset, list_datasets, load_dataset, named

TOYS = {
    "digits": ((8, 8, 1), 1797, 10),
    "wine": ((13,), 178, 3),
    "breast_cancer": ((30,), 569, 2),
    "iris": ((4,), 150, 3),
    "diabetes": ((10,), 442, 0),
}


def rows(data: Dataset) -> tuple[int, int, int]:
    return len(data.x_train), len(data.x_val), len(data.x_test)


@pytest.mark.parametrize("name", TOYS)
def test_toy_sets(name):
    shape, total, classes = TOYS[name]
    data = load_dataset(name)
    assert name in list_datasets()
    assert data.task.input_shape == shape
    assert sum(rows(data)) == total
    assert rows(data)[1:] == (round(total * 0.2),) * 2
    assert data.task.train_rows == rows(data)[0]
    assert data.task.num_classes == classes
    assert data.x_train.dtype == data.x_test.dtype == np.dtype(data.task.input_dtype) == np.float32
    assert data.y_train.dtype == (np.float32 if name == "diabetes" else np.int32)
    assert data.licence and data.origin


def test_names_and_units():
    wine, diabetes = load_dataset("wine").task, load_dataset("diabetes").task
    assert wine.feature_names[0] == "alcohol"
    assert load_dataset("iris").task.class_names == ("setosa", "versicolor", "virginica")
    assert 40 < diabetes.input_mean[0] < 60, "age is in years, not standardised"
    assert 60 < diabetes.target_scale[0] < 90


def test_same_seed_same_data():
    first, again, other = load_dataset("iris"), load_dataset("iris"), load_dataset("iris", seed=2)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    np.testing.assert_array_equal(first.x_test, again.x_test)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        load_dataset("iris").x_train[0] = 0


def test_unknown_name_lists_the_nearest():
    with pytest.raises(DataError, match="'digit'.*did you mean digits"):
        load_dataset("digit")
    with pytest.raises(DataError, match="zzz.*there are digits, wine"):
        load_dataset("zzz")


def test_paths_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="gone.csv: no such file or folder"):
        load_dataset(tmp_path / "gone.csv", target="y")
    with pytest.raises(DataError, match="File name too long"):
        load_dataset("a" * 5000)
    (tmp_path / "data.pickle").write_bytes(b"x")
    with pytest.raises(DataError, match=r"not a data set; expected a table \(.csv, .*a .npz file or a folder"):
        load_dataset(tmp_path / "data.pickle")


def test_wrong_kind_for_a_named_set():
    with pytest.raises(DataError, match="digits is a classification task"):
        load_dataset("digits", kind="regression")


def test_the_digits_are_those_of_scikit_learn():
    ours, theirs = named.read_digits(), named.read_with_scikit_learn("digits")
    for part, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("place", [None, "here"])
def test_digits_that_are_elsewhere_are_asked_of_scikit_learn(monkeypatch, tmp_path, place):
    found = place and importlib.machinery.ModuleSpec("sklearn", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert named.read_digits() is None


def test_import_and_digits_are_light():
    import subprocess

    heavy = {"tensorflow", "keras", "pandas", "sklearn", "PIL", "scipy"}
    code = f"import sys, kzoo.datasets; kzoo.datasets.load_dataset('digits'); print({heavy} & set(sys.modules) or '')"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""
