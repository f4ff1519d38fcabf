"""Trials of several trainings, and trials that end early."""

import contextlib

import keras
import keras_tuner
import numpy as np
import pytest
from small import DATA, X, Y, build

import tuners
from tuners.engine.graph import compiled_models, epoch
from tuners.pruning import Race

ENGINES = ("fit", "graph", "population")


@pytest.mark.parametrize("engine", ENGINES)
def test_folds_are_averaged(search, engine):
    class Recorder:
        def __init__(self):
            self.losses = {}

        def on_epoch(self, trial, epoch, epochs, logs):
            self.losses.setdefault((trial.trial_id, epoch), []).append(logs["val_loss"])

        def on_trial_end(self, trial):
            pass

    recorder = Recorder()
    made = search(max_trials=2, folds=2, engine=engine, observer=recorder)
    made.search(X, Y, epochs=2)
    assert len({loss for losses in recorder.losses.values() for loss in losses}) == 2 * 2 * 2
    for trial in made.oracle.trials.values():
        assert trial.status == "COMPLETED"
        history = [each.value[0] for each in trial.metrics.get_history("val_loss")]
        assert history == pytest.approx([np.mean(recorder.losses[trial.trial_id, epoch]) for epoch in (1, 2)])
    assert made.get_best_models()[0].evaluate(X, Y, verbose=0)


def test_a_search_whose_trials_share_a_compiled_epoch_finds_what_it_finds_without(search, monkeypatch):
    def dropping(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="relu")])
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.1, 0.5)))
        model.add(keras.layers.Dense(2, activation="softmax"))
        rate, decay = (hp.Float(name, 1e-3, 0.1, sampling="log") for name in ("learning_rate", "weight_decay"))
        model.compile(keras.optimizers.AdamW(rate, decay), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def found(name):
        made = search(dropping, engine="graph", folds=2, max_trials=2, project_name=name)
        with counted_traces() as traces:
            made.search(X, Y, epochs=2)
        scores = {each.trial_id: each.score for each in made.oracle.trials.values()}
        assert len(set(scores.values())) > 1
        return scores, made.get_best_models()[0].get_weights(), len(traces)

    shared, weights, traces = found("shared")
    monkeypatch.setattr(compiled_models, "MODELS", 0)
    alone, weights_alone, traces_alone = found("alone")
    assert shared == alone
    for one, other in zip(weights, weights_alone, strict=True):
        np.testing.assert_array_equal(one, other)
    # Two folds of one size, two trials: the first for itself, then a copy that serves all that come.
    assert (traces, traces_alone) == (2, 4)


@contextlib.contextmanager
def counted_traces():
    """The models that an epoch is compiled for meanwhile."""
    models, make = [], epoch.CompiledEpoch.__init__

    def counted(steps, model, *rest, **options):
        models.append(model)
        make(steps, model, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch.CompiledEpoch, "__init__", counted)
        yield models


def test_folds_and_validation_data_are_refused_at_once(search):
    with pytest.raises(keras_tuner.errors.FatalValueError, match="validation_data is given, and folds=3"):
        search(folds=3).search(**DATA)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_time_limit_holds_in_every_engine(search, engine):
    made = search(max_trials=1, trial_time_limit=1e-6, engine=engine)
    made.search(**DATA, epochs=50)
    assert len(made.oracle.trials["0000"].metrics.get_history("loss")) == 1
    assert made.oracle.trials["0000"].status == "COMPLETED"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trial_that_falls_behind_ends_at_its_rung(search, engine):
    def graded(hp):
        model = build(hp)
        # The second trial learns nothing, and so stays behind the first.
        model.compile(keras.optimizers.SGD(hp.get("learning_rate")), model.loss, metrics=["accuracy"])
        return model

    initial = [{"units": 16, "learning_rate": 0.9}, {"units": 2, "learning_rate": 1e-3}]
    rule = tuners.SuccessiveHalving(factor=2, first=2)
    made = search(graded, max_trials=2, engine=engine, initial=initial, pruning=rule, objective="val_loss")
    made.search(**DATA, epochs=6)
    lengths = [len(trial.metrics.get_history("loss")) for trial in made.oracle.trials.values()]
    assert lengths == [6, 2]
    assert made.epochs_saved == 4
    assert [trial.status for trial in made.oracle.trials.values()] == ["COMPLETED"] * 2
    assert made.oracle.trials["0001"].score > made.oracle.trials["0000"].score


def test_a_resumed_search_prunes_by_what_it_finds(search):
    rule = tuners.SuccessiveHalving(factor=2, first=2)
    options = {"initial": [{"learning_rate": 0.3}, {"learning_rate": 1e-3, "units": 2}], "objective": "val_loss"}
    search(max_trials=1, **options).search(**DATA, epochs=5)
    again = search(max_trials=2, pruning=rule, **options)
    again.search(**DATA, epochs=5)
    assert len(again.oracle.trials["0001"].metrics.get_history("loss")) == 2


def test_a_trial_that_compares_leaders_is_trained_to_its_end(search, monkeypatch):
    monkeypatch.setattr(Race, "falls_behind", lambda *_: True)
    made = search(max_trials=3, reruns=1, pruning=tuners.SuccessiveHalving(2), objective="val_loss")
    made.search(**DATA, epochs=3)
    lengths = [len(trial.metrics.get_history("loss")) for trial in made.oracle.trials.values()]
    assert lengths == [1, 1, 3]


def test_epochs_saved_are_reported(search, capsys):
    initial = [{"learning_rate": 0.3}, {"learning_rate": 1e-3, "units": 2}]
    made = search(max_trials=2, pruning=tuners.SuccessiveHalving(2), initial=initial, objective="val_loss")
    made.oracle.verbose = 1
    made.search(**DATA, epochs=5, verbose=1)
    assert "Pruning has saved 4 epochs." in capsys.readouterr().out


@pytest.mark.parametrize("options", [{"folds": 3}, {"executions_per_trial": 2}])
def test_pruning_of_repeats_is_refused(search, options):
    with pytest.raises(ValueError, match="pruning compares single trainings"):
        search(pruning=tuners.SuccessiveHalving(), **options)
