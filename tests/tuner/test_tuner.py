import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from small import DATA, X, Y, build

import tuners
from kzoo.cli.summary import trained_by
from tuners.store.checkpoints import kept_trials


def test_the_best_model_is_as_good_as_its_trial(search):
    made = search()
    made.search(**DATA, epochs=3)
    for trial, model in zip(made.oracle.get_best_trials(2), made.get_best_models(2), strict=True):
        result = model.evaluate(*DATA["validation_data"], verbose=0, return_dict=True)
        assert result["accuracy"] == pytest.approx(trial.score, abs=1e-6)


def test_every_epoch_is_recorded(search):
    made = search(max_trials=1)
    made.search(**DATA, epochs=3)
    record = tuners.Study.load(made.project_dir).trials[0]
    assert {len(values) for values in record.history.values()} == {3}
    assert set(record.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert record.score == max(record.history["val_accuracy"])
    assert record.history["val_accuracy"][record.best_epoch - 1] == record.score


def test_a_search_that_has_nothing_left_to_train_says_so(search, caplog):
    made = search(max_trials=2)
    caplog.set_level("INFO")
    made.search(**DATA, epochs=1, verbose=1)
    assert not [line for line in caplog.messages if "left to train" in line]
    made.search(**DATA, epochs=1, verbose=1)
    assert caplog.messages[-1] == "No trial is left to train; max_trials is 2."
    count = len(caplog.messages)
    made.search(**DATA, epochs=1, verbose=0)
    assert len(caplog.messages) == count


def test_only_the_best_are_kept_and_without_optimizer_slots(search, tmp_path):
    made = search(max_trials=6, keep_checkpoints=2)
    made.search(**DATA, epochs=1)
    best = [trial.trial_id for trial in made.oracle.get_best_trials(2)]
    assert kept_trials(made.project_dir) == sorted(best)
    with np.load(tmp_path / "run" / f"trial_{best[0]}" / "weights.npz") as arrays:
        assert len(arrays.files) == 4 + 1
    worst = made.oracle.get_best_trials(6)[-1]
    with pytest.raises(tuners.CheckpointError, match="keep_checkpoints"):
        made.load_model(worst)


def test_a_trial_that_is_run_again_gives_the_same(search, tmp_path):
    made = search(max_trials=2)
    made.search(**DATA, epochs=2)
    again = search(max_trials=2, directory=tmp_path / "again")
    again.search(**DATA, epochs=2)
    assert [trial.score for trial in made.oracle.trials.values()] == [
        trial.score for trial in again.oracle.trials.values()
    ]


@pytest.mark.parametrize("engine", ["fit", "graph"])
def test_a_diverged_trial_ends_at_once_and_is_infeasible(search, engine):
    def diverging(hp):
        model = build(hp)
        model.compile(keras.optimizers.SGD(1e38), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    made = search(diverging, max_trials=1, engine=engine)
    made.search(**DATA, epochs=20)
    trial = made.oracle.trials["0000"]
    assert trial.status == "INVALID"
    assert len(trial.metrics.get_history("loss")) < 5
    assert kept_trials(made.project_dir) == []


def test_early_stopping_counts_for_each_trial_anew(search):
    made = search(max_trials=3)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=0, min_delta=100)
    made.search(**DATA, epochs=9, callbacks=[stop])
    assert {len(each.history["loss"]) for each in tuners.Study.load(made.project_dir).trials} == {2}


def test_executions_are_averaged(search):
    made = search(max_trials=1, executions_per_trial=2)
    made.search(**DATA, epochs=2)
    one = search(max_trials=1, directory=made.directory / "one")
    one.search(**DATA, epochs=2)
    assert made.oracle.trials["0000"].score != one.oracle.trials["0000"].score
    assert len(made.oracle.trials["0000"].metrics.get_history("loss")) == 2


class OwnFit(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        return {"val_accuracy": history.history["val_accuracy"][-1] / 2}


def test_a_fit_of_its_own(search):
    made = search(OwnFit(), max_trials=2)
    made.search(**DATA, epochs=1)
    assert all(trial.score <= 0.5 for trial in made.oracle.trials.values())


def test_a_number_as_result(search):
    class Number(OwnFit):
        def fit(self, hp, model, *args, **kwargs):
            return float(hp.get("units"))

    made = search(Number(), objective=None, max_trials=2)
    made.search()
    assert made.oracle.get_best_trials()[0].score == min(trial.score for trial in made.oracle.trials.values())


def test_nothing_as_result_is_said_at_once(search):
    class Nothing(OwnFit):
        def fit(self, hp, model, *args, **kwargs):
            return None

    with pytest.raises(keras_tuner.errors.FatalTypeError, match="Did you forget to return the metrics"):
        search(Nothing()).search()


def test_an_objective_that_is_not_recorded_is_said_at_once(search):
    made = search(objective=keras_tuner.Objective("val_f1", "max"))
    with pytest.raises(keras_tuner.errors.FatalValueError, match="specified objective, val_f1.*val_accuracy"):
        made.search(**DATA, epochs=1)


def test_a_pipeline(search):
    made = search(max_trials=2)
    pipeline = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    made.search(pipeline, validation_data=pipeline, epochs=2, shuffle=False)
    assert [trial.status for trial in made.oracle.trials.values()] == ["COMPLETED"] * 2


def test_a_build_that_raises_is_a_failed_trial(search):
    def picky(hp):
        if hp.Int("units", 2, 32) > 2:
            raise ValueError("too wide")
        return build(hp)

    made = search(picky, max_consecutive_failed_trials=2, initial=[{"units": 30}, {"units": 31}])
    with pytest.raises(RuntimeError, match="2 trials in a row have failed(.|\n)*too wide"):
        made.search(**DATA, epochs=1)


def test_many_oversized_models_do_not_stop_a_search(search):
    sizes = [{"units": units} for units in (32, 31, 30, 29, 2)]
    made = search(max_trials=5, max_model_size=60, max_consecutive_failed_trials=2, initial=sizes)
    made.search(**DATA, epochs=1)
    assert [trial.status for trial in made.oracle.trials.values()] == [*["INVALID"] * 4, "COMPLETED"]
    message = made.oracle.trials["0000"].message
    assert message.startswith("infeasible: Oversized model: ") and message.endswith("max_model_size is 60. Skip model.")
    assert made.oracle.get_best_trials()[0].hyperparameters.get("units") == 2


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_search_that_has_found_nothing_says_so(search, caplog, verbose):
    made = search(max_trials=2, max_model_size=1)
    caplog.set_level("INFO")
    made.search(**DATA, epochs=1, verbose=verbose)
    told = [line for line in caplog.messages if line.startswith("No trial has reached a val_accuracy")]
    assert len(told) == verbose
    assert not told or "The last one: infeasible: Oversized model: " in told[0]
    with pytest.raises(tuners.CheckpointError, match="Trial 0000 has no weights: infeasible: Oversized model"):
        made.get_best_models()
    more = search(max_trials=3, max_model_size=1000)
    more.search(**DATA, epochs=1, verbose=1)
    assert len([line for line in caplog.messages if line.startswith("No trial has reached")]) == verbose


def test_nor_do_those_of_keras_tuners_own_tuner(search, tmp_path):
    made = search(max_trials=4, max_consecutive_failed_trials=2, initial=[{"units": each} for each in (32, 31, 30, 2)])
    theirs = keras_tuner.Tuner(
        made.oracle, made.hypermodel, max_model_size=60, directory=str(tmp_path), project_name="theirs"
    )
    theirs.search(**DATA, epochs=1, verbose=0)
    assert [trial.status for trial in made.oracle.trials.values()] == ["INVALID", "INVALID", "INVALID", "COMPLETED"]
    assert made.oracle.trials["0000"].message.startswith("infeasible: Oversized model: ")


@pytest.mark.parametrize(
    ("theirs", "mend"),
    [
        ({"num_initial_points": 5, "beta": 2.6}, "num_initial_points [(]leave it out.*beta [(]leave it out"),
        ({"max_epochs": 10, "factor": 3}, "max_epochs [(]pass epochs=... to search[)], factor [(]pass pruning="),
    ],
)
def test_arguments_of_keras_tuners_searches_are_told_what_takes_their_place(theirs, mend):
    with pytest.raises(ValueError, match=mend):
        tuners.CoarseToFineSearch(build, "val_accuracy", 3, **theirs)


def test_biases_that_do_nothing_are_kept_with_their_trial(search):
    def normed(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 4), name="useless")])
        for layer in (keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dense(2, "softmax")):
            model.add(layer)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    made = search(normed, max_trials=1)
    made.search(**DATA, epochs=1)
    assert tuners.Study.load(made.project_dir).trials[0].redundant_biases == ("useless",)


