"""What the population engine takes and what it leaves to others, and why."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from tuners.engine.numpy_engine.program import Program
from tuners.engine.request import Request

from tuners.engine.choice import Engines
from tuners.engine.numpy_engine import inputs
from tuners.engine.numpy_engine.activations import ACTIVATIONS
from tuners.engine.numpy_engine.engine import PopulationEngine
from tuners.engine.numpy_engine.network import Network
from tuners.engine.numpy_engine.reading import UnknownModelError
from tuners.private_apis import is_decayed

layers = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6)).astype(np.float32)
Y = np.arange(24, dtype=np.int32) % 3


class Plain(keras_tuner.HyperModel):
    def build(self, hp):
        raise NotImplementedError


def request(model, x=X, y=Y, **kwargs):
    given = {"epochs": 2, "validation_data": (x, y), **kwargs}
    objective = keras_tuner.Objective("val_loss", "min")
    return Request(Plain(), None, model, (x, y), given, objective, lambda *_: None)


def dense(*before, optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=("accuracy",), **compiled):
    model = keras.Sequential([keras.Input((6,)), *before, layers.Dense(3, activation="softmax")])
    model.compile(optimizer, loss, metrics=list(metrics), **compiled)
    return model


def functional(build):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, build(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def shared(inputs):
    layer = layers.Dense(6)
    return layers.Dense(3, activation="softmax")(layer(layer(inputs)))


class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


def own_loss(y_true, y_pred):
    return keras.ops.mean(y_pred, axis=-1)


class OwnLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)


optimizers = keras.optimizers
REFUSED = {
    "regularizer": (lambda: dense(layers.Dense(4, kernel_regularizer="l2")), "has a regularizer"),
    "constraint": (lambda: dense(layers.Dense(4, kernel_constraint="non_neg")), "has a constraint"),
    "unknown layer": (lambda: dense(layers.LayerNormalization()), "is a LayerNormalization"),
    "layer of one's own": (lambda: dense(Doubled(4)), "is a Doubled"),
    "frozen layer": (lambda: dense(layers.Dense(4, trainable=False)), "is frozen"),
    "half precision": (lambda: dense(layers.Dense(4, dtype="mixed_float16")), "not in float32"),
    "unknown activation": (lambda: dense(layers.Dense(4, activation="mish")), "has the activation 'mish'"),
    "a head in the middle": (lambda: dense(layers.Dense(4, activation="softmax")), "has the activation 'softmax'"),
    "batch norm without a scale": (lambda: dense(layers.BatchNormalization(scale=False)), "has scale=False"),
    "noise shape": (lambda: dense(layers.Dropout(0.1, noise_shape=(None, 1))), "has noise_shape"),
    "shared layer": (lambda: functional(shared), "called more than once"),
    "joined inputs": (
        lambda: functional(lambda x: layers.Dense(3, activation="softmax")(layers.Concatenate()([x, x]))),
        "is a Concatenate",
    ),
    "loss as a function": (lambda: dense(loss=own_loss), "the loss is a function"),
    "loss without a configuration": (lambda: dense(loss=OwnLoss()), "OwnLoss does not say its configuration"),
    "a summed loss": (
        lambda: dense(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
        "the loss is not a mean",
    ),
    "unknown metric": (lambda: dense(metrics=[keras.metrics.AUC()]), "the metric"),
    "weighted metrics": (lambda: dense(weighted_metrics=["accuracy"]), "weighted_metrics"),
    "clipped gradients": (lambda: dense(optimizer=optimizers.SGD(clipnorm=1.0)), "clipnorm=1.0"),
    "amsgrad": (lambda: dense(optimizer=optimizers.Adam(amsgrad=True)), "amsgrad=True"),
    "another optimizer": (lambda: dense(optimizer=optimizers.Adagrad()), "the optimizer is Adagrad"),
    "RMSprop with momentum": (lambda: dense(optimizer=optimizers.RMSprop(momentum=0.5)), "RMSprop, or has options"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_why(name):
    build, why = REFUSED[name]
    found = PopulationEngine().prepare(request(build()))
    assert isinstance(found, str), "it was taken"
    assert why in found


def test_what_is_refused_is_trained_by_another_engine_or_said():
    model = dense(layers.LayerNormalization())
    engines = Engines("auto")
    [trained] = engines.finish([engines.begin(request(model))])
    assert len(trained.epochs) == 2
    with pytest.raises(ValueError, match="engine='population' cannot train this trial: .* is a LayerNormalization"):
        Engines("population").begin(request(dense(layers.LayerNormalization())))


def test_callbacks_that_look_into_the_model_are_refused():
    class Curious(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.predict(X, verbose=0)

    assert "Curious" in PopulationEngine().prepare(request(dense(), callbacks=[Curious()]))


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (X[:, :4], Y, "not one array of inputs"),
        (X, Y + 1, "class ids from 0 to 2"),
        (X, Y - 1, "class ids from 0 to 2"),
    ],
)
def test_data_that_do_not_fit_are_refused(x, y, why):
    assert why in PopulationEngine().prepare(request(dense(), x, y))


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "linear"])
def test_activations_and_their_derivatives(activation):
    keras.utils.set_random_seed(1)
    model = dense(layers.Dense(8, activation=activation))
    network = Network([Program(model)])
    output = network.forward(X[None], training=True)[0]
    network.backward(np.tile(np.float32([1, 2, -1]), (1, len(X), 1)))
    with tf.GradientTape() as tape:
        logits = model.layers[0](X) @ model.layers[1].kernel + model.layers[1].bias
        total = tf.reduce_sum(logits * [1, 2, -1])
    np.testing.assert_allclose(output, logits, rtol=1e-4, atol=1e-5)
    expected = np.concatenate([np.ravel(each) for each in tape.gradient(total, model.trainable_variables)])
    np.testing.assert_allclose(network.gradient[0], expected, rtol=1e-4, atol=1e-4)


def test_other_layers_and_their_derivatives():
    keras.utils.set_random_seed(1)
    images = rng.normal(size=(5, 4, 3, 2)).astype(np.float32)
    inputs = keras.Input((4, 3, 2))
    x = layers.BatchNormalization(epsilon=0.1)(layers.Rescaling(0.5, offset=1.0)(inputs))
    x = layers.ReLU()(layers.Flatten()(x))
    branches = [layers.Dense(7)(x), layers.BatchNormalization()(layers.Dense(7, activation="tanh")(x))]
    x = layers.Add()([*branches, layers.Activation("elu")(branches[0])])
    model = keras.Model(inputs, layers.Normalization(mean=1.0, variance=4.0, invert=True)(layers.Dense(3)(x)))
    model.compile("sgd", "mse")
    program = Program(model)
    network = Network([program])
    data = program.prefix[0].apply(images)
    output = network.forward(data[None], training=True)[0]
    slope = rng.normal(size=output.shape).astype(np.float32)
    network.backward(slope[None])
    with tf.GradientTape() as tape:
        expected = model(images, training=True)
        total = tf.reduce_sum(expected * slope)
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)
    slopes = np.concatenate([np.ravel(each) for each in tape.gradient(total, model.trainable_variables)])
    np.testing.assert_allclose(network.gradient[0], slopes, rtol=1e-3, atol=1e-3)
    # The moving statistics too are what the model keeps.
    for left, right in zip(network.weights(0), model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean():
    model = keras.Sequential([keras.Input((1000,)), layers.Dropout(0.3), layers.Dense(1000, use_bias=False)])
    model.compile("sgd", "mse")
    model.layers[1].set_weights([np.eye(1000, dtype=np.float32)])
    network = Network([Program(model, seed=5)])
    x = np.ones((1, 200, 1000), np.float32)
    first, second = (network.forward(x, training=True) for _ in range(2))
    # Five deviations of the mean of 200,000 draws.
    assert np.mean(first == 0) == pytest.approx(0.3, abs=5 * (0.21 / 200_000) ** 0.5)
    np.testing.assert_allclose(first[first != 0], 1 / 0.7, rtol=1e-6)
    assert np.mean((first == 0) & (second == 0)) == pytest.approx(0.09, abs=0.005)
    np.testing.assert_array_equal(network.forward(x, training=False), x)
    np.testing.assert_array_equal(Network([Program(model, seed=5)]).forward(x, training=True), first)


def test_layers_before_the_first_weight_are_applied_once_for_all_trials():
    engine, found = PopulationEngine(), []
    for mean in (1.0, 1.0, 2.0):
        model = dense(layers.Normalization(mean=mean, variance=4.0))
        found.append(engine.prepare(request(model)))
    assert found[0].training.x is found[1].training.x
    np.testing.assert_allclose(found[2].training.x, (X - 2) / 2, rtol=1e-6)


def test_data_are_dropped_when_they_are_many(monkeypatch):
    parts = [X[start:].copy() for start in range(8)]

    def prepared(engine):
        return [
            engine.prepare(request(dense(layers.Rescaling(2.0)), part, Y[: len(part)])).training.x for part in parts
        ]

    engine = PopulationEngine()
    assert all(one is other for one, other in zip(prepared(engine), prepared(engine), strict=True))
    monkeypatch.setattr(inputs, "LARGEST", 2 * X.nbytes)
    engine = PopulationEngine()
    assert not any(one is other for one, other in zip(prepared(engine), prepared(engine), strict=True))


def test_a_training_leaves_the_next_one_untouched():
    engine = PopulationEngine()

    def train():
        keras.utils.set_random_seed(3)
        [trained] = engine.train([engine.prepare(request(dense(layers.Dropout(0.4), layers.BatchNormalization())))])
        return trained

    first, again = train(), train()
    assert first.epochs == again.epochs
    for left, right in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_private_question_of_weight_decay():
    model = dense(layers.BatchNormalization())
    optimizer = keras.optimizers.Adam(weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    asked = {weight.path.split("/")[-1]: is_decayed(optimizer, weight) for weight in model.trainable_variables}
    assert asked == {"gamma": False, "beta": False, "kernel": True, "bias": False}


def test_unknown_models_are_a_value_error():
    assert issubclass(UnknownModelError, ValueError)
