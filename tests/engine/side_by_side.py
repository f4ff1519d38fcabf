"""Models trained by one engine and by another, from the same seed."""

import dataclasses
import itertools
from typing import Any

import keras
import numpy as np
import pytest

from tuners.engine.choice import Engines


@dataclasses.dataclass
class Result:
    """What training gave: metrics of each epoch, the trained model, its weights, and what trained it."""

    epochs: list[dict[str, float]]
    model: Any
    weights: list[Any]
    use: Any


def trained(engines, build, *args, seed=7, **kwargs):
    """A model trained by an engine, by name, or by the engines of a search; kwargs are those of `model.fit`."""
    # As for every trial of a search, so that names begin anew.
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    model = build()
    engines = Engines(engines) if isinstance(engines, str) else engines
    with engines.answering(model):
        history = model.fit(*args, **{"verbose": 0, "shuffle": False, **kwargs}).history
    # With validation after some epochs only, its metrics are fewer.
    epochs = [dict(zip(history, row, strict=True)) for row in itertools.zip_longest(*history.values(), fillvalue=0.0)]
    return Result(epochs, model, model.get_weights(), engines.uses[-1] if engines.uses else None)


def assert_same(build, *args, engines=("graph", "numpy"), compiled=False, **kwargs):
    """Each of the engines trains the model, to what `model.fit` trains it to.

    `model.fit` computes the same with a graph and without, for which a few steps take less.
    """

    def eagerly():
        model = build()
        model.run_eagerly = not compiled
        return model

    expected = trained("fit", eagerly, *args, **kwargs)
    for engine in engines:
        found = trained(engine, build, *args, **kwargs)
        assert found.use.engine == engine, found.use.refusals
        assert_equal(expected, found)


def assert_equal(expected, found):
    assert len(expected.epochs) == len(found.epochs)
    for number, (left, right) in enumerate(zip(expected.epochs, found.epochs, strict=True)):
        assert list(left) == list(right)
        for name, value in left.items():
            assert right[name] == pytest.approx(value, rel=1e-3 if number else 1e-5, abs=1e-6), name
    for left, right in zip(expected.weights, found.weights, strict=True):
        np.testing.assert_allclose(right, left, rtol=2e-3, atol=2e-4)


def assert_identical(left, right):
    assert left.epochs == right.epochs
    for one, other in zip(left.weights, right.weights, strict=True):
        np.testing.assert_array_equal(one, other)