def test_not_a_model(search):
    with pytest.raises(keras_tuner.errors.FatalTypeError, match="valid Keras Model instance.*NoneType"):
        search(lambda hp: None if hp.Int("units", 2, 32) else None).search(**DATA)


def test_a_model_of_keras_2_is_told_apart(search):
    class Sequential:
        """As of the package tf_keras, which people install for old code."""

        __module__ = "tf_keras.src.engine.sequential"

    with pytest.raises(keras_tuner.errors.FatalTypeError, match="is of Keras 2; build it of keras"):
        search(lambda hp: Sequential()).search(**DATA)


def test_compile_arguments_are_replaced(search):
    made = search(max_trials=2, optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    made.search(**DATA, epochs=1)
    assert isinstance(made.get_best_models()[0].optimizer, keras.optimizers.SGD)


def test_a_model_built_by_its_first_batch(search):
    def late(hp):
        model = keras.Sequential([keras.layers.Dense(hp.Int("units", 2, 9)), keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    made = search(late, max_trials=1)
    made.search(**DATA, epochs=1)
    result = made.get_best_models()[0].evaluate(*DATA["validation_data"], verbose=0, return_dict=True)
    assert result["accuracy"] == pytest.approx(made.oracle.trials["0000"].score)


def test_observer_is_told(search):
    class Recorder:
        def __init__(self):
            self.epochs, self.trials = [], []

        def on_epoch(self, trial, epoch, epochs, logs):
            self.epochs.append((trial.trial_id, epoch, epochs))
            assert "val_loss" in logs

        def on_trial_end(self, trial):
            self.trials.append(trial.score)

    recorder = Recorder()
    made = search(max_trials=2, observer=recorder)
    made.search(**DATA, epochs=2)
    assert recorder.epochs == [("0000", 1, 2), ("0000", 2, 2), ("0001", 1, 2), ("0001", 2, 2)]
    assert recorder.trials == [trial.score for trial in made.oracle.trials.values()]


def test_a_time_limit_ends_a_trial_with_what_it_has(search):
    made = search(max_trials=1, trial_time_limit=1e-6)
    made.search(**DATA, epochs=50)
    assert len(made.oracle.trials["0000"].metrics.get_history("loss")) == 1


@pytest.mark.parametrize("name", ["random", "bayesian", "hyperband"])
def test_oracles_of_keras_tuner(tmp_path, name):
    oracle = {
        "random": lambda: keras_tuner.oracles.RandomSearchOracle(objective="val_accuracy", max_trials=3, seed=1),
        "bayesian": lambda: keras_tuner.oracles.BayesianOptimizationOracle(
            objective="val_accuracy", max_trials=3, seed=1
        ),
        "hyperband": lambda: keras_tuner.oracles.HyperbandOracle(objective="val_accuracy", max_epochs=3, seed=1),
    }[name]()
    oracle.verbose = 0
    made = tuners.FastTuner(oracle, build, directory=tmp_path, project_name="run")
    made.search(**DATA, epochs=1)
    assert len(made.get_best_models()) == 1


@pytest.mark.parametrize(
    ("options", "message"), [({"engine": "warp"}, "engine is 'warp'"), ({"keep_checkpoints": 0}, "0")]
)
def test_bad_arguments(search, options, message):
    with pytest.raises(ValueError, match=message):
        search(**options)


class Tuned(keras_tuner.HyperModel):
    """Tunes the batch size and the epochs, as keras-tuner's documentation shows it."""

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        kwargs["epochs"] = hp.Int("epochs", 2, 3)
        history = model.fit(*args, batch_size=hp.Choice("batch_size", [16, 40]), shuffle=False, **kwargs)
        loss, _ = model.evaluate(X[80:], Y[80:], verbose=0)
        assert loss == pytest.approx(history.history["val_loss"][-1], rel=1e-4)
        return history


def test_the_engine_stands_where_a_hypermodel_calls_fit(search):
    scores = []
    for engine in ("fit", "auto"):
        made = search(Tuned(), engine=engine, project_name=engine, objective="val_loss")
        made.search(**DATA)
        scores.append([trial.score for trial in made.oracle.trials.values()])
        assert len(made.engine_uses) == 4
    assert {use.engine for use in made.engine_uses} == {"numpy"}
    # Where the fourth is follows from scores that differ by rounding.
    assert scores[1][:3] == pytest.approx(scores[0][:3], rel=1e-3)


def test_what_an_engine_cannot_train_is_trained_by_fit_and_said(search):
    def normed(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.LayerNormalization(), keras.layers.Dense(2)])
        hp.Float("learning_rate", 1e-3, 1e-1)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model

    made = search(normed, engine="population", max_trials=1)
    made.search(**DATA, epochs=1)
    [use] = made.engine_uses
    assert (use.engine, list(use.refusals)) == ("fit", ["numpy"])
    assert "is a LayerNormalization" in use.refusals["numpy"]
    [trial] = tuners.Study.load(made.project_dir).trials
    assert (trial.engines, trial.refusals) == (("fit",), use.refusals)
    assert trained_by(tuners.Study.load(made.project_dir)) == [
        "Trained: 1 by model.fit.",
        f"  the numpy engine left 1 to others: {use.refusals['numpy']}",
    ]


def test_a_model_that_its_build_function_keeps_has_been_trained(search):
    kept = []

    def keeping(hp):
        kept.append(build(hp))
        return kept[-1]

    made = search(keeping, max_trials=1)
    made.search(**DATA, epochs=1)
    assert [use.engine for use in made.engine_uses] == ["numpy"]
    # The first was built to see the space.
    for left, right in zip(kept[-1].get_weights(), made.get_best_models()[0].get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
