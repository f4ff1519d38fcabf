"""Models of one structure share compiled steps, and are trained to the same numbers as each by itself."""

import gc

import keras
import numpy as np
import pytest
import side_by_side
from side_by_side import assert_equal, assert_identical

from tuners.engine.choice import Engines
from tuners.engine.graph import compiled_models
from tuners.engine.graph.epoch import CompiledEpoch
from tuners.engine.graph.signature import signature
from tuners.private_apis import gradients_with_graphs

SCHEDULES = keras.optimizers.schedules
# Two sets of settings each, of one structure.
OPTIMIZERS = {
    "sgd": lambda k: keras.optimizers.SGD((0.01, 0.03)[k]),
    "nesterov": lambda k: keras.optimizers.SGD(0.01, (0.9, 0.5)[k], nesterov=True, weight_decay=(0.01, 0.1)[k]),
    "rmsprop": lambda k: keras.optimizers.RMSprop(0.003, (0.9, 0.99)[k], (0.5, 0.7)[k], centered=True),
    "adam": lambda k: keras.optimizers.Adam(0.003, (0.9, 0.8)[k], (0.999, 0.99)[k], amsgrad=True),
    "adamw": lambda k: keras.optimizers.AdamW(0.003, (0.01, 0.1)[k], (0.9, 0.8)[k]),
    "exponential": lambda k: keras.optimizers.SGD(SCHEDULES.ExponentialDecay((0.03, 0.01)[k], 9, (0.5, 0.1)[k])),
    "inverse_time": lambda k: keras.optimizers.SGD(SCHEDULES.InverseTimeDecay((0.03, 0.01)[k], 9, (0.5, 3.0)[k])),
    "cosine": lambda k: keras.optimizers.Adam(SCHEDULES.CosineDecay((0.003, 0.01)[k], 18)),
    "left out": lambda k: without_decay(keras.optimizers.Adam(0.003, weight_decay=(0.1, 0.5)[k])),
}


def without_decay(optimizer):
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def build(optimizer, *, rate=0.0, units=6, layer=None):
    layers = keras.layers
    dropped = [layers.Dropout(rate)] if rate else []
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            layer or layers.Conv1D(units, 3, activation="tanh"),
            layers.BatchNormalization(),
            *dropped,
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 36, 6, 4)).astype(np.float32), rng.integers(0, 3, (2, 36)).astype(np.int32)


@pytest.fixture
def compiled(monkeypatch):
    """Models that epochs were compiled for, in their order."""
    found, make = [], CompiledEpoch.__init__

    def counted(self, model, *args, **kwargs):
        found.append(model)
        make(self, model, *args, **kwargs)

    monkeypatch.setattr(CompiledEpoch, "__init__", counted)
    return found


def trained(engines, make, data, part=0, validated=False, **kwargs):
    x, y = data[0][part], data[1][part]
    given = {"validation_data": (x, y) if validated else None, "epochs": 2, "batch_size": 8}
    found = side_by_side.trained(engines, make, x, y, **given, **kwargs)
    assert isinstance(engines, str) or found.use.engine == "graph", found.use.refusals
    return found


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_model_of_a_known_structure_is_trained_as_if_it_were_the_first(data, optimizer, compiled):
    engines = Engines("graph")
    makes = [lambda k=k: build(OPTIMIZERS[optimizer](k), rate=(0.2, 0.4)[k]) for k in (0, 1)]
    # Validation is compiled beside the training, whatever the optimizer.
    given = {"validated": optimizer == "adam"}
    found = [trained(engines, makes[k], data, part=k, seed=7 + k, **given) for k in (0, 1, 0, 1)]
    # The first is compiled for itself, then comes a copy that serves all.
    assert [model is found[0].model for model in compiled] == [True, False]
    assert_equal(trained("graph", makes[1], data, part=1, seed=8, **given), found[3])
    # Nothing of one has stayed for the other.
    assert_identical(found[1], found[3])
    assert_equal(found[0], found[2])


@pytest.mark.parametrize("optimizer", ["nesterov", "adam", "cosine"])
def test_the_curve_is_that_of_model_fit(data, optimizer, compiled):
    engines = Engines("graph")
    for k in (0, 1, 0):
        make = lambda k=k: build(OPTIMIZERS[optimizer](k))  # noqa: E731
        given = {"validated": optimizer == "nesterov"}
        found = trained(engines, make, data, part=k, **given)
        by_fit = trained("fit", make, data, part=k, **given)
        assert_equal(by_fit, found)
        for left, right in zip(by_fit.model.optimizer.variables, found.model.optimizer.variables, strict=True):
            np.testing.assert_allclose(right.numpy(), left.numpy(), rtol=2e-2, atol=1e-4)
    assert len(compiled) == 2


def test_a_model_without_an_input_layer_leaves_weights_out_of_weight_decay_as_well(data, compiled):
    def make(k):
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")])
        model.compile(OPTIMIZERS["left out"](k), "sparse_categorical_crossentropy")
        return model

    engines = Engines("graph")
    found = [trained(engines, lambda k=k: make(k), data) for k in (0, 1)]
    assert [model is found[0].model for model in compiled] == [True, False]
    assert_equal(trained("fit", lambda: make(1), data), found[1])


OTHERS = (
    lambda: build("adam", units=7),
    lambda: build("adam", rate=0.3),
    lambda: build("rmsprop"),
    lambda: build(keras.optimizers.Adam(epsilon=0.1)),
    lambda: build(keras.optimizers.Adam(weight_decay=0.1)),
    lambda: build(keras.optimizers.Adam(SCHEDULES.CosineDecay(0.1, 9))),
    lambda: build("adam", layer=keras.layers.TimeDistributed(keras.layers.Dropout(0.2))),
)


