import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from kzoo.datasets import DataError, load_dataset
from kzoo.datasets.drawing import cut_at_random
from kzoo.datasets.split import Plan, split_rows

CLASSES = np.repeat([0, 1, 2], [60, 30, 10])


def split(classes=CLASSES, validation=0.2, test=0.2, seed=1, rows=None):
    count = len(classes) if rows is None else rows
    return split_rows(count, Plan(validation, test, seed), classes=classes, where="here")


@hypothesis.given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.2, 0.3, 0.45]), st.sampled_from([0, 0.1, 0.4]))
@hypothesis.settings(max_examples=25, deadline=None)
def test_every_row_once(seed, validation, test):
    parts = split(validation=validation, test=test, seed=seed)
    together = np.sort(np.concatenate([parts.train, parts.validation, parts.test]))
    np.testing.assert_array_equal(together, np.arange(100))
    assert len(parts.validation) == round(100 * validation)
    assert len(parts.test) == round(100 * test)


def test_stratified():
    parts = split()
    np.testing.assert_array_equal(np.bincount(CLASSES[parts.train]), [36, 18, 6])
    np.testing.assert_array_equal(np.bincount(CLASSES[parts.validation]), [12, 6, 2])
    np.testing.assert_array_equal(np.bincount(CLASSES[parts.test]), [12, 6, 2])


def test_rows_are_mixed():
    assert len(set(CLASSES[split().train[:20]])) == 3


def test_three_rows_of_a_class_are_enough():
    parts = split(np.repeat([0, 1], [40, 3]))
    assert 1 in np.repeat([0, 1], [40, 3])[parts.train] and not parts.rare


def test_rows_of_a_rare_class_are_all_trained_on():
    classes = np.repeat([0, 1, 2], [40, 2, 1])
    parts = split(classes)
    assert parts.rare == (1, 2) and {40, 41, 42} <= set(parts.train)
    together = np.sort(np.concatenate([parts.train, parts.validation, parts.test]))
    np.testing.assert_array_equal(together, np.arange(43))


def test_the_last_row_of_a_class_is_trained_on():
    classes = np.repeat([0, 1, 2], [50, 3, 40])
    parts = split(classes, test=0.6)
    shares = [np.bincount(classes[rows], minlength=3).tolist() for rows in (parts.train, parts.validation, parts.test)]
    assert [each[1] for each in shares] == [1, 0, 2] and sum(map(sum, shares)) == 93


@hypothesis.given(
    st.lists(st.integers(2, 40), min_size=1, max_size=9), st.floats(0, 1), st.integers(0, 2**32 - 1), st.booleans()
)
@hypothesis.settings(max_examples=150, deadline=None)
def test_the_rows_are_those_of_scikit_learn(sizes, share, seed, stratified):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)) * 2, sizes))
    count = len(sizes) + round(share * (len(classes) - 2 * len(sizes)))
    drawn = cut_at_random(len(classes), count, classes if stratified else None, seed)
    theirs = train_test_split(
        np.arange(len(classes)), test_size=count, random_state=seed, stratify=classes if stratified else None
    )
    for ours, expected in zip(drawn, theirs, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_many_classes_of_few_rows_are_drawn_without_regard_to_them():
    parts = split(np.arange(8).repeat(3))
    assert parts.unlike and [len(each) for each in (parts.train, parts.validation, parts.test)] == [14, 5, 5]
    data = load_dataset((np.arange(48.0).reshape(24, 2), np.arange(8).repeat(3)))
    assert "Too few rows for each of the 8 classes in every part" in data.remarks[0]
    assert any(each.startswith("No row in the test is of ") for each in data.remarks)
    assert not split().unlike


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": np.arange(8).repeat(2)}, "no class has 3 rows or more.*: 8 classes in 16 rows; take another"),
        ({"classes": np.append(np.arange(20), [20] * 3)}, "take 5 of 3 rows.*the rest are of 20 classes.*--merge-rare"),
        ({"classes": None, "rows": 2}, "2 rows cannot be split into 3"),
        ({"classes": None, "rows": 3, "validation": 0.6, "test": 0.39}, "take 2 of 2 rows and leave none; take a sm"),
    ],
)
def test_too_few_rows(arguments, message):
    with pytest.raises(DataError, match=message):
        split(**arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_share": 0}, "validation_share is 0"),
        ({"test_share": 1.0}, "test_share is 1.0"),
        ({"test_share": float("nan")}, "test_share is nan"),
        ({"validation_share": 0.5, "test_share": 0.5}, "less than 1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"kind": "ranking"}, "kind is 'ranking'"),
        ({"target": "x"}, "target="),
        ({"image_size": (8, 8)}, "image_size="),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(DataError, match=message):
        load_dataset("iris", **options)
