"""What is there before a search is left alone by collections, and what the search leaves behind is not."""

import gc
import weakref

import keras
import pytest
import tensorflow as tf
from small import DATA
from tensorflow.python.framework import ops

from tuners.machine import frozen_heap
from tuners.private_apis import gradients_with_graphs


class Circle:
    def __init__(self):
        self.self = self


@pytest.fixture(autouse=True)
def thawed(monkeypatch):
    """What an earlier test has frozen is not of these."""
    monkeypatch.setattr("tuners.machine.gc", gc)
    gc.unfreeze()


def test_only_what_is_new_is_collected():
    old = Circle()
    before = weakref.ref(old)
    with frozen_heap():
        del old
        after = weakref.ref(Circle())
        gc.collect()
        assert before() is not None and after() is None
    gc.collect()
    assert before() is None


def test_what_was_frozen_stays_so():
    gc.freeze()
    try:
        count = gc.get_freeze_count()
        new = Circle()
        with frozen_heap():
            assert gc.get_freeze_count() == count
        assert gc.get_freeze_count() == count and new
    finally:
        gc.unfreeze()


class Interrupted:
    def on_epoch(self, trial, epoch, epochs, logs):
        pass

    def on_trial_end(self, trial):
        assert gc.get_freeze_count()
        raise KeyboardInterrupt


def test_nothing_stays_frozen_after_an_interrupt(search):
    made = search(observer=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        made.search(**DATA, epochs=1)
    assert not gc.get_freeze_count()


def build_swish(hp):
    units = hp.Int("units", 2, 99)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation="silu"), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


@pytest.mark.parametrize("engine", ["fit", "graph"])
def test_graphs_end_with_their_trials(search, engine):
    """TensorFlow registers the derivatives of SiLU and of other functions for ever, and by them their graphs."""
    registered = []

    class Watching:
        def on_epoch(self, trial, epoch, epochs, logs):
            pass

        def on_trial_end(self, trial):
            keras.backend.clear_session()
            gc.collect()
            registered.append(len(ops.gradient_registry.list()))

    made = search(build_swish, engine=engine, observer=Watching(), max_trials=6)
    made.search(**DATA, epochs=1)
    assert {use.engine for use in made.engine_uses} == {engine}
    assert registered[-1] <= registered[1]


def test_a_function_that_a_trial_leaves_behind_can_still_be_derived():
    with gradients_with_graphs():
        kept = tf.function(tf.nn.silu).get_concrete_function(tf.TensorSpec([], tf.float32))
    gc.collect()
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = kept(x)
    assert tape.gradient(y, x).numpy() == pytest.approx(0.9276705)