def test_another_structure_is_compiled_anew(data, compiled):
    engines = Engines("graph")
    for _ in range(2):
        trained(engines, lambda: build("adam"), data)
    for other in OTHERS:
        assert_equal(trained("graph", other, data), trained(engines, other, data))
    assert len(compiled) == 2 + 2 * len(OTHERS)


def structure_of(make):
    keras.backend.clear_session(free_memory=False)
    return signature(make())


def wrapped(rate):
    return build("adam", layer=keras.layers.TimeDistributed(keras.layers.Dropout(rate)))


def test_dropout_that_is_wrapped_is_part_of_the_structure():
    first, again, other = (structure_of(lambda rate=rate: wrapped(rate)) for rate in (0.2, 0.2, 0.3))
    assert first == again != other


def test_weights_that_are_left_out_of_weight_decay_are_part_of_the_structure():
    def make(*names):
        optimizer = keras.optimizers.SGD(weight_decay=0.1)
        optimizer.exclude_from_weight_decay(var_names=names)
        return build(optimizer)

    assert structure_of(make) == structure_of(make) != structure_of(lambda: make("bias"))


def test_weights_that_are_frozen_one_by_one_are_part_of_the_structure():
    def make(name):
        model = build("adam")
        getattr(model.layers[-1], name).trainable = False
        return model

    assert structure_of(lambda: make("kernel")) != structure_of(lambda: make("bias"))


class Own(keras.layers.Dense):
    pass


class Untold(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor


class Cell(keras.layers.SimpleRNNCell):
    pass


def doubled(x):
    return x * 2


def gelu(x):
    """Keras tells of an activation the name alone, where there is one of its own."""
    return x * 2


def changed(model, **attributes):
    vars(model.layers[0]).update(attributes)
    return model


def with_a_loss_of_its_own():
    model = build("adam")
    model.compile("adam", lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p) * 2)
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: build("adam", layer=Own(3)),
        lambda: build("adam", layer=Untold(2)),
        lambda: build("adam", layer=keras.layers.RNN(Cell(3), return_sequences=True)),
        lambda: build("adam", layer=keras.layers.Dense(3, activation=doubled)),
        lambda: build("adam", layer=keras.layers.Dense(3, activation=gelu)),
        lambda: build("adam", layer=keras.layers.TimeDistributed(keras.layers.Dense(3, activation=gelu))),
        lambda: build("adam", layer=keras.layers.SimpleRNN(3, activation=gelu, return_sequences=True)),
        lambda: changed(build("adam", layer=keras.layers.ReLU()), call=lambda x, **_: x * 2),
        with_a_loss_of_its_own,
        lambda: build("adam", layer=keras.layers.Lambda(lambda x: x * 2, output_shape=(6, 4))),
        lambda: build("adam", layer=keras.layers.Dense(3, activation=lambda x: x * 2)),
        lambda: build(keras.optimizers.Adagrad()),
        lambda: build(keras.optimizers.SGD(use_ema=True)),
    ],
)
def test_a_model_whose_configuration_does_not_tell_all_has_no_structure(make):
    assert signature(make()) is None


def test_a_model_that_was_trained_while_it_was_built_keeps_the_averages_of_its_optimizer(data):
    def make():
        model = build("adam")
        model.fit(data[0][0], data[1][0], verbose=0, shuffle=False)
        return model

    engines = Engines("graph")
    for _ in range(2):
        trained(engines, lambda: build("adam"), data)
    assert_equal(trained("fit", make, data), trained(engines, make, data))


def test_rules_of_single_weights_are_part_of_the_structure():
    def make(rule):
        model = build("adam")
        model.layers[0].kernel.regularizer = rule
        return model

    first, again, other = (structure_of(lambda f=f: make(keras.regularizers.L2(f))) for f in (0.1, 0.1, 0.2))
    assert first == again != other


def test_what_a_configuration_leaves_out_is_part_of_the_structure():
    def make(delta):
        model = build("adam")
        model.compile("adam", keras.losses.Huber(delta))
        return model

    first, again, other = (structure_of(lambda d=d: make(d)) for d in (0.1, 0.1, 0.2))
    assert first is not None
    assert first == again != other


def test_a_model_that_somebody_keeps_is_not_trained_for_another(data):
    engines = Engines("graph")
    first = trained(engines, lambda: build("adam"), data)
    kept = [each.copy() for each in first.weights]
    for _ in range(2):
        trained(engines, lambda: build("adam"), data, part=1)
    for left, right in zip(kept, first.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_nothing_is_left_of_a_compiled_epoch_that_is_not_kept(data, monkeypatch):
    def graphs():
        gc.collect()
        return sum(type(each).__name__ == "FuncGraph" for each in gc.get_objects())

    monkeypatch.setattr(compiled_models, "MODELS", 0)
    # Of these TensorFlow keeps the gradients by name, and by them the graph that they are in.
    layer = lambda: keras.layers.Conv1D(6, 3, activation="silu")  # noqa: E731
    engines, counts = Engines("graph"), []
    for _ in range(4):
        with gradients_with_graphs():
            trained(engines, lambda: build("adam", layer=layer(), rate=0.2), data)
        counts.append(graphs())
    assert counts[1] == counts[2] == counts[3]
