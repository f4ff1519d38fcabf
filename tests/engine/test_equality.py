"""The engines compute what `model.fit` computes: with the same initial weights and batch order, the same curve."""

import keras
import numpy as np
import pytest
import side_by_side
from scipy import stats
from side_by_side import trained

import kzoo
from tuners.engine.graph.fused import loops, winograd

EPOCHS = 2
BATCH = 8


def assert_same(build, data, **kwargs):
    x, y, x_val, y_val = data
    given = {"validation_data": (x_val, y_val), "epochs": EPOCHS, "batch_size": BATCH}
    side_by_side.assert_same(build, x, y, **{**given, **kwargs})


@pytest.fixture(scope="module")
def task_data():
    rng = np.random.default_rng(0)

    def make(kind, images):
        x = rng.normal(3, 2, (44, 6, 6, 1) if images else (44, 5)).astype(np.float32)
        axes = tuple(range(x.ndim - 1))
        common = {"input_mean": tuple(x.mean(axes).tolist()), "input_variance": tuple(x.var(axes).tolist())}
        if kind == "classification":
            y = (np.arange(44) % 3).astype(np.int32)
            target = {"class_names": ("a", "b", "c")}
        else:
            y = rng.normal(100, 20, (44, 1)).astype(np.float32)
            target = {"target_mean": (100.0,), "target_scale": (20.0,)}
        task = kzoo.Task(kind=kind, input_shape=x.shape[1:], input_dtype="float32", train_rows=30, **common, **target)
        # 30 rows in batches of 8: the last batch is short.
        return task, (x[:30], y[:30], x[30:], y[30:])

    return make


BY_NUMPY = ("linear_regression", "mlp", "realmlp", "softmax_regression")


@pytest.mark.parametrize("name", kzoo.list_models())
def test_families(task_data, name):
    family = kzoo.zoo.registry.get_family(name)
    task, data = task_data(family.kinds[:2][-1], family.images_only)
    engines = ("graph", "numpy") if name in BY_NUMPY else ("graph",)
    # The numpy engine draws dropout from a stream of its own.
    values = {"dropout": 0.0, "units": 32} if name == "realmlp" else {}
    build = lambda: kzoo.create_model(name, task, epochs=EPOCHS, **values)  # noqa: E731
    assert_same(build, data, engines=engines, compiled=True)


def test_regression(task_data):
    task, data = task_data("regression", False)
    assert_same(lambda: kzoo.create_model("mlp", task, epochs=EPOCHS, units=16), data)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_loops_of_images(task_data, activation, monkeypatch):
    monkeypatch.setattr(loops, "COMPILING", 0)
    task, data = task_data("classification", True)
    assert_same(
        lambda: kzoo.create_model("convnet", task, epochs=EPOCHS, filters=8, activation=activation),
        data,
        engines=("graph",),
    )


def test_convolutions_in_fewer_products(task_data, monkeypatch):
    monkeypatch.setattr(loops, "COMPILING", 0)
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 8)
    monkeypatch.setattr(winograd, "has_one_thread", lambda: True)
    task, data = task_data("classification", True)
    # Adam would make steps of gradients that are next to nothing, as rounding leaves them.
    values = {"filters": 8, "stages": 3, "optimizer": "momentum"}
    assert_same(lambda: kzoo.create_model("convnet", task, epochs=EPOCHS, **values), data, engines=("graph",))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam"])
def test_optimizers(task_data, optimizer):
    task, data = task_data("classification", False)
    values = {"optimizer": optimizer, "weight_decay": 0.05}
    if optimizer == "nesterov":
        values = {**values, "optimizer": "momentum", "momentum/nesterov": True}
    assert_same(lambda: kzoo.create_model("mlp", task, epochs=EPOCHS, units=16, **values), data)


@pytest.mark.parametrize("norm", ["after", "none"])
def test_norm_placements(task_data, norm):
    task, data = task_data("classification", False)
    assert_same(lambda: kzoo.create_model("mlp", task, epochs=EPOCHS, units=16, norm=norm), data)


@pytest.mark.parametrize("decay", ["exponential", "inverse_time", "cosine"])
def test_schedules(task_data, decay):
    task, data = task_data("classification", False)
    assert_same(lambda: kzoo.create_model("mlp", task, epochs=EPOCHS, units=16, decay=decay), data)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy", "mse", "mae", "huber"])
def test_losses_by_name(task_data, loss):
    _, (x, y, x_val, y_val) = task_data("classification", False)
    heads = {"categorical_crossentropy": (3, "softmax"), "binary_crossentropy": (1, "sigmoid")}
    width, head = heads.get(loss, (1, "linear"))
    y, y_val = (np.eye(3, dtype=np.float32)[each] if width == 3 else (each > 0).astype(int) for each in (y, y_val))

    def build():
        hidden = keras.layers.Dense(6, activation="sigmoid")
        model = keras.Sequential([keras.Input((5,)), hidden, keras.layers.Dense(width, activation=head)])
        model.compile(keras.optimizers.AdamW(0.01), loss, metrics=["mae"] if head == "linear" else ["accuracy"])
        return model

    assert_same(build, (x, y, x_val, y_val), engines=("numpy",))


