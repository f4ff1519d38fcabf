"""Classes of few rows that are put together on request."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import kzoo
from kzoo.cli.app import app
from kzoo.datasets import DataError

WORDS = np.array(["cat"] * 20 + ["dog"] * 19 + ["emu"] * 3 + ["fox"] * 2 + ["gnu"])
X = np.random.default_rng(0).normal(size=(len(WORDS), 2))


def test_rare_classes_are_one_after_the_others():
    data = kzoo.load_dataset((X, WORDS), merge_rare=4)
    assert data.task.class_names == ("cat", "dog", "other")
    y = np.concatenate([data.y_train, data.y_val, data.y_test])
    assert np.bincount(y).tolist() == [20, 19, 6]
    (row,) = np.flatnonzero((np.concatenate([data.x_train, data.x_val, data.x_test]) == X[-1].astype("f4")).all(axis=1))
    assert y[row] == 2
    assert "3 classes of fewer than 4 rows are one, 'other', of 6 rows." in data.remarks
    assert set(data.y_test) == {0, 1, 2}


def test_numbers_and_parts_that_a_source_sets_apart(tmp_path):
    ids = np.array([0] * 9 + [1] * 2 + [5] * 9 + [7] * 2)
    path = tmp_path / "a.npz"
    x = np.arange(22.0)[:, None]
    # The rows of all parts count: 1 is in three rows, 7 in two.
    np.savez(path, x_train=x, y_train=ids, x_test=x[:2], y_test=np.array([5, 1]))
    assert kzoo.load_dataset(path, merge_rare=3).task.class_names == ("0", "1", "5", "7")
    data = kzoo.load_dataset(path, merge_rare=4)
    assert data.task.class_names == ("0", "5", "other")
    assert data.y_test.tolist() == [1, 2]


def test_a_single_rare_class_stays():
    data = kzoo.load_dataset((X, WORDS), merge_rare=2)
    assert data.task.class_names == ("cat", "dog", "emu", "fox", "gnu")
    assert any("gnu is the only one and stays" in each for each in data.remarks)


def test_what_cannot_be_merged_is_refused():
    with pytest.raises(DataError, match="every class has fewer than 21 rows"):
        kzoo.load_dataset((X, WORDS), merge_rare=21)
    with pytest.raises(DataError, match="a class is called 'other'"):
        kzoo.load_dataset((X, np.where(WORDS == "cat", "other", WORDS)), merge_rare=4)
    with pytest.raises(DataError, match="merge_rare= is for classes"):
        kzoo.load_dataset((X, X[:, 0]), merge_rare=4)
    with pytest.raises(DataError, match="merge_rare is 1; expected a whole number of rows from 2"):
        kzoo.load_dataset((X, WORDS), merge_rare=1)


def test_the_command_tells_it_and_does_not_warn_any_more(tmp_path):
    rows = "\n".join(f"{a:.3f},{b:.3f},{word}" for (a, b), word in zip(X, WORDS, strict=True))
    (tmp_path / "zoo.csv").write_text(f"a,b,kind\n{rows}\n")
    command = ["data", str(tmp_path / "zoo.csv"), "--target", "kind", "--json"]
    before, after = (
        json.loads(CliRunner().invoke(app, [*command, *more]).stdout) for more in ([], ["--merge-rare", "4"])
    )
    warned = [any("--merge-rare" in each for each in found["warnings"]) for found in (before, after)]
    assert warned == [True, False]
    assert "3 classes of fewer than 4 rows are one, 'other', of 6 rows." in after["remarks"]
