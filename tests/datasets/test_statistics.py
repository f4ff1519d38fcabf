import tracemalloc

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kzoo.datasets import statistics
from kzoo.datasets.assembly import assemble
from kzoo.datasets.raw import Part, RawData
from kzoo.datasets.split import Plan, split_rows
from kzoo.datasets.statistics import moments

NUMBERS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=9),
    elements=st.floats(-1e6, 1e6, width=32),
)


@hypothesis.given(NUMBERS, st.integers(1, 50))
def test_moments_are_numpys_whatever_the_chunk(values, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "CHUNK_VALUES", chunk)
        found = moments(values)
    axes = tuple(range(values.ndim - 1))
    exact = values.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(axis=axes), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.variance, exact.var(axis=axes), rtol=1e-6, atol=1e-6 * exact.max() ** 2 + 1e-9)
    np.testing.assert_array_equal(found.constant, np.ptp(exact, axis=axes) == 0)


def test_far_from_zero_keeps_its_digits():
    values = 1e9 + np.random.default_rng(1).normal(size=(200_000, 5))
    # The naive mean of squares minus the square of the mean would be off by hundreds here.
    np.testing.assert_allclose(moments(values).variance, values.var(axis=0), rtol=1e-6)


def test_constant_is_exact():
    found = moments(np.full((100_001, 7), 0.1, dtype=np.float32))
    assert found.constant.all()
    assert (found.variance == 0).all()
    assert (found.mean == np.float32(0.1)).all()


def test_images_are_not_copied_whole():
    images = np.zeros((2000, 64, 64, 3), np.uint8)
    tracemalloc.start()
    moments(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes


def test_a_split_copies_images_once():
    images = np.random.default_rng(0).integers(0, 256, (6000, 64, 64, 1), dtype=np.uint8)
    labels = np.arange(6000) % 10
    raw = RawData("images", "images", Part(images, labels), kind="classification")
    split_rows(10, Plan(0.2, 0.2, 1), classes=None, where="")  # imports what a split needs
    tracemalloc.start()
    data = assemble(raw, kind=None, plan=Plan(0.2, 0.2, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.x_train.dtype == np.uint8
    assert peak < images.nbytes + 16 * statistics.CHUNK_VALUES * 2