@pytest.mark.parametrize("compiling", [0, loops.COMPILING])
def test_dropout_has_the_same_distribution(task_data, compiling, monkeypatch):
    monkeypatch.setattr(loops, "COMPILING", compiling)
    _, (x, y, *_) = task_data("regression", False)

    def build():
        dropped = keras.layers.Dropout(0.4)
        model = keras.Sequential([keras.Input((5,)), dropped, keras.layers.Dense(1, kernel_initializer="ones")])
        # Nothing is learned: the losses of the epochs are draws of one distribution.
        model.compile(keras.optimizers.SGD(1e-30), "mse")
        return model

    y = x.sum(axis=1, keepdims=True) * 0.5
    losses = {
        name: [each["loss"] for each in trained(name, build, x, y, epochs=80, batch_size=BATCH).epochs]
        for name in ("fit", "graph", "numpy")
    }
    for engine in ("graph", "numpy"):
        assert stats.ks_2samp(losses["fit"], losses[engine]).pvalue > 1e-3
        assert np.std(losses[engine]) > 0


def test_weights_of_classes_and_examples(task_data):
    task, data = task_data("classification", False)

    def build():
        return kzoo.create_model("mlp", task, units=16)

    weights = np.linspace(0.1, 2, 30).astype(np.float32)
    assert_same(build, data, class_weight={0: 1.0, 2: 3.0})
    assert_same(build, data, sample_weight=weights)


def test_callbacks_of_epochs(task_data):
    task, data = task_data("classification", False)

    def build():
        return kzoo.create_model("mlp", task, units=16, learning_rate=0.05, decay="none")

    for callback in (
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=0, min_delta=10, restore_best_weights=True),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=0, min_delta=10),
    ):
        # The first epoch is the best, and what follows from the second shows in the third.
        assert_same(build, data, callbacks=[callback], epochs=3)


def test_two_inputs(task_data):
    _, (x, y, x_val, y_val) = task_data("classification", False)

    def build():
        inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((3,), name="b")}
        joined = keras.layers.Concatenate()(list(inputs.values()))
        model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def parts(rows):
        return {"a": np.ascontiguousarray(rows[:, :2]), "b": np.ascontiguousarray(rows[:, 2:])}

    assert_same(build, (parts(x), y, parts(x_val), y_val))


class Penalised(keras.Model):
    """A model with a training step of its own."""

    def train_step(self, data):
        x, y = data
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True)) + 0.1 * tf.reduce_sum(self.weights[0] ** 2)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return self.compute_metrics(x, y, self(x, training=False))


def test_custom_train_step(task_data):
    _, data = task_data("classification", False)

    def build():
        inputs = keras.Input((5,))
        model = Penalised(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
        model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert_same(build, data, engines=("graph",))


def test_double_precision_and_no_validation(task_data):
    task, (x, y, _, _) = task_data("regression", False)
    side_by_side.assert_same(lambda: kzoo.create_model("linear_regression", task), x.astype(float), y.astype(float))


def test_shuffling_is_seeded_and_takes_every_row(task_data):
    task, (x, y, _, _) = task_data("classification", False)

    def build():
        return kzoo.create_model("mlp", task, units=16)

    first, again = (trained("graph", build, x, y, shuffle=True, batch_size=BATCH) for _ in range(2))
    assert first.epochs == again.epochs
    assert first.epochs[0]["loss"] != trained("graph", build, x, y, batch_size=BATCH).epochs[0]["loss"]
    # In the order that the other engine has.
    by_numpy = trained("numpy", build, x, y, shuffle=True, batch_size=BATCH)
    assert by_numpy.epochs[0]["loss"] == pytest.approx(first.epochs[0]["loss"], rel=1e-5)


@pytest.mark.parametrize("engine", ["graph", "numpy"])
def test_the_model_is_left_as_fit_leaves_it(task_data, engine):
    task, (x, y, x_val, y_val) = task_data("classification", False)

    def build():
        return kzoo.create_model("mlp", task, units=8, optimizer="adam")

    by_fit, found = (trained(each, build, x, y, validation_data=(x_val, y_val), epochs=2) for each in ("fit", engine))
    assert found.use.engine == engine
    assert not found.model.stop_training
    assert found.model.history.history["loss"] == [each["loss"] for each in found.epochs]
    for left, right in zip(by_fit.model.optimizer.variables, found.model.optimizer.variables, strict=True):
        np.testing.assert_allclose(right.numpy(), left.numpy(), rtol=2e-3, atol=1e-6)
    for name, value in by_fit.model.get_metrics_result().items():
        assert float(found.model.get_metrics_result()[name]) == pytest.approx(float(value), rel=1e-4)
    # And goes on from there, by whichever way.
    for result in (by_fit, found):
        result.model.fit(x, y, epochs=1, shuffle=False, verbose=0)
    for left, right in zip(by_fit.model.get_weights(), found.model.get_weights(), strict=True):
        np.testing.assert_allclose(right, left, rtol=5e-3, atol=5e-4)
