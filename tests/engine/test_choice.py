"""What trains where a hypermodel calls `model.fit`, and why."""

import random

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from side_by_side import assert_equal, assert_same, trained

from tuners.engine import data
from tuners.engine.building import build_optimizer
from tuners.engine.call import read_call
from tuners.engine.choice import Engines
from tuners.engine.declined import Declined

X = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
Y = np.arange(16, dtype=np.int32) % 2


def build(kind=keras.Model, **compiled):
    inputs = keras.Input((4,))
    model = kind(inputs, keras.layers.Dense(2, activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", **compiled)
    return model


def batches():
    while True:
        yield X, Y


class Watcher(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


class Acts(keras.callbacks.Callback):
    """Does something to the model when an epoch ends."""

    def __init__(self, act, epoch):
        super().__init__()
        self.act, self.epoch = act, epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.act(self.model)


def compile_again(model):
    model.compile("adam", "sparse_categorical_crossentropy")


class Compiles(Acts):
    def on_train_end(self, logs=None):
        self.model.compile("adam", "sparse_categorical_crossentropy")


PIPELINE = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((PIPELINE,), {}, "not arrays"),
        ((batches(),), {"steps_per_epoch": 2}, "the argument steps_per_epoch"),
        ((X, Y), {"validation_data": PIPELINE}, "not a tuple of arrays"),
        ((X, Y), {"validation_split": 0.999}, "validation_split=0.999"),
        ((X, Y), {"callbacks": [Watcher()]}, "Watcher sees batches"),
        ((X, Y), {"callbacks": keras.callbacks.CallbackList()}, "a CallbackList"),
        ((X, Y), {"callbacks": [Compiles(compile_again, 0)]}, "Compiles compiles the model"),
        ((X.astype(complex), Y), {}, "of the type complex"),
        ((X, Y[:5]), {}, "different lengths"),
        ((X, Y), {"epochs": 1.5}, "epochs=1.5"),
        ((X, Y), {"shuffle": "batch"}, "shuffle='batch'"),
        ((X, Y), {"no_argument": 1}, "the arguments are not those of model.fit"),
        ((X, Y), {"class_weight": {0: 2.0}, "sample_weight": np.ones(16)}, "class_weight with sample_weight"),
    ],
)
def test_declined_and_why(args, kwargs, why):
    with pytest.raises(Declined, match=why.replace("(", "[(]")):
        read_call(build(), args, kwargs)


def test_data_larger_than_the_limit_are_left_to_fit(monkeypatch):
    read_call(build(), (X, Y), {})
    monkeypatch.setattr(data, "LARGEST", X.nbytes)
    with pytest.raises(Declined, match="the data take more than"):
        read_call(build(), (X, Y), {})


class OwnFit(keras.Model):
    def fit(self, x=None, y=None, **kwargs):
        return super().fit(x, y, class_weight={0: 1.0, 1: 5.0}, **kwargs)


class OwnEvaluate(keras.Model):
    def evaluate(self, *args, **kwargs):
        return super().evaluate(*args, **kwargs)


class Eager(keras.Model):
    pass


def under(strategy):
    with strategy.scope():
        return build()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: build(OwnFit), "has a method fit of its own"),
        (lambda: build(OwnEvaluate), "has a method evaluate of its own"),
        (lambda: build(run_eagerly=True), "runs eagerly"),
        (lambda: under(tf.distribute.OneDeviceStrategy("/cpu:0")), "a distribution strategy"),
        (lambda: under(tf.distribute.MirroredStrategy(["/cpu:0"])), "a distribution strategy"),
    ],
)
def test_models_that_only_fit_can_train(make, why):
    expected, found = (trained(each, make, X, Y, epochs=2) for each in ("fit", "auto"))
    assert found.use.engine == "fit"
    assert why in found.use.refusals["numpy"]
    assert why in found.use.refusals["graph"]
    assert_equal(expected, found)


def test_what_is_called_within_the_scope_of_a_strategy_is_left_to_fit():
    model = build()
    with (
        tf.distribute.OneDeviceStrategy("/cpu:0").scope(),
        pytest.raises(Declined, match="a distribution strategy"),
    ):
        read_call(model, (X, Y), {})


class BuiltInFit(keras.optimizers.SGD):
    """Can make its slots in a graph alone."""

    def add_optimizer_variables(self, variables, *args, **kwargs):
        if tf.executing_eagerly():
            raise RuntimeError("not here")
        return super().add_optimizer_variables(variables, *args, **kwargs)


