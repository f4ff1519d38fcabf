"""A search that is looked at, or goes on, in a new tuner."""

import keras
import keras_tuner
import numpy as np
import pytest
from small import DATA, build

import tuners
from tuners.store.checkpoints import CheckpointError


def test_it_says_what_it_reloads(search, capsys):
    search(max_trials=2).search(**DATA, epochs=1)
    assert "Reloading" not in capsys.readouterr().out
    search(max_trials=2)
    assert "Reloading Tuner from" in capsys.readouterr().out
    search(max_trials=2, overwrite=True)
    assert "Reloading" not in capsys.readouterr().out


def test_results_are_those_of_the_search(search, capsys):
    first = search(max_trials=4)
    first.search(**DATA, epochs=2)
    again = search(max_trials=4)
    assert again.remaining_trials == 0
    for one, other in zip(first.oracle.get_best_trials(4), again.oracle.get_best_trials(4), strict=True):
        assert (one.trial_id, one.score, one.best_step) == (other.trial_id, other.score, other.best_step)
    best, same = first.get_best_hyperparameters(2), again.get_best_hyperparameters(2)
    assert [each.values for each in best] == [each.values for each in same]
    for one, other in zip(first.get_best_models(2), again.get_best_models(2), strict=True):
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert other.evaluate(*DATA["validation_data"], verbose=0)
    assert isinstance(again.hypermodel.build(same[0]), keras.Model)
    capsys.readouterr()
    again.results_summary(num_trials=1)
    again.search_space_summary()
    shown = capsys.readouterr().out
    assert f"Score: {first.oracle.get_best_trials()[0].score}" in shown
    assert "learning_rate (Float)" in shown and "Default search space size: 2" in shown
    # Nothing is left to do, and nothing is done.
    again.search(**DATA, epochs=1)
    assert len(again.oracle.trials) == 4


def test_reload_takes_up_what_was_added_since(search):
    first, reader = search(max_trials=1), search(max_trials=4)
    first.search(**DATA, epochs=1)
    reader.reload()
    assert [trial.score for trial in reader.oracle.trials.values()] == [
        trial.score for trial in first.oracle.trials.values()
    ]
    assert reader.get_best_models()
    reader.search(**DATA, epochs=1)
    assert len(reader.oracle.trials) == 4


def test_overwrite_leaves_nothing(search):
    search(max_trials=2).search(**DATA, epochs=1)
    made = search(max_trials=2, overwrite=True)
    assert (made.oracle.trials, made.oracle.get_best_trials(), made.remaining_trials) == ({}, [], 2)


def test_a_tuner_of_keras_tuner_does_not_mix_its_search_with_ours(search, tmp_path):
    search(max_trials=1).search(**DATA, epochs=1)
    with pytest.raises(RuntimeError, match="pass `overwrite=True`"):
        keras_tuner.RandomSearch(build, objective="val_accuracy", directory=tmp_path, project_name="run")


def test_a_space_that_is_declared_while_training_is_there_again(search):
    class Batches(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Int("batch_size", *self.range), **kwargs)

    hypermodel = Batches()
    hypermodel.range = (8, 40)
    search(hypermodel, max_trials=2).search(**DATA, epochs=1)
    hypermodel.range = (20, 24)
    again = search(hypermodel, max_trials=5)
    assert "batch_size" in [each.name for each in again.oracle.get_space().space]
    again.search(**DATA, epochs=1)
    assert all(20 <= trial.hyperparameters.get("batch_size") <= 24 for trial in list(again.oracle.trials.values())[2:])


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_weights_that_a_run_trial_has_saved_where_keras_tuner_looks_are_loaded(tmp_path):
    class Own(tuners.CoarseToFineSearch):
        def run_trial(self, trial, *args, **kwargs):
            model = self.hypermodel.build(trial.hyperparameters)
            history = model.fit(*args, **kwargs)
            model.save_weights(self._get_checkpoint_fname(trial.trial_id))
            self.last = model.get_weights()
            return history

    made = Own(build, "val_loss", 1, 1, directory=tmp_path)
    made.search(**DATA, epochs=1, verbose=0)
    for mine, loaded in zip(made.last, made.get_best_models()[0].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, loaded)


def test_the_state_of_a_subclass_is_there_again(tmp_path):
    class Counts(tuners.CoarseToFineSearch):
        count = 0

        def run_trial(self, trial):
            self.count += 1
            return trial.hyperparameters.Float("x", 0, 1)

        def get_state(self):
            return {"count": self.count}

        def set_state(self, state):
            self.count = state["count"]

    options = {"seed": 1, "directory": tmp_path, "project_name": "run"}
    Counts(max_trials=2, **options).search()
    again = Counts(max_trials=3, **options)
    again.search()
    assert again.count == 3


def test_a_run_trial_that_keeps_no_weights_is_named(tmp_path):
    class Plain(tuners.FastTuner):
        def run_trial(self, trial, *args, **kwargs):
            return self.hypermodel.build(trial.hyperparameters).fit(*args, **kwargs)

    made = Plain(tuners.CoarseToFineOracle("val_loss", 1, 1), build, directory=tmp_path, project_name="plain")
    made.search(**DATA)
    with pytest.raises(CheckpointError, match=r"^Plain.run_trial has kept no weights of any trial: .*super\(\)"):
        made.get_best_models()
