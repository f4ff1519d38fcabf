import numpy as np
import pytest

from kzoo.task import Task
from kzoo.zoo.registry import get_family

ROWS = 24


def _statistics(x):
    axes = tuple(range(x.ndim - 1))
    return {"input_mean": tuple(x.mean(axes).tolist()), "input_variance": tuple(x.var(axes).tolist())}


@pytest.fixture(scope="session")
def examples():
    """Inputs and targets for a kind of task and a shape of inputs."""
    rng = np.random.default_rng(0)

    def make(kind, images):
        if images:
            x = rng.integers(0, 256, (ROWS, 6, 5, 3)).astype("uint8")
        else:
            x = rng.normal(30.0, 5.0, (ROWS, 4)).astype("float32")
        if kind == "classification":
            y = np.arange(ROWS) % 3
            targets = {"class_names": ("ant", "bee", "cat")}
        elif kind == "multi-label":
            y = rng.integers(0, 2, (ROWS, 3)).astype("float32")
            targets = {"class_names": ("ant", "bee", "cat")}
        else:
            y = rng.normal(1000.0, 200.0, (ROWS, 2)).astype("float32")
            targets = {
                "num_targets": 2,
                "target_mean": tuple(y.mean(0).tolist()),
                "target_scale": tuple(y.std(0).tolist()),
            }
        task = Task(
            kind=kind, input_shape=x.shape[1:], input_dtype=x.dtype.name, train_rows=ROWS, **_statistics(x), **targets
        )
        return x, y, task

    return make


@pytest.fixture(scope="session")
def examples_for(examples):
    """Inputs, targets and task that a family can learn."""

    def make(name, kind=None):
        family = get_family(name)
        return examples(kind or family.kinds[0], family.images_only)

    return make
