"""Whether two answers agree, by differences worked out by hand and on rows driven through their ranges."""

import ml_dtypes
import numpy as np
import pytest

from kzoo.export.folding.proof import FACTORS, difference, driven, driven_difference, nudged

X = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
NAN, INF = np.nan, np.inf


def test_driven_rows_are_real_where_numbers_may_mean_something():
    rows = {"b": np.arange(60), "c": np.array([b"x", b"y"] * 30, object), "a": X}
    batches = list(driven(rows))
    assert len(batches) == 1 + len(FACTORS)
    for batch, factor in zip(batches, (1, *FACTORS), strict=True):
        assert len(batch["b"]) == 8 and batch["b"][[0, -1]].tolist() == [59, 0], "from all over"
        np.testing.assert_array_equal(batch["c"], rows["c"][batch["b"]])
        np.testing.assert_allclose(batch["a"], X[batch["b"]] * factor, rtol=1e-6)
        assert batch["a"].dtype == X.dtype
    assert len(list(driven({"b": rows["b"]}))) == 1


@pytest.mark.parametrize(("size", "count", "taken"), [(1, 8, [0]), (3, 8, [2, 1, 0]), (9, 2, [8, 0])])
def test_a_batch_has_no_more_rows_than_there_are(size, count, taken):
    (batch,) = driven({"x": np.arange(size)}, count)
    assert batch["x"].tolist() == taken


def test_a_nudge_is_a_few_units_in_the_last_place():
    rows = {"half": np.array([1.0, 3.0], "float16"), "x": np.array([1.0, -3.0]), "n": np.array([3])}
    found = nudged(rows)
    np.testing.assert_allclose(found["x"] / rows["x"] - 1, 2.0**-20, rtol=1e-6)
    assert {name: array.dtype for name, array in found.items()} == {name: rows[name].dtype for name in rows}
    np.testing.assert_array_equal(found["n"], [3])


def clipped(rows):
    return {"y": np.clip(rows["x"], -50, 50)}


def same(rows):
    return {"y": rows["x"]}


def test_clipping_shows_but_rounding_and_steepness_do_not():
    def rounded(rows):
        return {"y": rows["x"] * np.float32(1 + 1e-7)}

    def steep(rows):
        return {"y": np.sin(100 * rows["x"].astype("float64"))}

    assert driven_difference(same, clipped, {"x": X}) > 0.1
    assert driven_difference(same, rounded, {"x": X}) < 1e-6
    beside = abs(steep({"x": 1000 * X})["y"] - steep({"x": rounded({"x": 1000 * X})["y"]})["y"]).max()
    assert beside > 1e-3, "as the same rounding shows without a nudge"
    assert driven_difference(steep, lambda rows: steep({"x": rounded(rows)["y"]}), {"x": X}) < 1e-4


@pytest.mark.parametrize("batch", [1, *FACTORS])
def test_a_fault_in_one_batch_shows(batch):
    def other(rows):
        return {"y": np.where(rows["x"] == np.float32(batch), 2 * rows["x"], rows["x"])}

    found = driven_difference(same, other, {"x": np.ones((3, 2), "float32")})
    assert found == pytest.approx(min(abs(batch), 1), rel=1e-4)


def test_the_largest_difference_of_all_outputs_counts():
    def one(rows):
        return {"a": rows["x"], "b": np.zeros(1)}

    def other(rows):
        return {"a": rows["x"] + np.float32(0.25) * (abs(rows["x"]).max() <= 1), "b": np.full(1, 0.5)}

    assert driven_difference(one, other, {"x": np.ones((3, 2), "float32")}) == 0.5
    assert driven_difference(one, one, {"x": X}) == 0.0


def test_rows_that_the_original_does_not_take_prove_nothing():
    def positive(rows):
        if (rows["x"] < 0).any():
            raise ValueError("negative")
        return {"y": rows["x"]}

    assert driven_difference(positive, positive, {"x": abs(X)}) == 0
    assert driven_difference(positive, clipped, {"x": abs(X)}) > 0.1


def test_an_original_that_takes_no_nudged_rows_is_compared_without_them():
    def exact(rows):
        if (rows["x"] != np.round(rows["x"])).any():
            raise ValueError("not a number of pieces")
        return {"y": rows["x"]}

    pieces = {"x": np.full((3, 2), 64.0, "float32")}
    assert driven_difference(exact, exact, pieces) == 0
    assert driven_difference(exact, clipped, pieces) == pytest.approx(1 - 50 / 64000)


def array(values):
    return np.array(values, object if values[0] in (b"a", b"b") else None)


@pytest.mark.parametrize(
    ("found", "expected", "share"),
    [
        ([1.0, NAN, INF], [1.0, NAN, INF], 0),
        ([1.0, NAN], [1.0, 2.0], INF),
        ([1.0, 2.0], [1.0, NAN], INF),
        ([1.0, INF], [1.0, -INF], INF),
        ([1.0, 2.0], [1.0, INF], INF),
        ([1, 2], [1, 3], INF),
        ([1, 3], [1, 3], 0),
        ([True, False], [True, True], INF),
        ([b"a", b"b"], [b"a", b"a"], INF),
        ([b"a", b"b"], [b"a", b"b"], 0),
        (["a", "b"], ["a", "c"], INF),
        ([1.0, 2.0], [1.0], INF),
        ([1.0, 2.0], [1, 2], INF),
        ([0.5, 2.5], [0.5, 2.0], 0.25),  # of the largest
        ([0.1, 0.3], [0.3, 0.2], 0.2),  # of 1
        ([5.0, -4.0], [4.0, -8.0], 0.5),
        ([1.5, INF], [1.0, INF], 0.5),  # infinity is not the largest
        ([NAN, 6.0], [NAN, 4.0], 0.5),
    ],
)
def test_what_counts_as_a_difference(found, expected, share):
    assert difference(array(found), array(expected)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("found", "expected", "like", "share"),
    [
        ([2.05, 0.0], [2.0, 0.0], [2.01, 0.0], 0),  # within ten times what a nudge makes
        ([2.5, 0.0], [2.0, 0.0], [2.01, 0.0], 0.2),
        ([2.0, 0.5], [2.0, 0.0], [2.01, 0.0], 0.25),
        ([7.0, 1.0], [INF, 1.0], [2.0, 1.0], 0),  # the original's own overflow depends on a nudge
        ([7.0, 1.5], [2.0, 1.0], [INF, 1.0], 0.5),
        ([7.0, 1.0], [NAN, 1.0], [NAN, 1.0], INF),
        ([1, 5], [1, 2], [1, 3], 0),
        ([2, 5], [1, 2], [1, 3], INF),
        ([b"a", b"b"], [b"a", b"a"], [b"a", b"b"], 0),
        ([b"b", b"b"], [b"a", b"a"], [b"a", b"b"], INF),
    ],
)
def test_a_difference_is_no_fault_where_the_original_is_as_sensitive(found, expected, like, share):
    assert difference(array(found), array(expected), array(like)) == pytest.approx(share)


def test_numbers_of_any_width_and_none_at_all_are_compared():
    narrow = np.array([1.0, 2.5], ml_dtypes.bfloat16)
    assert difference(narrow, np.array([1.0, 2.0], ml_dtypes.bfloat16)) == 0.25
    assert difference(narrow, narrow.astype("float32")) == INF
    half = np.array([60000.0, -60000.0], "float16")
    assert difference(half, -half) == 2.0, "beyond what float16 holds"
    assert difference(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
    assert difference(2.0, 3.0) == pytest.approx(1 / 3)