def test_an_optimizer_that_could_not_be_built_is_built_by_fit():
    model = with_optimizer(BuiltInFit(0.1, momentum=0.9))
    with pytest.raises(RuntimeError, match="not here"):
        build_optimizer(model)
    assert not model.optimizer.built
    model.fit(X, Y, epochs=1, verbose=0)
    assert len(model.optimizer.variables) == 2 + len(model.trainable_variables)


class OwnReset(keras.Model):
    def reset_metrics(self):
        pass


class Halving(keras.optimizers.ScheduleFreeAdamW):
    def update_step(self, gradient, *rest):
        super().update_step(gradient * 0.5, *rest)


def scaled(optimizer):
    return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8)


class OwnOptimizer(keras.optimizers.SGD):
    def build(self, variables):
        super().build(variables)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: build(OwnReset), "has a method reset_metrics of its own"),
        (lambda: with_optimizer(OwnOptimizer(0.1)), "the optimizer OwnOptimizer is built by itself"),
        (lambda: with_optimizer(keras.optimizers.ScheduleFreeAdamW(0.1)), "ScheduleFreeAdamW is built by itself"),
        (lambda: with_optimizer(Halving(0.1)), "the optimizer Halving is built by itself"),
        (lambda: with_optimizer(scaled(Halving(0.1))), "the optimizer LossScaleOptimizer is built by itself"),
    ],
)
def test_what_could_not_be_put_back_is_not_tried(make, why):
    expected, found = (trained(each, make, X, Y, epochs=2, batch_size=5) for each in ("fit", "auto"))
    assert why in found.use.refusals["graph"]
    assert_equal(expected, found)


def with_optimizer(optimizer):
    model = build()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def test_an_optimizer_that_counts_steps_that_it_has_not_made():
    def counting():
        model = with_optimizer(keras.optimizers.Adam(0.05))
        model.optimizer.iterations.assign(7)
        return model

    engines = Engines("auto")
    for _ in range(2):
        found = trained(engines, counting, X, Y, epochs=2)
        assert found.use.engine == "numpy"
        assert_equal(trained("fit", counting, X, Y, epochs=2), found)


def test_a_loss_that_looks_at_a_batch_together_is_validated_in_the_batches_of_fit():
    def coupled():
        model = build()
        model.compile("sgd", keras.losses.CategoricalCrossentropy(axis=0))
        return model

    one_hot = np.eye(2, dtype=np.float32)[Y]
    assert_same(coupled, X, one_hot, validation_data=(X, one_hot), batch_size=5, epochs=2)


def test_a_pipeline_reaches_fit_as_it_is():
    found = trained("auto", build, PIPELINE, epochs=2)
    assert found.use.engine == "fit"
    assert len(found.epochs) == 2


@pytest.mark.parametrize("engine", ["fit", "graph", "numpy"])
def test_a_callback_that_compiles_the_model_ends_the_training_as_in_fit(engine):
    def measured():
        return build(metrics=["accuracy"])

    with pytest.raises(TypeError):
        trained(engine, measured, X, Y, epochs=2, callbacks=[Acts(compile_again, 0)])
    found = trained(engine, measured, X, Y, epochs=2, callbacks=[Acts(compile_again, 1)])
    assert (found.use.engine, found.model.optimizer.name) == (engine, "adam")


@pytest.mark.parametrize("gpu", [False, True])
def test_with_a_gpu_the_graph_is_chosen(monkeypatch, gpu):
    monkeypatch.setattr("tuners.engine.choice.has_gpu", lambda: gpu)
    assert trained("auto", build, X, Y).use.engine == ("graph" if gpu else "numpy")


def test_arguments_in_every_form():
    weights = np.linspace(0.5, 2, 16)
    for kwargs in (
        {"validation_split": 0.25, "epochs": 2},
        {"validation_data": (X, Y, weights), "validation_freq": 2, "epochs": 4, "initial_epoch": 1},
        {"class_weight": {0: 1.0, 1: 3.0}, "validation_data": [X, Y], "validation_batch_size": 3},
        {"sample_weight": weights[:, None], "batch_size": None, "epochs": np.int64(2)},
    ):
        assert_same(build, X, Y, **kwargs)
    assert_same(build, tf.constant(X), tf.constant(Y))
    assert_same(build, pandas.DataFrame(X), pandas.Series(Y), engines=["numpy"])


