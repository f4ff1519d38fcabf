"""What an object is: by itself and by all that it was made with."""

import keras
import numpy as np
import pytest

from tuners.engine.identity import complete_config, is_of_keras, layers_within, variables_within
from tuners.private_apis import arguments_of_function

L = keras.layers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: keras.losses.Huber(0.1), lambda: keras.losses.Huber(0.2)),
        (lambda: keras.losses.CosineSimilarity(axis=0), lambda: keras.losses.CosineSimilarity(axis=1)),
        (lambda: keras.metrics.CosineSimilarity(axis=0), lambda: keras.metrics.CosineSimilarity(axis=1)),
        (lambda: keras.metrics.BinaryAccuracy(threshold=0.1), lambda: keras.metrics.BinaryAccuracy(threshold=0.2)),
        (lambda: keras.regularizers.L2(0.1), lambda: keras.regularizers.L2(0.2)),
        (lambda: L.ReLU(max_value=1.0), lambda: L.ReLU(max_value=2.0)),
    ],
)
def test_other_arguments_are_another_configuration(one, other):
    first, again, different = complete_config(one()), complete_config(one()), complete_config(other())
    assert first == again != different
    assert first is not None


class Hidden(keras.losses.Loss):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(y_pred, axis=-1)


def test_what_does_not_tell_all_has_no_complete_configuration():
    assert complete_config(Hidden(2)) is None
    assert complete_config(keras.metrics.SparseTopKCategoricalAccuracy(from_sorted_ids=True)) is not None
    assert complete_config(L.Bidirectional(L.LSTM(2))) is not None
    assert complete_config(object()) is None


def test_functions_are_told_apart_by_themselves():
    def relu(x):
        return x

    assert is_of_keras(keras.activations.relu)
    assert is_of_keras(L.Dense(1))
    assert not is_of_keras(relu)
    assert not is_of_keras(Hidden(1))


def test_the_private_arguments_of_losses_and_metrics():
    assert arguments_of_function(keras.losses.Huber(0.3)) == {"delta": 0.3}
    assert arguments_of_function(keras.metrics.CosineSimilarity(axis=0)) == {"axis": 0}
    assert arguments_of_function(L.Dense(1)) is None


def test_variables_that_a_layer_keeps_to_itself_are_found():
    model = keras.Sequential(
        [keras.Input(batch_shape=(2, 3, 1)), L.Bidirectional(L.LSTM(2, stateful=True)), L.Dropout(0.5), L.Dense(1)]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    names = [variable.path.split("/")[-1] for variable in variables_within(model)]
    assert names.count("rnn_state") == 4
    assert names.count("seed_generator_state") == 3
    assert len({id(each) for each in variables_within(model)}) == len(names)
    assert {"LSTM", "LSTMCell", "Bidirectional"} <= {type(each).__name__ for each in layers_within(model)}
    assert np.size(names) > 20
