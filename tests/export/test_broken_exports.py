import re

import keras
import numpy as np
import pytest

import kzoo
from kzoo.export import ExportError


def refused(model, tmp_path, **options):
    with pytest.raises(ExportError) as caught:
        kzoo.export_model(model, tmp_path / "deep" / "base", **options)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


class Batchwise(keras.layers.Layer):
    """Wrong on purpose: subtracts the mean of the batch."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class AlwaysDropping(keras.layers.Layer):
    """Wrong on purpose: drops units when answering too."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, x):
        return self.dropout(x, training=True)


class AlwaysTraining(keras.layers.Layer):
    """Wrong on purpose: batch norm as in training."""

    def __init__(self):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()

    def call(self, x):
        return self.norm(x, training=True)


def with_layer(*layers):
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Batchwise(), "depends on its neighbours"),
        (AlwaysDropping(), r"draws random numbers \(.*always_dropping"),
        (AlwaysTraining(), r"updates a variable \(.*always_training"),
    ],
)
def test_what_is_wrong_only_when_served(layer, message, rows, task, tmp_path):
    assert re.search(message, refused(with_layer(layer), tmp_path, examples=rows, task=task))


def test_nan_weights(rows, task, tmp_path):
    model = with_layer(keras.layers.Dense(2, activation="relu", name="hidden"))
    kernel = model.get_layer("hidden").kernel.numpy()
    kernel[0, 0] = np.nan
    model.get_layer("hidden").kernel.assign(kernel)
    assert "NaN" in refused(model, tmp_path, examples=rows, task=task)


def test_nan_weights_that_no_example_reaches(rows, task, tmp_path):
    table = np.zeros((10, 3), "float32")
    table[9] = np.inf
    embedding = keras.layers.Embedding(10, 3, weights=[table])
    model = keras.Sequential(
        [keras.Input((1,), dtype="int32"), embedding, keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    message = refused(model, tmp_path, examples=np.arange(5, dtype="int32")[:, None], class_names=task.class_names)
    assert "weight of shape [10, 3] holds NaN" in message


def test_a_batch_size_that_the_model_depends_on(rows, task, tmp_path):
    inputs = keras.Input(batch_shape=(8, 4))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.ops.reshape(inputs, (inputs.shape[0], 4)))
    message = refused(keras.Model(inputs, outputs), tmp_path, examples=rows[:8], task=task)
    assert "must be the batch, of any size" in message
    assert "The model declares batches of 8 rows, but" in message


def test_a_layer_that_keeps_a_state_from_batch_to_batch(tmp_path):
    lstm = keras.layers.LSTM(3, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(8, 5, 2)), lstm, keras.layers.Dense(1)])
    message = refused(model, tmp_path, examples=np.ones((9, 5, 2), np.float32))
    assert "The model cannot answer the 9 examples" in message
    assert "without batch_shape, batch_size and stateful layers" in message


def test_a_batch_size_inside_the_model(rows, task, tmp_path):
    model = with_layer(keras.layers.Lambda(lambda x: x + keras.ops.zeros((17, 4))))
    assert "'probabilities' of shape [17, 3]: the first dimension must be the batch" in refused(
        model, tmp_path, examples=rows[:17], task=task
    )
    assert "The model cannot answer the 40 examples" in refused(model, tmp_path, examples=rows, task=task)


@pytest.mark.parametrize("names", [("ant", "bee"), ("ant", "bee", "cat", "dog")])
def test_missing_class_names(names, rows, tmp_path):
    message = refused(with_layer(), tmp_path, examples=rows, class_names=names)
    assert f"{len(names)} class names" in message


def test_scores_that_are_no_probabilities(rows, task, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    assert "no probabilities" in refused(model, tmp_path, examples=rows, task=task)


def test_examples_that_do_not_fit(rows, task, tmp_path):
    assert "no rows" in refused(with_layer(), tmp_path, examples=rows[:0], task=task)
    assert "shape (40, 3)" in refused(with_layer(), tmp_path, examples=rows[:, :3], task=task)
    model = keras.Sequential([keras.Input((4,), dtype="uint8"), keras.layers.Rescaling(1.0), keras.layers.Dense(1)])
    assert "are float32, but the model takes uint8" in refused(model, tmp_path, examples=rows)


def test_a_file_in_the_place_of_the_base(model, rows, task, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file"):
        kzoo.export_model(model, tmp_path / "file", task=task, examples=rows)
