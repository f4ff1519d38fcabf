"""Layers as one operation each give what Keras gives, and leave the model as it was."""

import math

import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tuners.engine import device
from tuners.engine.graph.fused import activations, dropout, loops, winograd
from tuners.engine.graph.fused.layers import fused_layers

BATCHES = loops.Batches(rows=107, size=7, epochs=2)


def small(channels=8, last=None, **options):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            layers.Conv2D(channels, 3, kernel_initializer=keras.initializers.GlorotNormal(1)),
            layers.BatchNormalization(momentum=0.8, name="norm", **options),
            last or layers.Activation("tanh"),
        ]
    )


def nested():
    inner = small()
    inputs = keras.Input((5, 5, 2))
    return keras.Model(inputs, keras.layers.Flatten()(inner(inputs)))


def sum_of_cubes(outputs):
    return sum(tf.reduce_sum(each**3) for each in keras.tree.flatten(outputs))


def traced(model, *, fused, x, training=True):
    """Outputs, gradients and what became of the moving statistics, and the names of the operations."""

    def step(batch):
        with tf.GradientTape() as tape:
            outputs = model(batch, training=training)
            loss = sum_of_cubes(outputs)
        return outputs, tape.gradient(loss, model.trainable_weights)

    function = tf.function(step, autograph=False)
    if fused:
        with fused_layers(model, BATCHES, training=training):
            concrete = function.get_concrete_function(x)
    else:
        concrete = function.get_concrete_function(x)
    outputs, gradients = concrete(tf.constant(x))
    names = {operation.type for operation in concrete.graph.get_operations()}
    return [
        *(o.numpy() for o in keras.tree.flatten(outputs)),
        *(g.numpy() for g in gradients),
        *map(np.asarray, model.non_trainable_weights),
    ], names


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(3, 2, (7, 5, 5, 2)).astype(np.float32)


@pytest.mark.parametrize("build", [small, lambda: small(scale=False), lambda: small(center=False), nested])
def test_outputs_gradients_and_statistics_are_those_of_keras(build, x):
    expected, plain = traced(build(), fused=False, x=x)
    found, names = traced(build(), fused=True, x=x)
    assert "FusedBatchNormV3" in names and "FusedBatchNormV3" not in plain
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=2e-4, atol=2e-4)


NO_ACTIVATIONS = {"get", "serialize", "deserialize", "threshold"}
ACTIVATIONS = sorted(name for name in vars(keras.activations) if name[0] != "_" and name not in NO_ACTIVATIONS)


def without_derivatives(model, x):
    def step(batch):
        return model(batch, training=False)

    with fused_layers(model, BATCHES, training=False):
        concrete = tf.function(step, autograph=False).get_concrete_function(x)
    found = concrete(tf.constant(x)).numpy()
    np.testing.assert_allclose(found, model(x, training=False).numpy(), rtol=1e-4, atol=1e-5)
    return {operation.type for operation in concrete.graph.get_operations()}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_any_activation_may_come_behind_batch_norm_outside_training(name, x):
    # TensorFlow makes one operation of convolution, batch norm and some activations, for which it has no kernel.
    names = without_derivatives(small(last=keras.layers.Activation(name)), x)
    assert ("FusedBatchNormV3" in names) == (name not in ("tanh", "mish"))


def in_an_operation():
    inputs = keras.Input((5, 5, 2))
    normed = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3)(inputs))
    return keras.Model(inputs, keras.ops.tanh(normed))


def in_a_convolution():
    inputs = keras.Input((5, 5, 2))
    normed = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3)(inputs))
    return keras.Model(inputs, keras.layers.Conv2D(8, 1, activation="tanh")(normed))


@pytest.mark.parametrize("build", [in_an_operation, in_a_convolution, lambda: keras.Sequential([in_an_operation()])])
def test_an_activation_without_such_a_kernel_may_be_anywhere(build, x):
    assert "FusedBatchNormV3" not in without_derivatives(build(), x)


def frozen():
    model = small()
    model.get_layer("norm").trainable = False
    return model


class Own(keras.layers.BatchNormalization):
    pass


