"""Members that are trained together get what each would get alone."""

import keras
import keras_tuner
import numpy as np
import pytest
from tuners.engine.request import Request, Trained

from tuners.engine.numpy_engine import groups
from tuners.engine.numpy_engine.engine import PopulationEngine

layers, optimizers = keras.layers, keras.optimizers
rng = np.random.default_rng(0)
X = rng.normal(size=(50, 5)).astype(np.float32)
Y = (np.arange(50) % 3).astype(np.int32)
HELD = (X[:13], Y[:13])
OBJECTIVE = keras_tuner.Objective("val_loss", "min")
WIDTHS = (3, 8, 8, 13)


class Plain(keras_tuner.HyperModel):
    def build(self, hp):
        raise NotImplementedError


def model(
    units=8,
    *,
    norm="before",
    activation="relu",
    rate=0.0,
    optimizer=None,
    depth=2,
    loss="sparse_categorical_crossentropy",
):
    made = keras.Sequential([keras.Input((5,)), layers.Normalization(mean=1.0, variance=2.0)])
    for _ in range(depth):
        made.add(layers.Dense(units, use_bias=norm != "before"))
        if norm == "before":
            made.add(layers.BatchNormalization(momentum=0.9 - units / 50, epsilon=units / 1000))
        made.add(layers.Activation(activation))
        if norm == "after":
            made.add(layers.BatchNormalization())
        made.add(layers.Dropout(rate))
    regression = loss in ("mse", "huber")
    made.add(layers.Dense(1 if regression else 3, activation="linear" if regression else "softmax"))
    metrics = ["mae"] if regression else ["accuracy"]
    made.compile(optimizer or optimizers.SGD(units / 100), loss, metrics=metrics)
    return made


def request(made, x=X, y=Y, *, on_epoch=lambda *_: None, epochs=3, **kwargs):
    given = {"validation_data": HELD, "epochs": epochs, "batch_size": 8, **kwargs}
    return Request(Plain(), None, made, (x, y), given, OBJECTIVE, on_epoch)


def trained(makers, *, together=True):
    """What training gave, and the groups; each maker gives a request, with random numbers of its own."""
    engine, members = PopulationEngine(), []
    for seed, make in enumerate(makers):
        keras.utils.set_random_seed(seed)
        members.append(engine.prepare(make()))
        assert not isinstance(members[-1], str), members[-1]
    found = engine.train(members) if together else [each for member in members for each in engine.train([member])]
    return found, groups.groups(members)


def assert_as_alone(makers, *, of=None):
    together, found = trained(makers)
    assert [len(group) for group in found] == [of or len(makers)]
    alone, _ = trained(makers, together=False)
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, Trained) and isinstance(other, Trained), (one, other)
        assert len(one.epochs) == len(other.epochs)
        for number, (left, right) in enumerate(zip(one.epochs, other.epochs, strict=True)):
            assert left == pytest.approx(right, rel=1e-5 if number == 0 else 1e-3, abs=1e-6)
        for left, right in zip(one.weights, other.weights, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("norm", "activation"),
    [("before", "relu"), ("after", "gelu"), ("none", "silu"), ("before", "tanh"), ("after", "elu"), ("none", "selu")],
)
def test_widths_initial_weights_norms_and_dropout(norm, activation):
    assert_as_alone(
        [
            lambda units=units, rate=rate: request(model(units, norm=norm, activation=activation, rate=rate))
            for units, rate in zip(WIDTHS, (0.1, 0.5, 0.2, 0.3), strict=True)
        ]
    )


def decaying(rate):
    return optimizers.schedules.ExponentialDecay(rate, 5, 0.8)


