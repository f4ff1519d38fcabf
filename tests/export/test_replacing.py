import threading

import keras
import numpy as np
import pytest

from kzoo.export.folding.replacing import answering, is_as_made

X = np.full((2, 3), -1.0, "float32")


def in_another_thread(layer):
    found = []
    thread = threading.Thread(target=lambda: found.append(np.asarray(layer(X))))
    thread.start()
    thread.join()
    return found[0]


def test_a_layer_answers_otherwise_in_this_thread_for_a_while():
    layer, other, taken = keras.layers.ReLU(name="changed"), keras.layers.ReLU(), []

    def answer(inputs, **options):
        taken.append(options)
        return inputs * 3

    with answering({layer: answer}):
        assert not is_as_made(layer) and is_as_made(other)
        np.testing.assert_array_equal(layer(X), 3 * X)
        np.testing.assert_array_equal(other(X), 0 * X)
        np.testing.assert_array_equal(in_another_thread(layer), 0 * X)
        assert layer.call.__name__ == "call", "it is taken for the layer's own"
    assert len(taken) == 1 and is_as_made(layer)
    np.testing.assert_array_equal(layer(X), 0 * X)


def test_what_is_given_to_a_layer_is_given_to_what_answers():
    layer = keras.layers.Dropout(0.5)

    def answer(inputs, training=None):
        return inputs * (7 if training else 5)

    with answering({layer: answer}):
        assert [np.asarray(layer(X, training=each))[0, 0] for each in (True, False)] == [-7, -5]


def test_a_layer_is_its_own_again_after_an_error():
    layers = [keras.layers.ReLU(), keras.layers.ReLU()]
    with pytest.raises(KeyError), answering(dict.fromkeys(layers, lambda inputs: inputs)):
        raise KeyError
    assert all(map(is_as_made, layers))
    with pytest.raises(AttributeError), answering({layers[0]: print, object: print}):
        raise AssertionError("it is not begun")
    assert is_as_made(layers[0])