def of_a_subclass():
    return keras.Sequential([keras.Input((5, 5, 2)), keras.layers.Conv2D(8, 3), Own()])


def of_rows():
    return keras.Sequential([keras.Input((5, 5, 2)), keras.layers.Flatten(), keras.layers.BatchNormalization()])


@pytest.mark.parametrize(
    "build", [lambda: small(channels=6), lambda: small(renorm=True), frozen, of_a_subclass, of_rows]
)
def test_what_the_kernel_would_do_otherwise_stays_with_keras(build, x):
    _, names = traced(build(), fused=True, x=x)
    assert "FusedBatchNormV3" not in names


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_outside_training_the_statistics_serve_and_stay(x, options):
    model = small(last=keras.layers.Activation("sigmoid"), **options)
    model(x, training=True)
    before = [np.asarray(each) for each in model.non_trainable_weights]
    expected, _ = traced(model, fused=False, x=x, training=False)
    found, names = traced(model, fused=True, x=x, training=False)
    assert "FusedBatchNormV3" in names
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=2e-4, atol=2e-4)
    for left, right in zip(before, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(left, np.asarray(right))


def biased(**options):
    layer = keras.layers.Conv2D(8, 3, kernel_initializer=keras.initializers.GlorotNormal(1), **options)
    return keras.Sequential([keras.Input((5, 5, 2)), layer])


@pytest.mark.parametrize(
    "options", [{}, {"activation": "tanh"}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}]
)
def test_convolutions_and_their_gradients_are_those_of_keras(x, options):
    bias = keras.initializers.RandomNormal(seed=2)
    expected, plain = traced(biased(bias_initializer=bias, **options), fused=False, x=x)
    found, names = traced(biased(bias_initializer=bias, **options), fused=True, x=x)
    assert "BiasAddGrad" in plain and "BiasAddGrad" not in names
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-4, atol=1e-4)


@pytest.fixture
def one_thread(monkeypatch):
    """Convolutions are taken in fewer products however few channels and examples there are."""
    monkeypatch.setattr(winograd, "has_one_thread", lambda: True)
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 1)
    monkeypatch.setattr(loops, "COMPILING", 0)


def convolving(height, width, channels=3, **options):
    options = {"padding": "same", "bias_initializer": keras.initializers.RandomNormal(seed=2), **options}
    layer = keras.layers.Conv2D(5, 3, kernel_initializer=keras.initializers.GlorotNormal(1), **options)
    return keras.Sequential([keras.Input((height, width, channels)), layer])


@pytest.mark.parametrize(
    "size, options",
    [
        ((6, 8), {}),
        ((5, 8), {"use_bias": False}),
        ((4, 7), {"activation": "tanh"}),
        ((1, 1), {}),
    ],
)
@pytest.mark.parametrize("parts", [1, 3, 4])
@pytest.mark.parametrize("training", [True, False])
def test_convolutions_in_fewer_products_are_those_of_keras(one_thread, monkeypatch, size, options, parts, training):
    squares = math.ceil(size[0] / 2) * math.ceil(size[1] / 2)
    monkeypatch.setattr(winograd, "LARGEST_PART", math.ceil(7 * squares * 16 * (3 + 5) * 4 / parts))
    # A batch of 7 examples, and one that is short.
    for rows in (7, 4):
        x = np.random.default_rng(rows).normal(1, 2, (rows, *size, 3)).astype(np.float32)
        expected, plain = traced(convolving(*size, **options), fused=False, x=x, training=training)
        found, names = traced(convolving(*size, **options), fused=True, x=x, training=training)
        assert "Conv2D" in plain and not any("Conv2D" in name for name in names) and "BatchMatMulV2" in names
        for left, right in zip(expected, found, strict=True):
            np.testing.assert_allclose(right, left, rtol=1e-4, atol=1e-5 * np.abs(left).max())


@pytest.mark.parametrize(
    "options", [{"padding": "valid"}, {"strides": 2}, {"dilation_rate": 2}, {"groups": 5, "channels": 5}]
)
def test_other_convolutions_stay_convolutions(one_thread, options):
    x = np.ones((2, 6, 6, options.get("channels", 3)), np.float32)
    _, names = traced(convolving(6, 6, **options), fused=True, x=x)
    assert "BatchMatMulV2" not in names


