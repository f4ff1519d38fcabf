import dataclasses

import numpy as np
import pytest

from kzoo.tables.encoding import EncodedColumn, TableEncoding
from kzoo.task import Task
from kzoo.zoo.registry import get_family

ROWS = 24
CODED = EncodedColumn("e", "category", words=("u", "v", "w", "x"), coded=True)


def _statistics(x):
    axes = tuple(range(x.ndim - 1))
    return {"input_mean": tuple(x.mean(axes).tolist()), "input_variance": tuple(x.var(axes).tolist())}


@pytest.fixture(scope="session")
def examples():
    """Inputs and targets for a kind of task and a shape of inputs."""
    rng = np.random.default_rng(0)

    def make(kind, images, codes=False):
        table = None
        if images:
            x = rng.integers(0, 256, (ROWS, 6, 5, 3)).astype("uint8")
        else:
            x = rng.normal(30.0, 5.0, (ROWS, 4)).astype("float32")
        statistics = _statistics(x)
        if codes:
            x = np.concatenate([x, np.arange(ROWS)[:, None] % (5, 3)], axis=1, dtype=np.float32)
            statistics = {"input_mean": (*statistics["input_mean"], 0, 0), "input_variance": (*[25.0] * 4, 1, 1)}
            numbers = (EncodedColumn(name, "number") for name in "abcd")
            table = TableEncoding((CODED, *numbers, dataclasses.replace(CODED, name="f", words=("y", "z"))))
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
        shape = {"input_shape": x.shape[1:], "input_dtype": x.dtype.name, "train_rows": ROWS}
        task = Task(kind=kind, **shape, **statistics, **targets, table=table)
        return x, y, task

    return make


@pytest.fixture(scope="session")
def examples_for(examples):
    """Inputs, targets and task that a family can learn."""

    def make(name, kind=None, codes=False):
        family = get_family(name)
        return examples(kind or family.kinds[0], family.images_only, codes)

    return make