def test_the_engine_goes_when_the_hypermodel_is_done():
    model, engines = build(), Engines("auto")
    with engines.answering(model):
        assert model.fit(X, Y, verbose=0) is model.history
        assert "fit" in vars(model)
    assert "fit" not in vars(model)
    assert [each.engine for each in engines.uses] == ["numpy"]


def test_calls_in_a_loop_go_on_from_one_another():
    def in_a_loop(engines):
        keras.utils.set_random_seed(3)
        model = build()
        model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        with engines.answering(model):
            losses = [model.fit(X, Y, shuffle=False, verbose=0).history["loss"][0] for _ in range(4)]
        return losses, model.evaluate(X, Y, verbose=0)

    engines = Engines("auto")
    (expected, scores), (found, found_scores) = in_a_loop(Engines("fit")), in_a_loop(engines)
    assert found == pytest.approx(expected, rel=1e-4)
    assert found_scores == pytest.approx(scores, rel=1e-4)
    assert {each.engine for each in engines.uses} == {"numpy"}


class Broken:
    """An engine that raises wherever it can."""

    name = "numpy"

    def __init__(self, where):
        self.where = where

    def trainer(self, call):
        np.random.rand()
        if self.where == "reading":
            raise RuntimeError("cannot read this")
        return self

    parts = frozenset(["never tried"])

    def __getattr__(self, name):
        raise RuntimeError("cannot prepare this")


@pytest.mark.parametrize("where", ["reading", "preparing"])
def test_whatever_an_engine_raises_is_a_reason(where, caplog):
    engines = Engines("numpy")
    engines._engines["numpy"] = Broken(where)  # noqa: SLF001
    with caplog.at_level("DEBUG", "tuners.engine"):
        found = trained(engines, build, X, Y, epochs=2, shuffle=True)
    assert found.use.engine == "fit"
    assert found.use.refusals["numpy"].startswith("RuntimeError: cannot")
    assert "The numpy engine does not train this model: RuntimeError: cannot" in caplog.text
    # The random numbers are those that there would have been.
    assert_equal(trained("fit", build, X, Y, epochs=2, shuffle=True), found)


def test_the_reason_of_an_error_in_a_graph_is_what_went_wrong():
    @tf.function(input_signature=[tf.TensorSpec([None])], autograph=False)
    def in_a_graph(x):
        return tf.ensure_shape(x, [2])

    class Unknown(Broken):
        def trainer(self, call):
            return in_a_graph(tf.constant([1.0]))

    engines = Engines("numpy")
    engines._engines["numpy"] = Unknown("")  # noqa: SLF001
    reason = trained(engines, build, X, Y).use.refusals["numpy"]
    assert reason == "InvalidArgumentError: Shape of tensor x [1] is not compatible with expected shape [2]."


class BeforeTheFirstBatch(keras.callbacks.Callback):
    """Notes down how many weights there are when training begins."""

    def __init__(self):
        super().__init__()
        self.seen = None

    def on_train_begin(self, logs=None):
        self.seen = len(self.model.weights)


def built_by_its_first_batch():
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_a_callback_sees_a_model_that_its_first_batch_builds_without_weights():
    noted = []
    for make, weights in ((built_by_its_first_batch, 0), (build, 2)):
        callback = BeforeTheFirstBatch()
        trained("auto", make, X, Y, callbacks=[callback])
        noted.append(callback.seen == weights)
    assert noted == [True, True]
    lambdas = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: None)
    use = Engines("auto")
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "sparse_categorical_crossentropy")
    with use.answering(model):
        model.fit(X, Y, callbacks=[keras.callbacks.SwapEMAWeights()])
    assert set(use.uses[0].refusals.values()) == {
        "the callback SwapEMAWeights sees the model before its first batch builds it"
    }
    for callback, engine in (
        (lambdas, "fit"),
        (keras.callbacks.EarlyStopping("loss"), "numpy"),
        (Acts(id, 0), "numpy"),
    ):
        assert trained("auto", built_by_its_first_batch, X, Y, callbacks=[callback]).use.engine == engine


@pytest.mark.parametrize("metrics", [None, [], ["accuracy"]])
def test_metrics_can_be_asked_after_the_second_of_two_alike(metrics):
    engines = Engines("numpy")
    for _ in range(2):
        model = build(metrics=metrics)
        with engines.answering(model):
            model.fit(X, Y)
        assert set(model.get_metrics_result()) == {"loss", *(metrics or [])}
    assert [use.engine for use in engines.uses] == ["numpy", "numpy"]