@pytest.mark.parametrize(
    "name, value",
    [
        ("has_one_thread", lambda: False),
        ("FEWEST_CHANNELS", 4),
        ("MOST_PARTS", 0),
        ("LARGEST_PART", 1),
        ("SAVED", -1),
    ],
)
def test_convolutions_stay_where_fewer_products_are_not_worth_it(one_thread, monkeypatch, name, value):
    monkeypatch.setattr(winograd, name, value)
    _, names = traced(convolving(6, 6), fused=True, x=np.ones((2, 6, 6, 3), np.float32))
    assert "Conv2D" in names and "BatchMatMulV2" not in names


def test_a_convolution_in_fewer_products_is_as_exact(one_thread):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 14, 14, 64)), rng.normal(size=(3, 3, 64, 64))
    exact = tf.nn.conv2d(x, kernel, 1, "SAME")
    x, kernel = tf.constant(x, tf.float32), tf.constant(kernel, tf.float32)

    def error(y):
        return np.sqrt(np.mean((y - exact.numpy()) ** 2))

    found = winograd.convolved(x, kernel, tf.zeros(64), BATCHES)
    assert error(found.numpy()) < 1.5 * error(tf.nn.conv2d(x, kernel, 1, "SAME").numpy())


@pytest.mark.parametrize("told, cores, expected", [("1", 8, True), ("4", 1, True), ("4", 8, False), (None, 8, False)])
def test_one_thread_is_told_by_the_environment_or_the_cores(monkeypatch, told, cores, expected):
    monkeypatch.setattr(device, "available_cores", lambda: list(range(cores)))
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if told:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", told)
    assert device.has_one_thread() == expected


def pooled(**options):
    layers = keras.layers
    inputs = keras.Input((5, 5, 2))
    normed = layers.BatchNormalization(name="norm")(layers.Conv2D(8, 3, kernel_initializer="ones")(inputs))
    return keras.Model(inputs, [layers.MaxPooling2D(2, **options)(normed), layers.MaxPooling2D(3, 1)(normed)])


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("signs", [1, -1])
def test_pooling_before_batch_norm_gives_the_same(x, padding, signs):
    model = pooled(padding=padding)
    model(x, training=True)
    norm, rng = model.get_layer("norm"), np.random.default_rng(2)
    # No factor, some or all of one sign.
    norm.gamma.assign(rng.uniform(0, 2, 8) * [0, *[signs] * 4, 1, 1, 1])
    norm.beta.assign(rng.normal(size=8))
    expected = model(x, training=False)
    with fused_layers(model, BATCHES, training=False):
        step = tf.function(lambda batch: model(batch, training=False), autograph=False).get_concrete_function(x)
    assert {"If", "StatelessIf"} & {operation.type for operation in step.graph.get_operations()}
    [normed] = [each for each in step.graph.get_operations() if each.type == "FusedBatchNormV3"]
    assert not normed.outputs[0].consumers()
    for left, right in zip(expected, step(tf.constant(x)), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-5)


def test_what_is_normalised_can_be_used_elsewhere_too(x):
    base = pooled()
    model = keras.Model(base.input, [*base.outputs, base.get_layer("norm").output])
    model(x, training=True)
    expected = model(x, training=False)
    with fused_layers(model, BATCHES, training=False):
        step = tf.function(lambda batch: model(batch, training=False), autograph=False).get_concrete_function(x)
    for left, right in zip(expected, step(tf.constant(x)), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-5)


def with_kept_statistics(x):
    """Names of the operations of a training step that normalises by the statistics kept."""
    model = pooled()
    with fused_layers(model, BATCHES, training=True):
        step = tf.function(lambda batch: model(batch, training=False), autograph=False).get_concrete_function(x)
    return {operation.type for operation in step.graph.get_operations()}


def test_in_training_pooling_comes_after_batch_norm(x):
    expected, _ = traced(pooled(), fused=False, x=x)
    found, names = traced(pooled(), fused=True, x=x)
    assert "If" not in names and "StatelessIf" not in names
    # Not with the statistics kept either, since the derivative of a pooling in a branch takes long.
    assert not {"If", "StatelessIf"} & with_kept_statistics(x)
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=2e-4, atol=2e-4)


