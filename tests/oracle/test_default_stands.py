"""The default stands unless it is led by more than luck."""

import keras_tuner
import numpy as np
import pytest
from lucky_hypermodel import Lucky

import tuners
from tuners.private_apis import project_directory
from tuners.store.checkpoints import kept_trials


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0, default=0.5)
    return hp


def searched(asked, tell, scores, rows, directory="run", objective="val_accuracy", **options):
    """A search whose first trial is the default, with trials of these scores."""
    oracle = asked(directory, space(), objective=objective, max_trials=len(scores), **options)
    oracle.note_search({"validation_rows": rows} if rows else {})
    trials = [tell(oracle, score) for score in scores]
    return oracle, trials


def chosen(oracle):
    """Number of the best trial from 0, by the oracle and by its study, which agree."""
    study = tuners.Study.load(project_directory(oracle))
    best = oracle.get_best_trials(len(oracle.trials))
    # Where there are fewer, the oracle gives those without a score as well.
    assert [trial.trial_id for trial in study.best] == [trial.trial_id for trial in best][: len(study.best)]
    return int(best[0].trial_id)


@pytest.mark.parametrize(("rows", "expected"), [(90, 0), (9000, 3), (None, 3)])
def test_a_lead_of_two_rows_of_validation_is_none(asked, tell, rows, expected):
    oracle, _ = searched(asked, tell, [0.889, 0.85, 0.8, 0.911, 0.9], rows)
    assert chosen(oracle) == expected
    again = asked("run", space(), objective="val_accuracy", max_trials=5)
    again.reload()
    assert [each.trial_id for each in again.get_best_trials(5)] == [each.trial_id for each in oracle.get_best_trials(5)]


def test_others_keep_their_order_behind_the_default(asked, tell):
    oracle, _ = searched(asked, tell, [0.8, 0.82, 0.99, 0.7, 0.83, 0.95], 100)
    assert [int(trial.trial_id) for trial in oracle.get_best_trials(6)] == [2, 5, 0, 4, 1, 3]
    assert chosen(oracle) == 2


def test_of_equals_the_default_stands_where_rows_are_luck(asked, tell):
    oracle, _ = searched(asked, tell, [0.9, 0.9, 0.9], 100)
    assert chosen(oracle) == 0


def test_a_loss_is_no_share_of_rows(asked, tell):
    oracle, _ = searched(asked, tell, [0.30, 0.29, 0.31], 50, objective="val_loss")
    assert chosen(oracle) == 1


def test_where_the_default_was_not_tried_nothing_comes_before_the_best(asked, tell):
    oracle, _ = searched(asked, tell, [0.88, 0.89, 0.87], 50, initial=[{"x": 0.1}])
    assert chosen(oracle) == 1


def test_a_default_that_diverged_does_not_stand(asked, tell):
    oracle, trials = searched(asked, tell, [np.nan, 0.6, 0.61], 50)
    assert trials[0].status == "INVALID" and chosen(oracle) == 2


def test_runs_that_differ_by_more_than_the_lead_tell_nothing(asked, tell):
    oracle, trials = searched(asked, tell, [0.8, 0.5, 0.6, 0.9, 0.76], None, reruns=1)
    assert oracle.is_rerun("0004") and trials[4].hyperparameters.values == trials[3].hyperparameters.values
    assert chosen(oracle) == 0
    steady, _ = searched(asked, tell, [0.8, 0.5, 0.6, 0.9, 0.89], None, "steady", reruns=1)
    assert chosen(steady) == 4


def test_leaders_are_run_again_before_patience_ends_the_search(asked, tell):
    oracle = asked(space=space(), max_trials=100, patience=12, reruns=None)
    trials = []
    while oracle.create_trial("a").status == "RUNNING":
        # The leader's second run is a new best, which does not keep the search going.
        trials.append(tell(oracle, 0.9 if len(trials) == 2 else 0.95 if len(trials) == 15 else 0.5))
    assert "no new best in 12 trials" in oracle.stop_reason
    assert [int(each.trial_id) for each in trials if oracle.is_rerun(each.trial_id)] == [15]
    assert trials[15].hyperparameters.values == trials[2].hyperparameters.values
    without = asked("without", space(), max_trials=100, patience=12, reruns=0)
    while without.create_trial("a").status == "RUNNING":
        tell(without, 0.9 if len(without.trials) == 3 else 0.5)
    assert len(without.trials) == 15


def test_the_weights_of_the_default_are_kept_until_it_is_decided(tmp_path):
    given = [{"x": each} for each in (0.3, 0.2, 0.25, 0.9)]
    options = {"initial": given, "reruns": 1, "keep_checkpoints": 1, "directory": tmp_path, "project_name": "run"}
    search = tuners.CoarseToFineSearch(Lucky(default=0.3), keras_tuner.Objective("score", "min"), 5, 1, **options)
    search.search(np.zeros((4, 1)), np.zeros(4), epochs=1, verbose=0)
    assert search.get_best_models()[0].layers[0].bias.numpy() == pytest.approx([0.3])
    assert kept_trials(tmp_path / "run") == ["0000"]
