import keras
import numpy as np
import pytest
from tasks import ROWS, make_task

import kzoo


@pytest.fixture(scope="session")
def rows():
    return np.random.default_rng(0).normal(30.0, 5.0, (ROWS, 4)).astype("float32")


@pytest.fixture(scope="session")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (ROWS, 6, 5, 3)).astype("uint8")


@pytest.fixture(scope="session")
def task(rows):
    return make_task("classification", rows, feature_names=("a", "b", "c", "d"))


@pytest.fixture(scope="session")
def model(rows, task):
    keras.utils.set_random_seed(1)
    model = kzoo.create_model("mlp", task, units=16)
    model.fit(rows, np.arange(ROWS) % 3, batch_size=8, epochs=3, verbose=0)
    return model


@pytest.fixture(scope="session")
def exported(model, rows, task, tmp_path_factory):
    """A version of a classifier; read it only."""
    return kzoo.export_model(model, tmp_path_factory.mktemp("exports") / "insects", task=task, examples=rows)