def test_the_model_is_as_it_was_also_after_an_error(x):
    model = small()
    with pytest.raises(KeyError), fused_layers(model, BATCHES, training=True):
        assert "call" in vars(model.get_layer("norm"))
        raise KeyError
    assert "call" not in vars(model.get_layer("norm"))
    _, names = traced(model, fused=False, x=x)
    assert "FusedBatchNormV3" not in names


@pytest.fixture
def compiled(monkeypatch):
    """Loops are compiled however few numbers there are."""
    monkeypatch.setattr(loops, "COMPILING", 0)


def activated(activation, *, in_layer=False):
    own = {"activation": activation} if in_layer else {}
    layers = [keras.Input((5, 5, 2)), keras.layers.Conv2D(8, 3, use_bias=False, kernel_initializer="ones", **own)]
    return keras.Sequential(layers if in_layer else [*layers, keras.layers.Activation(activation)])


@pytest.mark.parametrize("in_layer", [False, True])
@pytest.mark.parametrize("activation", [each.__name__ for each in activations.LOOPS])
def test_activations_and_their_gradients_are_those_of_keras(compiled, x, activation, in_layer):
    small_values = x * np.float32(0.05)
    expected, plain = traced(activated(activation, in_layer=in_layer), fused=False, x=small_values)
    model = activated(activation, in_layer=in_layer)
    found, names = traced(model, fused=True, x=small_values)
    assert "PartitionedCall" in names and "PartitionedCall" not in plain
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-5)
    assert model.layers[-1].activation is keras.activations.get(activation)


class Settled(keras.layers.Layer):
    @property
    def activation(self):
        return keras.activations.gelu

    def call(self, x):
        return self.activation(x)


def test_activations_that_cannot_be_replaced_are_left(compiled, x):
    class Unhashable:
        __hash__ = None

        def __call__(self, values):
            return keras.ops.tanh(values)

    for layer in (Settled(), keras.layers.Conv2D(8, 3, activation=Unhashable())):
        model = keras.Sequential([keras.Input((5, 5, 2)), layer])
        expected, _ = traced(model, fused=False, x=x)
        found, _ = traced(model, fused=True, x=x)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)


def test_a_short_batch_and_sizes_that_are_filled_up(compiled, x):
    assert [loops.room(rows * 25 * 8) for rows in (6, 3)] == [16, 8]
    model = keras.Sequential([keras.Input((5, 5, 8)), keras.layers.Activation("gelu")])
    values = np.random.default_rng(1).normal(size=(7, 5, 5, 8)).astype(np.float32)
    with fused_layers(model, loops.Batches(rows=9, size=6, epochs=1), training=False):
        step = tf.function(model, autograph=False).get_concrete_function(tf.TensorSpec([None, 5, 5, 8]))
    for rows in (7, 6, 3, 2):
        np.testing.assert_allclose(step(tf.constant(values[:rows])), model(values[:rows]), rtol=1e-5, atol=1e-6)


@hypothesis.given(hypothesis.strategies.integers(1, 2**40))
def test_sizes_are_few_and_hardly_larger(numbers):
    padded = numbers + loops.room(numbers)
    assert numbers <= padded <= numbers * (1 + 1 / 32)
    assert padded / 2 ** max(0, padded.bit_length() - 6) % 1 == 0
    assert loops.room(padded) == 0


def test_few_numbers_are_left_to_keras(x):
    expected, plain = traced(activated("gelu"), fused=False, x=x)
    found, names = traced(activated("gelu"), fused=True, x=x)
    assert names == plain
    np.testing.assert_array_equal(found[0], expected[0])


