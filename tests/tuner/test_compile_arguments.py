"""What the tuner is given for `compile` takes the place of what the hypermodel gave; the rest stays as it was."""

import keras
import keras_tuner
import numpy as np
import pytest
from small import DATA

from tuners.private_apis import compile_arguments


def own_loss(y_true, y_pred):
    return 2 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def first(y_true, y_pred):
    return keras.ops.mean(y_pred[:, 0])


class OwnOptimizer(keras.optimizers.SGD):
    pass


class OwnMetric(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(keras.ops.mean(y_pred, axis=-1))


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.125

    def get_config(self):
        return {}


def bare(hp):
    width = hp.Int("units", 2, 8)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width), keras.layers.Dense(2, "softmax")])


def compiled(hp):
    model = bare(hp)
    model.compile(
        keras.optimizers.Adam(0.01), own_loss, metrics=[first, "accuracy"], weighted_metrics=[], loss_weights=None
    )
    return model


ALL = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
CASES = {
    "loss": (compiled, {"loss": own_loss}, {"first", "accuracy"}),
    "loss of Keras": (compiled, {"loss": keras.losses.SparseCategoricalCrossentropy()}, {"first", "accuracy"}),
    "metrics": (compiled, {"metrics": [OwnMetric(name="own"), first]}, {"own", "first"}),
    "optimizer": (compiled, {"optimizer": OwnOptimizer(0.1)}, {"first", "accuracy"}),
    "schedule": (compiled, {"optimizer": keras.optimizers.SGD(OwnSchedule())}, {"first", "accuracy"}),
    "not compiled": (bare, ALL, {"accuracy"}),
    "loss only, not compiled": (bare, {"loss": "sparse_categorical_crossentropy"}, set()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_arguments_given_stand_and_the_others_stay(search, case):
    build, given, metrics = CASES[case]
    made = search(build, objective="val_loss", max_trials=2, **given)
    made.search(**DATA, epochs=1)
    for trial in made.oracle.trials.values():
        assert trial.status == "COMPLETED", trial.message
        assert {name for name in trial.metrics.metrics if "loss" not in name and "val_" not in name} == metrics
    model = made.get_best_models()[0]
    assert model.loss is given.get("loss", own_loss)
    if build is compiled and "optimizer" not in given:
        assert isinstance(model.optimizer, keras.optimizers.Adam)
    if isinstance(given.get("optimizer"), keras.optimizers.Optimizer):
        assert type(model.optimizer) is type(given["optimizer"])
        assert not given["optimizer"].built


def test_no_model_shares_an_optimizer(search):
    given = keras.optimizers.SGD(0.25, momentum=0.5)
    seen = []

    class Keeps(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            seen.append((self.model.optimizer, int(self.model.optimizer.iterations)))

        def __deepcopy__(self, memo):
            return Keeps()

    made = search(compiled, objective="val_loss", max_trials=2, optimizer=given)
    made.search(**DATA, epochs=1, batch_size=40, callbacks=[Keeps()])
    (one, steps), (other, later) = seen
    assert one is not other and (steps, later) == (2, 2) and int(given.iterations) == 0
    assert (float(np.asarray(other.learning_rate)), other.momentum) == (0.25, 0.5)


def test_an_optimizer_that_cannot_be_copied_is_said(search):
    class Needs(keras.optimizers.SGD):
        def __init__(self, needed, **kwargs):
            super().__init__(**kwargs)

    made = search(compiled, objective="val_loss", optimizer=Needs(1))
    with pytest.raises(keras_tuner.errors.FatalValueError, match="optimizer=Needs: each model needs one of its own"):
        made.search(**DATA, epochs=1)


def test_the_arguments_of_compile_are_there():
    """Fails when Keras keeps them elsewhere."""
    model = bare(keras_tuner.HyperParameters())
    assert compile_arguments(model) == {}
    model.compile("sgd", own_loss, metrics=[first], loss_weights=[0.5])
    arguments = compile_arguments(model)
    assert arguments["loss"] is own_loss
    assert arguments["metrics"] == [first]
    assert arguments["loss_weights"] == [0.5]


def test_a_model_that_is_not_compiled_says_so(search):
    made = search(bare, objective="val_loss", max_consecutive_failed_trials=1)
    with pytest.raises(RuntimeError, match=r"You must call `compile\(\)`"):
        made.search(**DATA, epochs=1)


def test_frozen_weights_do_not_count_for_the_size(search):
    def frozen(hp):
        model = compiled(hp)
        model.layers[0].trainable = False
        return model

    made = search(frozen, objective="val_loss", max_trials=1, max_model_size=20)
    made.search(**DATA, epochs=1)
    assert made.oracle.trials["0000"].status == "COMPLETED"
