"""Points as a model sees them, by hand."""

import numpy as np

from tuners.space.dimensions import Cube, Dimension
from tuners.strategy.features import features_by_name, features_of

CUBE = Cube(
    (
        Dimension("rate", "real", 0.5),
        Dimension("only", "choice", 1, values=(1,)),
        Dimension("layers", "ordered", 1, values=(1, 2, 3, 4)),
        Dimension("flag", "choice", False, values=(False, True)),
        Dimension("kind", "choice", "a", values=("a", "b", "c")),
    )
)


def test_features_by_hand():
    points = np.array([[0.3, 0.5, 0.1, 0.2, 0.9], [0.7, 0.5, 1.0, 1.0, 0.0], [0.7, 0.5, 0.5, 0.6, 0.5]])
    active = np.array([[True] * 5, [True] * 5, [False] * 5])
    np.testing.assert_allclose(
        features_of(CUBE, CUBE.free, points, active),
        [
            # Ordered values lie in the middle of their bins; choices are 0.7 apart from 0, and of two one is enough.
            [0.3, 0.125, 0.0, 0.0, 0.0, 0.7],
            [0.7, 0.875, 0.7, 0.7, 0.0, 0.0],
            [0.5, 0.5, 0.35, 0.35, 0.35, 0.35],
        ],
    )


def test_values_in_a_bin_are_alike():
    near = np.array([[0.4, 0.5, 0.26, 0.1, 0.4], [0.4, 0.1, 0.49, 0.4, 0.6]])
    first, second = features_of(CUBE, CUBE.free, near, np.ones(near.shape, bool))
    assert first.tolist() == second.tolist()


def test_trials_by_name():
    inside = {"rate": 0.3, "only": 1, "layers": 1, "flag": True, "kind": "c"}
    found = features_by_name(CUBE, {"one": inside, "outside": {**inside, "layers": 9}})
    assert list(found) == ["one"]
    np.testing.assert_allclose(found["one"], [0.3, 0.125, 0.7, 0.0, 0.0, 0.7])


def test_trials_of_a_space_that_leaves_no_choice_are_alike():
    only = Cube(CUBE.dimensions[1:2])
    found = features_by_name(only, {"one": {"only": 1}, "two": {}})
    assert found["one"].tolist() == found["two"].tolist() == [0.0]