OPTIMIZERS = {
    "sgd": lambda rate: optimizers.SGD(rate, weight_decay=rate),
    "momentum": lambda rate: optimizers.SGD(rate, momentum=1 - rate),
    "nesterov": lambda rate: optimizers.SGD(rate, momentum=1 - rate, nesterov=True),
    "rmsprop": lambda rate: optimizers.RMSprop(rate / 10, rho=1 - rate, epsilon=rate),
    "adam": lambda rate: optimizers.Adam(rate / 10, beta_1=1 - rate, beta_2=1 - rate / 10, epsilon=rate / 100),
    "adamw": lambda rate: optimizers.AdamW(rate / 10, weight_decay=rate),
    "decay": lambda rate: optimizers.Adam(decaying(rate / 10)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_with_settings_of_their_own(name):
    assert_as_alone(
        [
            lambda units=units, rate=rate: request(model(units, optimizer=OPTIMIZERS[name](rate)))
            for units, rate in zip(WIDTHS, (0.02, 0.05, 0.1, 0.2), strict=True)
        ]
    )


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_regression_and_losses_of_keras(loss):
    y = X.sum(axis=1, keepdims=True)
    held = {"validation_data": (X[:9], y[:9])}
    makers = [lambda units=units: request(model(units, loss=loss), y=y, **held) for units in WIDTHS]
    assert_as_alone(makers)


def test_weights_of_examples_of_their_own():
    weights = [rng.uniform(0.2, 2, 50).astype(np.float32) for _ in WIDTHS]
    held = (*HELD, np.linspace(0.5, 1, 13).astype(np.float32))
    assert_as_alone([lambda each=each: request(model(), sample_weight=each, validation_data=held) for each in weights])


def test_data_of_their_own_with_more_rows_or_fewer():
    # 41 and 48 rows are six batches of eight, the last of which is of one row, three, or eight.
    sizes = (41, 43, 48, 48)
    parts = [(X[-rows:].copy(), Y[-rows:].copy()) for rows in sizes]
    held = [(X[:rows].copy(), Y[:rows].copy()) for rows in (5, 7, 3, 5)]
    makers = [
        lambda part=part, rest=rest: request(model(), *part, validation_data=rest)
        for part, rest in zip(parts, held, strict=True)
    ]
    assert_as_alone(makers)


def test_each_ends_when_it_would_alone():
    def stopping_after(last):
        return lambda epoch, logs: epoch >= last

    early = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=10, restore_best_weights=True)
    makers = [
        lambda: request(model(3), on_epoch=stopping_after(2), epochs=5),
        lambda: request(model(8), epochs=4),
        lambda: request(model(8), callbacks=[early], epochs=5),
        lambda: request(model(13, optimizer=optimizers.SGD(1e30)), epochs=5),
    ]
    found, _ = trained(makers)
    assert [len(each.epochs) for each in found] == [2, 4, 2, 1]
    assert not np.isfinite(found[3].epochs[0]["loss"])


def test_those_that_go_on_keep_their_moments_when_others_end():
    def stops(epoch, logs):
        return epoch >= 2

    ends = [stops, lambda *_: None, stops, lambda *_: None]
    makers = [
        lambda units=units, end=end: request(
            model(units, optimizer=optimizers.Adam(units / 500)), on_epoch=end, epochs=4
        )
        for units, end in zip(WIDTHS, ends, strict=True)
    ]
    assert_as_alone(makers)


def test_learning_rates_that_callbacks_change():
    def halved(epoch, rate):
        return rate / 2

    def kept(epoch, rate):
        return rate

    makers = [
        lambda change=change: request(model(), callbacks=[keras.callbacks.LearningRateScheduler(change)])
        for change in (halved, kept)
    ]
    assert_as_alone(makers)


def test_what_goes_wrong_with_one_does_not_end_the_others():
    def fails(epoch, logs):
        raise RuntimeError("of the first")

    def raises(epoch, rate):
        raise OSError("of the third")

    makers = [
        lambda: request(model(), on_epoch=fails),
        lambda: request(model()),
        lambda: request(model(), callbacks=[keras.callbacks.LearningRateScheduler(raises)]),
    ]
    first, second, third = trained(makers)[0]
    assert isinstance(first, RuntimeError) and isinstance(third, OSError)
    alone, _ = trained([*makers[:2]], together=False)
    assert second.epochs == [pytest.approx(each, rel=1e-4) for each in alone[1].epochs]


APART = {
    "depth": (lambda: model(depth=1), lambda: model(depth=2)),
    "norm": (lambda: model(norm="before"), lambda: model(norm="after")),
    "activation": (lambda: model(activation="relu"), lambda: model(activation="tanh")),
    "dropout or none": (lambda: model(rate=0.1), lambda: model(rate=0.0)),
    "optimizer": (lambda: model(optimizer="sgd"), lambda: model(optimizer="adam")),
    "momentum or none": (lambda: model(optimizer="sgd"), lambda: model(optimizer=optimizers.SGD(0.1, momentum=0.5))),
    "weight decay or none": (lambda: model(optimizer="adam"), lambda: model(optimizer="adamw")),
    # A unit that is added would give 1/2.
    "width before a sigmoid": (lambda: model(8, activation="sigmoid"), lambda: model(9, activation="sigmoid")),
    # And its weight would become 0 / 0.
    "width without epsilon": (
        lambda: model(8, optimizer=optimizers.Adam(epsilon=0.0)),
        lambda: model(9, optimizer=optimizers.Adam(epsilon=0.0)),
    ),
    "widths far apart": (lambda: model(8), lambda: model(150)),
    "large models": (lambda: model(400), lambda: model(400)),
}


@pytest.mark.parametrize("name", APART)
def test_apart(name):
    _, found = trained([lambda make=make: request(make(), epochs=1) for make in APART[name]])
    assert sorted(map(len, found)) == [1, 1]


def test_batch_sizes_and_losses_are_apart():
    makers = [
        lambda: request(model(), epochs=1),
        lambda: request(model(), epochs=1, batch_size=16),
        lambda: request(model(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=7)), epochs=1),
    ]
    assert len(trained(makers)[1]) == 3


def test_sigmoids_of_one_width_are_together():
    assert_as_alone([lambda: request(model(8, activation="sigmoid")) for _ in range(2)])
