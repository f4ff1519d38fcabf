"""What the numpy engine takes and what it leaves to others, and why."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import threadpoolctl
from side_by_side import assert_equal, assert_identical, assert_same, trained

from tuners.engine.call import FitCall
from tuners.engine.choice import Engines
from tuners.engine.numpy_engine import engine, losses
from tuners.engine.numpy_engine.activations import ACTIVATIONS
from tuners.engine.numpy_engine.network import Network
from tuners.private_apis import is_decayed

layers = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6)).astype(np.float32)
Y = np.arange(24, dtype=np.int32) % 3


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


def with_bias(**attributes):
    model = dense()
    for name, value in attributes.items():
        setattr(model.layers[-1].bias, name, value)
    return model


def replaced_call(model):
    layer = model.get_layer("own")
    by_keras = layer.call
    layer.call = lambda inputs, training=None: 2 * by_keras(inputs)
    return model


class OwnMetric(keras.metrics.SparseTopKCategoricalAccuracy):
    """May compute something else."""


def einsum(equation, shape, before=None):
    def build(x):
        x = layers.EinsumDense(equation, shape)(x if before is None else before(x))
        return layers.Dense(3, activation="softmax")(layers.Flatten()(x))

    return lambda: functional(build)


optimizers = keras.optimizers
REFUSED = {
    "regularizer": (lambda: dense(layers.Dense(4, kernel_regularizer="l2")), "has a regularizer or a constraint"),
    "constraint": (lambda: dense(layers.Dense(4, kernel_constraint="non_neg")), "has a regularizer or a constraint"),
    "unknown layer": (lambda: dense(layers.LayerNormalization()), "is a LayerNormalization"),
    "layer of one's own": (lambda: dense(Doubled(4)), "is a Doubled"),
    "frozen layer": (lambda: dense(layers.Dense(4, trainable=False)), "is frozen"),
    "half precision": (lambda: dense(layers.Dense(4, dtype="mixed_float16")), "not in float32"),
    "unknown activation": (lambda: dense(layers.Dense(4, activation="log_softmax")), "the activation log_softmax"),
    "a head in the middle": (
        lambda: dense(layers.Dense(4, activation="softmax")),
        "is not the last and ends in softmax",
    ),
    "batch norm without a scale": (lambda: dense(layers.BatchNormalization(scale=False)), "has scale=False"),
    "a slope of a leak beyond one": (lambda: dense(layers.LeakyReLU(1.5)), "has negative_slope=1.5"),
    "noise shape": (lambda: dense(layers.Dropout(0.1, noise_shape=(None, 1))), "has noise_shape"),
    "shared layer": (lambda: functional(shared), "called more than once"),
    "products of inputs": (
        lambda: functional(lambda x: layers.Dense(3, activation="softmax")(layers.Multiply()([x, x]))),
        "is a Multiply",
    ),
    "an axis that is summed over": (einsum("ab,cd->acd", (3, 2)), "sums over an axis of one alone"),
    "axes without letters": (einsum("...b,bc->...c", 3), "not one of plain axes"),
    "another operation": (einsum("ab,bc->ac", 3, keras.ops.square), "has the operation Square"),
    "columns taken twice": (
        einsum("ab,bc->ac", 3, lambda x: keras.ops.take(x, [0, 0], axis=1)),
        "a take is not one of some columns",
    ),
    "loss as a function": (lambda: dense(loss=own_loss), "the loss is not one of Keras'"),
    "metric of one's own": (lambda: dense(metrics=[own_loss]), "a metric is a function"),
    "a frozen weight": (lambda: with_bias(trainable=False), "bias is frozen"),
    "a rule of a weight's own": (lambda: with_bias(regularizer=keras.regularizers.L2(0.1)), "has a regularizer"),
    "a call of its own": (lambda: replaced_call(dense(layers.Dense(4, name="own"))), "the call of the layer own"),
    "a summed loss": (
        lambda: dense(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
        "the loss is not a mean",
    ),
    "unknown metric": (
        lambda: dense(metrics=[OwnMetric()]),
        "is a OwnMetric",
    ),
    "weighted metrics": (lambda: dense(weighted_metrics=["accuracy"]), "weighted_metrics"),
    "clipped gradients": (lambda: dense(optimizer=optimizers.SGD(clipnorm=1.0)), "clipnorm=1.0"),
    "amsgrad": (lambda: dense(optimizer=optimizers.Adam(amsgrad=True)), "amsgrad=True"),
    "another optimizer": (lambda: dense(optimizer=optimizers.Adagrad()), "the optimizer is Adagrad"),
    "RMSprop with momentum": (lambda: dense(optimizer=optimizers.RMSprop(momentum=0.5)), "RMSprop, or has options"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_declined_and_why(name):
    build, why = REFUSED[name]
    found = trained("numpy", build, X, Y)
    assert found.use.engine == "fit"
    assert why in found.use.refusals["numpy"]


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ((X, X), Y, "the inputs are not as the model takes them"),
        (np.where(X > 2, np.nan, X), Y, "NaN or infinite"),
        (X, Y - np.where(Y > 1, 0, 1), "class ids from 0 to 2"),
        (X, Y, "the validation targets are not class ids from 0 to 2"),
    ],
)
def test_data_that_do_not_fit_are_declined(x, y, why):
    # Nothing is trained then: `model.fit` raises as well.
    reasons = {}
    engines = Engines("numpy")
    model = dense()
    call = FitCall(model, (x, y), (X, Y + 1), 8, 8, 1, 0, 1, False, (), 0)
    assert engines._trainer("numpy", call, reasons) is None  # noqa: SLF001
    assert why in reasons["numpy"]


@pytest.mark.parametrize("activation", [each.__name__ for each in ACTIVATIONS] + ["linear"])
def test_activations_and_their_derivatives(activation):
    keras.utils.set_random_seed(1)
    model = dense(layers.Dense(8, activation=activation))
    network = Network(model)
    output = network.forward([X], training=True)
    network.backward(np.tile(np.float32([1, 2, -1]), (len(X), 1)))
    with tf.GradientTape() as tape:
        logits = model.layers[0](X) @ model.layers[1].kernel + model.layers[1].bias
        total = tf.reduce_sum(logits * [1, 2, -1])
    np.testing.assert_allclose(output, logits, rtol=1e-4, atol=1e-5)
    expected = np.concatenate([np.ravel(each) for each in tape.gradient(total, model.trainable_variables)])
    np.testing.assert_allclose(network.gradient, expected, rtol=1e-4, atol=1e-4)


def test_other_layers_and_their_derivatives():
    keras.utils.set_random_seed(1)
    images = rng.normal(size=(5, 4, 3, 2)).astype(np.float32)
    inputs = keras.Input((4, 3, 2))
    x = layers.BatchNormalization(epsilon=0.1)(layers.Rescaling(0.5, offset=1.0)(inputs))
    x = layers.ReLU()(layers.Flatten()(x))
    branches = [layers.Dense(7)(x), layers.BatchNormalization()(layers.Dense(7, activation="tanh")(x))]
    x = layers.Add()([*branches, layers.LeakyReLU(0.3)(branches[0])])
    model = keras.Model(inputs, layers.Normalization(mean=1.0, variance=4.0, invert=True)(layers.Dense(3)(x)))
    model.compile("sgd", "mse")
    network = Network(model)
    output = network.forward(network.prepared([images]), training=True)
    slope = rng.normal(size=output.shape).astype(np.float32)
    network.backward(slope)
    with tf.GradientTape() as tape:
        expected = model(images, training=True)
        total = tf.reduce_sum(expected * slope)
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)
    slopes = np.concatenate([np.ravel(each) for each in tape.gradient(total, model.trainable_variables)])
    np.testing.assert_allclose(network.gradient, slopes, rtol=1e-3, atol=1e-3)
    # The moving statistics too are what the model keeps.
    for left, right in zip(network.weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def waves(x):
    """Some numbers as linear maps of cosines and sines of them."""
    some = keras.ops.take(x, [4, 0, 1], axis=1)
    angles = layers.EinsumDense("bn,nf->bnf", (3, 4), bias_axes="nf", bias_initializer="normal")(some)
    mixed = layers.EinsumDense("bnf,nfo->bno", (3, 2), bias_axes="n", activation="tanh")(keras.ops.cos(angles))
    across = layers.EinsumDense("bnf,nfo->bo", 3, bias_axes="o")(keras.ops.sin(angles))
    turned = layers.EinsumDense("bnf,of->bon", (2, 3))(angles)
    return layers.Concatenate()([layers.Flatten()(mixed), across, layers.Flatten()(turned)])


@pytest.mark.parametrize(
    "first", [lambda: layers.Rescaling(1 / 255), lambda: layers.Normalization(mean=100.0, variance=900.0)]
)
def test_pictures_as_they_are_in_a_file(first):
    pictures = rng.integers(0, 256, (24, 3, 2, 1)).astype(np.uint8)

    def build():
        body = [first(), layers.Flatten(), layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")]
        model = keras.Sequential([keras.Input((3, 2, 1), dtype="uint8"), *body])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    given = dict(validation_data=(pictures, Y), epochs=2, batch_size=8)
    assert_same(build, pictures, Y, engines=("numpy",), **given)
    given["validation_data"] = (pictures.astype(np.float32), Y)
    use = trained("numpy", build, pictures.astype(np.float32), Y, **given).use
    assert use.engine == "fit" and use.refusals["numpy"] == "the inputs are not as the model takes them"


def test_waves_of_numbers():
    assert_same(
        lambda: functional(lambda x: layers.Dense(3, activation="softmax")(waves(x))), X, Y, engines=["numpy"], epochs=2
    )


def test_dropout_drops_its_share_and_keeps_the_mean():
    model = keras.Sequential([keras.Input((1000,)), layers.Dropout(0.3), layers.Dense(1000, use_bias=False)])
    model.compile("sgd", "mse")
    model.layers[1].set_weights([np.eye(1000, dtype=np.float32)])
    network = Network(model, seed=5)
    x = np.ones((200, 1000), np.float32)
    first, second = (network.forward([x], training=True) for _ in range(2))
    # Five deviations of the mean of 200,000 draws.
    assert np.mean(first == 0) == pytest.approx(0.3, abs=5 * (0.21 / 200_000) ** 0.5)
    np.testing.assert_allclose(first[first != 0], 1 / 0.7, rtol=1e-6)
    assert np.mean((first == 0) & (second == 0)) == pytest.approx(0.09, abs=0.005)
    np.testing.assert_array_equal(network.forward([x], training=False), x)
    np.testing.assert_array_equal(Network(model, seed=5).forward([x], training=True), first)


def test_a_normalization_that_was_adapted_to_data():
    def build():
        layer = layers.Normalization()
        layer.adapt(X * 3 + 1)
        return dense(layer)

    assert_same(build, X, Y, engines=["numpy"], epochs=2)


def test_validation_whose_weights_and_targets_are_not_of_the_kind_of_the_training():
    def build():
        return dense(loss="mse", metrics=())

    given, engines = {"epochs": 2, "batch_size": 8}, Engines("numpy")
    one_hot, weights = np.eye(3, dtype=np.float32)[Y], np.linspace(0.5, 2, 24)
    # What was tried without validation, or with another kind of it, has not been tried with this one.
    for more in (
        {},
        {"validation_data": (X, one_hot.astype(np.int64))},
        {"validation_data": (X, one_hot, weights)},
        {"sample_weight": weights},
        {"sample_weight": weights, "validation_data": (X, one_hot)},
        {"class_weight": {0: 3.0}, "validation_data": (X, one_hot.astype(bool))},
    ):
        found = trained(engines, build, X, one_hot, **given, **more)
        assert found.use.engine == "numpy", found.use.refusals
        assert_equal(trained("fit", build, X, one_hot, **given, **more), found)


@pytest.mark.parametrize(("shared_from", "threads"), [(engine.SHARED_FROM, {1}), (0, {2})])
def test_small_products_are_not_shared_by_threads(monkeypatch, shared_from, threads):
    seen, forward = set(), Network.forward

    def watched(self, *args, **options):
        seen.update(each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas")
        return forward(self, *args, **options)

    monkeypatch.setattr(engine, "SHARED_FROM", shared_from)
    monkeypatch.setattr(Network, "forward", watched)
    with threadpoolctl.threadpool_limits(2):
        trained("numpy", lambda: dense(layers.Dense(4)), X, Y, validation_data=(X, Y))
    assert seen == threads


class Halved(keras.losses.Loss):
    """Half of the squared error, which says so in numpy as well."""

    def call(self, y_true, y_pred):
        return keras.ops.sum(keras.ops.square(y_pred - y_true), axis=-1) / 2

    def value_and_derivative(self, y_true, y_pred):
        return np.square(y_pred - y_true).sum(axis=-1) / 2, y_pred - y_true


LABELS, SHARES = (X[:, :3] > 0).astype(np.int64), np.exp(X[:, :3]) / np.exp(X[:, :3]).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("loss", "activation", "y"),
    [
        (keras.losses.BinaryCrossentropy, "sigmoid", LABELS),
        (keras.losses.BinaryCrossentropy, "sigmoid", LABELS[:, 0]),
        (keras.losses.CategoricalCrossentropy, "softmax", SHARES),
        (keras.losses.CategoricalCrossentropy, "softmax", 2 * SHARES),
    ],
)
def test_cross_entropies_are_not_compiled(monkeypatch, loss, activation, y, weighted, logits):
    def build():
        values = y.shape[1] if y.ndim > 1 else 1
        # Logits so large that one of the probabilities is 0 in float32.
        large = keras.initializers.RandomNormal(stddev=60.0)
        head = layers.Dense(values, None if logits else activation, kernel_initializer=large)
        model = keras.Sequential([keras.Input((6,)), head])
        model.compile("sgd", loss(from_logits=logits))
        return model

    monkeypatch.delattr(losses.CompiledLoss, "value")
    monkeypatch.delattr(losses.CompiledLoss, "value_and_gradient")
    weights = {"sample_weight": np.arange(len(X)) / 9} if weighted else {}
    assert_same(build, X, y, validation_data=(X, y), epochs=2, batch_size=7, engines=["numpy"], **weights)


@pytest.mark.parametrize("options", [{"label_smoothing": 0.1}, {"reduction": "sum"}])
def test_other_cross_entropies_are_kerass(options):
    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "sigmoid")])
        model.compile("sgd", keras.losses.BinaryCrossentropy(**options))
        return model

    expected, found = (trained(each, build, X, LABELS, epochs=2) for each in ("fit", "numpy"))
    assert found.use.engine == ("fit" if "reduction" in options else "numpy")
    assert_equal(expected, found)


class Wrong(Halved):
    """Says another thing in numpy."""

    def value_and_derivative(self, y_true, y_pred):
        return np.square(y_pred - y_true).sum(axis=-1), y_pred - y_true


@pytest.mark.parametrize("loss", ["mse", Halved()])
@pytest.mark.parametrize(("values", "weighted"), [(1, True), (3, False), (3, True)])
def test_a_loss_in_numpy_is_not_compiled(monkeypatch, loss, values, weighted):
    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(values)])
        model.compile("sgd", loss, metrics=["mae"])
        return model

    monkeypatch.delattr(losses.CompiledLoss, "value")
    monkeypatch.delattr(losses.CompiledLoss, "value_and_gradient")
    y = X[:, 0] if values == 1 and loss == "mse" else X[:, :values]
    weights = {"sample_weight": np.arange(len(X)) / 9} if weighted else {}
    assert_same(build, X, y, validation_data=(X, y), epochs=2, batch_size=7, engines=["numpy"], **weights)


def test_a_loss_that_says_another_thing_in_numpy_is_found_out():
    def build():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
        model.compile("sgd", Wrong())
        return model

    found = trained("numpy", build, X, X[:, :3])
    assert found.use.engine == "fit" and "loss" in found.use.refusals["numpy"]


def test_a_training_leaves_the_next_one_untouched():
    engines = Engines("numpy")

    def train():
        return trained(engines, lambda: dense(layers.Dropout(0.4), layers.BatchNormalization()), X, Y, epochs=2)

    assert_identical(train(), train())


def test_the_private_question_of_weight_decay():
    model = dense(layers.BatchNormalization())
    optimizer = keras.optimizers.Adam(weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    asked = {weight.path.split("/")[-1]: is_decayed(optimizer, weight) for weight in model.trainable_variables}
    assert asked == {"gamma": False, "beta": False, "kernel": True, "bias": False}