def test_silu_in_validation_is_what_tensorflow_has_an_operation_for_however_few_numbers(x):
    model = activated("silu")
    with fused_layers(model, BATCHES, training=False):
        step = tf.function(lambda batch: model(batch, training=False), autograph=False).get_concrete_function(x)
    [sigmoid] = [each for each in step.graph.get_operations() if each.type == "Sigmoid"]
    [product] = sigmoid.outputs[0].consumers()
    # Of the same input: no factor has been multiplied in before.
    assert product.type == "Mul" and sigmoid.inputs[0] in list(product.inputs)
    np.testing.assert_allclose(step(tf.constant(x)), model(x, training=False), rtol=1e-5, atol=1e-6)


def test_where_nothing_can_be_compiled_layers_are_left_to_keras(compiled, x, monkeypatch):
    monkeypatch.setattr(loops, "has_compiler", lambda: False)
    assert traced(activated("gelu"), fused=True, x=x)[1] == traced(activated("gelu"), fused=False, x=x)[1]


def test_this_machine_can_compile_loops():
    assert loops.has_compiler() != bool(tf.config.list_physical_devices("GPU"))


def dropping(rate, seed=3):
    return keras.Sequential([keras.Input((40, 50, 4)), keras.layers.Dropout(rate, seed=seed)])


def dropped(model, x):
    """What dropout makes of x, and the gradient of the sum of it times x."""
    with fused_layers(model, BATCHES, training=True):

        @tf.function(autograph=False)
        def step(values):
            with tf.GradientTape() as tape:
                tape.watch(values)
                outputs = model(values, training=True)
                total = tf.reduce_sum(outputs * 3)
            return outputs, tape.gradient(total, values)

        concrete = step.get_concrete_function(tf.TensorSpec([None, 40, 50, 4], tf.float32))
    assert not any("Random" in node.op for node in concrete.graph.as_graph_def().node)
    return lambda: [each.numpy() for each in concrete(tf.constant(x))]


@pytest.mark.parametrize("rate", [0.001, 0.3, 0.5, 0.9])
def test_dropout_drops_at_its_rate_and_the_gradient_drops_the_same(compiled, rate):
    x = np.ones((16, 40, 50, 4), np.float32)
    outputs, gradient = dropped(dropping(rate), x)()
    np.testing.assert_allclose(np.unique(outputs), [0, 1 / (1 - rate)], rtol=1e-6)
    np.testing.assert_allclose(gradient, outputs * 3, rtol=1e-6)
    assert stats.binomtest(int((outputs == 0).sum()), outputs.size, rate).pvalue > 1e-4


def test_every_step_and_every_layer_drops_others(compiled):
    x = np.ones((8, 40, 50, 4), np.float32)
    step, other = dropped(dropping(0.5), x), dropped(dropping(0.5, seed=4), x)
    masks = [each()[0].ravel() > 0 for each in (step, step, step, other)]
    for index, left in enumerate(masks):
        for right in masks[:index]:
            assert stats.binomtest(int((left == right).sum()), left.size, 0.5).pvalue > 1e-4


def test_dropout_is_seeded_and_off_outside_training(compiled):
    x = np.ones((2, 40, 50, 4), np.float32)
    np.testing.assert_array_equal(dropped(dropping(0.5), x)()[0], dropped(dropping(0.5), x)()[0])
    with fused_layers(model := dropping(0.5), BATCHES, training=False):
        np.testing.assert_array_equal(model(x, training=False), x)


@pytest.mark.parametrize("lag", [1, 2, 4, 8, 200, 8000])
def test_numbers_are_uniform_and_independent_of_their_neighbours(lag):
    key = tf.constant(0x9E3779B97F4A7C15, tf.uint64)
    numbers = dropout.squares(key, 400_000).numpy() / 2**32
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    pairs, *_ = np.histogram2d(numbers[:-lag], numbers[lag:], bins=8)
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-3


def test_numbers_are_those_of_the_paper():
    """The generator of Widynski, 2020, in Python's integers."""

    def reference(counter, key):
        mask = 2**64 - 1
        x = y = counter * key & mask
        z = y + key & mask
        for added in (y, z, y):
            x = x * x + added & mask
            x = (x >> 32 | x << 32) & mask
        return (x * x + z & mask) >> 32

    key = 0x548C9DECBCE65297
    found = dropout.squares(tf.constant(key, tf.uint64), 1000).numpy()
    assert found.tolist() == [reference(counter, key) for counter in range(1000)]