class Undecided(keras.layers.Layer):
    """Is another layer each time that it is traced."""

    def call(self, x):
        return x * random.choice([1.0, 2.0, 3.0])


def test_layers_that_draw_from_pythons_random_are_left_to_fit_whatever_they_are_in():
    def make():
        inputs = keras.Input((4,))
        within = keras.Sequential([Undecided()])
        model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(within(inputs)))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    expected, found = (trained(each, make, X, Y, epochs=2) for each in ("fit", "auto"))
    assert_equal(expected, found)
    assert found.use.engine == "fit"
    assert set(found.use.refusals.values()) == {"the layer undecided draws from Python's random while it is traced"}


@pytest.mark.parametrize("names", [("class", "size"), ("size", "class"), None])
def test_several_outputs_are_trained_in_the_graph_and_report_each_loss_as_fit_does(names):
    def make():
        inputs = keras.Input((4,))
        outputs = {"class": keras.layers.Dense(1, "sigmoid", name="class"), "size": keras.layers.Dense(1, name="size")}
        called = {name: outputs[name](inputs) for name in names or outputs}
        model = keras.Model(inputs, called if names else list(called.values()))
        model.compile("adam", {"class": "binary_crossentropy", "size": "mse"}, loss_weights={"class": 1.0, "size": 0.2})
        return model

    y = {"class": Y, "size": X.sum(axis=1)}
    y = y if names else list(y.values())
    # The last batch is smaller: each counts as much as the others in the loss of an output, by its examples in the sum.
    assert_same(make, X, y, engines=("graph",), compiled=True, epochs=2, batch_size=6, validation_data=(X, y))
    assert {"class_loss", "size_loss"} <= trained("graph", make, X, y).model.get_metrics_result().keys()


@pytest.mark.parametrize("size", [1, 6])
def test_a_model_that_was_built_by_a_call_takes_batches_of_any_size(size):
    def make():
        model = built_by_its_first_batch()
        model(X[:size])
        return model

    assert_same(make, X, Y, epochs=2, batch_size=6, validation_data=(X, Y))


def test_steps_in_one_execution_change_nothing():
    # Ten batches: fit takes them by four, four and two.
    assert_same(lambda: build(steps_per_execution=4), np.tile(X, (10, 1)), np.tile(Y, 10), compiled=True, epochs=2)


@pytest.mark.parametrize(("frequency", "engine"), [("epoch", "numpy"), (2, "fit")])
@pytest.mark.parametrize("weights", [True, False])
def test_a_checkpoint_of_each_epoch_is_saved_as_by_fit(tmp_path, frequency, engine, weights):
    saved = {}
    for name in ("fit", "auto"):
        path = tmp_path / f"{name}.{'weights.h5' if weights else 'keras'}"
        best = {"save_best_only": True, "monitor": "loss"} if frequency == "epoch" else {}
        callback = keras.callbacks.ModelCheckpoint(path, save_freq=frequency, save_weights_only=weights, **best)
        found = trained(name, lambda: build(metrics=["accuracy"]), X, Y, epochs=3, batch_size=4, callbacks=[callback])
        if weights:
            model = build()
            model.load_weights(path)
        else:
            model = keras.saving.load_model(path)
        saved[name] = [
            *model.get_weights(),
            *(np.asarray(each) for each in ([] if weights else model.optimizer.variables)),
        ]
    assert found.use.engine == engine
    for one, other in zip(*saved.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_model_of_batches_of_one_size_is_trained_in_the_graph():
    def make():
        inputs = keras.Input(batch_shape=(4, 4))
        hidden = keras.layers.LSTM(3, stateful=True)(keras.layers.Reshape((2, 2))(inputs))
        model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    assert_same(make, X, Y, engines=("graph",), epochs=2, batch_size=4, validation_data=(X, Y))


def test_a_categorical_accuracy_of_ids_is_what_fit_makes_of_it():
    def make():
        return build(metrics=[keras.metrics.CategoricalAccuracy()])

    found = [trained(each, make, X, Y, epochs=2, batch_size=4, validation_data=(X, Y)) for each in ("fit", "auto")]
    assert_equal(*found)
    assert found[1].use.refusals["numpy"] == "the targets of a categorical accuracy are not [examples, classes]"
