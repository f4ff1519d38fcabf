"""A worker's trial without the process: `train_trial` on a tuner of its own."""

import keras
import numpy as np
import pytest

import tuners
from tuners.parallel.messages import Order
from tuners.parallel.worker import train_trial

X = np.random.default_rng(1).normal(size=(64, 2)).astype("float32")
DATA = {"x": X, "y": X[:, :1], "epochs": 2, "verbose": 0}


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    # What is asked for under a plain `if` turns up while a trial is built, not before.
    decay = hp.Float("decay", 0.0, 0.1, default=0.01) if hp.Choice("kind", ["plain", "decayed"]) == "decayed" else 0.0
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1), weight_decay=decay), "mse")
    return model


@pytest.fixture
def train(tmp_path):
    def run(values, report=lambda epoch: None, **options):
        options = {"objective": "loss", "seed": 1, "directory": str(tmp_path), "project_name": "run", **options}
        return train_trial(tuners.CoarseToFineSearch(build, **options), Order("0000", values, 1), report, **DATA)

    return run


def test_the_space_is_sent_where_it_has_grown(train):
    plain, decayed = (train({"kind": kind, "rate": 0.01}) for kind in ("plain", "decayed"))
    assert plain.space is None
    assert [each["config"]["name"] for each in decayed.space] == ["kind", "rate", "decay"]
    assert decayed.values == {"kind": "decayed", "rate": 0.01, "decay": 0.01}
