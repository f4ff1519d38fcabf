"""What goes to `model.fit` as it was given, and why."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from tuners.engine.numpy_engine.member import Member
from tuners.engine.request import Request

from tuners.engine import arguments, data
from tuners.engine.choice import Engines

X = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
Y = np.arange(16, dtype=np.int32) % 2


class Plain(keras_tuner.HyperModel):
    def build(self, hp):
        raise NotImplementedError


def request(*args, model=None, **kwargs):
    if model is None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
    return Request(Plain(), None, model, args, kwargs, keras_tuner.Objective("loss", "min"), lambda *_: None)


def batches():
    while True:
        yield X, Y


class Watcher(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


PIPELINE = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((PIPELINE,), {}, "not numpy arrays"),
        ((batches(),), {"steps_per_epoch": 2}, "the argument steps_per_epoch"),
        ((X, Y), {"validation_data": PIPELINE}, "no tuple of arrays"),
        ((X, Y), {"validation_split": 0.5}, "the argument validation_split"),
        ((X, Y), {"callbacks": [Watcher()]}, "Watcher sees batches"),
        ((X.astype(str), Y), {}, "not numbers"),
        ((X, Y[:5]), {}, "different lengths"),
    ],
)
def test_refused_and_why(args, kwargs, why):
    assert why in arguments.refusal(request(*args, **kwargs))


def test_data_larger_than_the_limit_are_left_to_fit(monkeypatch):
    assert arguments.refusal(request(X, Y)) == ""
    monkeypatch.setattr(data, "LARGEST", X.nbytes)
    assert "the data take more than" in arguments.refusal(request(X, Y))


def test_a_pipeline_reaches_fit_as_it_is():
    seen = []

    class Model(keras.Sequential):
        def fit(self, *args, **kwargs):
            seen.append(args[0])
            return super().fit(*args, **kwargs)

    model = Model([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    found = Engines("auto").begin(request(PIPELINE, model=model, epochs=2, verbose=0, shuffle=False))
    assert seen == [PIPELINE]
    assert len(found.epochs) == 2


@pytest.mark.parametrize("gpu", [False, True])
def test_with_a_gpu_the_graph_is_chosen(monkeypatch, gpu):
    monkeypatch.setattr("tuners.engine.choice.has_gpu", lambda: gpu)
    monkeypatch.setattr("tuners.engine.graph.epoch.GraphEngine.train", lambda self, request: "by the graph")
    found = Engines("auto").begin(request(X, Y, epochs=1))
    assert found == "by the graph" if gpu else isinstance(found, Member)
