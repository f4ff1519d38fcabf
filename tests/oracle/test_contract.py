"""What every keras-tuner oracle promises, kept by ours."""

import keras_tuner
import numpy as np
import pytest
from oracle_without_tuner import flat_space

import tuners

OBJECTIVES = {
    "min": (keras_tuner.Objective("score", "min"), lambda x: {"score": (x - 0.3) ** 2}),
    "max": (keras_tuner.Objective("score", "max"), lambda x: {"score": -((x - 0.3) ** 2)}),
    "multi": (
        [keras_tuner.Objective("gain", "max"), keras_tuner.Objective("cost", "min")],
        lambda x: {"gain": 0.6 * x, "cost": x**2},
    ),
}


def end(oracle, trial, metrics=None, status="COMPLETED", message=None):
    if metrics:
        oracle.update_trial(trial.trial_id, metrics)
    trial.status, trial.message = status, message
    oracle.end_trial(trial)


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_the_search_goes_where_the_objective_is_better(asked, kind):
    objective, measured = OBJECTIVES[kind]
    oracle = asked(objective=objective, max_trials=30, ranking=False)
    for _ in range(30):
        trial = oracle.create_trial("a")
        end(oracle, trial, measured(trial.hyperparameters.get("x")))
    best = oracle.get_best_trials(30)
    assert abs(best[0].hyperparameters.get("x") - 0.3) < 0.03
    scores = [trial.score for trial in best]
    assert scores == sorted(scores, reverse=oracle.objective.direction == "max")


class Flaky(keras_tuner.Tuner):
    """Raises in the trials and as often as told."""

    def run_trial(self, trial, raising, verbose=0):
        left = raising.get(int(trial.trial_id), 0)
        if left:
            raising[int(trial.trial_id)] = left - 1
            raise self.error("does not work")
        return trial.hyperparameters.Float("x", 0.0, 1.0)


@pytest.fixture
def flaky(tmp_path):
    def make(error=RuntimeError, **options):
        made = Flaky(oracle=tuners.CoarseToFineOracle(seed=1, **options), directory=tmp_path, project_name="run")
        made.error, made.oracle.verbose = error, 0
        return made

    return make


def test_a_retried_trial_that_works_is_as_any_other(flaky):
    made = flaky(max_trials=6, max_retries_per_trial=2)
    made.search({1: 2, 3: 1}, verbose=0)
    assert [trial.status for trial in made.oracle.trials.values()] == ["COMPLETED"] * 6
    assert all(trial.message is None for trial in made.oracle.trials.values())


def test_a_trial_that_says_it_failed_is_not_retried(flaky):
    raising = {1: 9}
    made = flaky(keras_tuner.errors.FailedTrialError, max_trials=4, max_retries_per_trial=5)
    made.search(raising, verbose=0)
    assert raising[1] == 8
    assert made.oracle.trials["0001"].status == "FAILED"


def test_a_fatal_error_ends_the_search_at_once(flaky):
    made = flaky(keras_tuner.errors.FatalRuntimeError, max_trials=4, max_retries_per_trial=5)
    with pytest.raises(keras_tuner.errors.FatalRuntimeError):
        made.search({1: 1}, verbose=0)
    assert len(made.oracle.trials) == 2


def test_a_trial_that_works_breaks_a_row_of_failures(flaky):
    made = flaky(max_trials=8, max_consecutive_failed_trials=2)
    made.search({1: 1, 3: 1, 5: 1}, verbose=0)
    assert [trial.status for trial in made.oracle.trials.values()].count("FAILED") == 3


def test_retries_of_one_trial_are_one_failure(flaky):
    made = flaky(max_trials=4, max_retries_per_trial=4, max_consecutive_failed_trials=2)
    made.search({1: 5}, verbose=0)
    assert len(made.oracle.end_order) == 4


def test_the_infeasible_are_no_failures(asked):
    oracle = asked(max_trials=6, max_consecutive_failed_trials=2)
    for _ in range(6):
        end(oracle, oracle.create_trial("a"), {"score": float("nan")})
    assert {trial.status for trial in oracle.trials.values()} == {"INVALID"}


def test_given_hyperparameters_restrict_the_space(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.4, 0.5)
    hp.Fixed("kind", "b")
    oracle = tuners.CoarseToFineOracle("val_loss", 4, 1, hyperparameters=hp)

    class Asks(keras_tuner.Tuner):
        def run_trial(self, trial, verbose=0):
            assert trial.hyperparameters.Choice("kind", ["a", "b"]) == "b"
            return {"val_loss": trial.hyperparameters.Float("x", 0.0, 1.0)}

    made = Asks(oracle=oracle, directory=tmp_path)
    made.search(verbose=0)
    assert all(0.4 <= trial.hyperparameters.get("x") <= 0.5 for trial in oracle.trials.values())
    assert len({trial.hyperparameters.get("x") for trial in oracle.trials.values()}) == 4


@pytest.mark.parametrize("tuned", [True, False])
def test_new_entries_are_tuned_where_that_is_wanted(asked, tuned):
    oracle = asked(tune_new_entries=tuned, ranking=False)
    for _ in range(12):
        trial = oracle.create_trial("a")
        # Registered anew in every trial, as a hypermodel does.
        value = trial.hyperparameters.Float("new", 0.0, 1.0, default=0.5)
        end(oracle, trial, {"score": value})
    news = [trial.hyperparameters.values["new"] for trial in oracle.trials.values()]
    assert news[0] == 0.5
    assert (len(set(news)) > 6) if tuned else (set(news) == {0.5})


@pytest.mark.parametrize("option", ["allow_new_entries", "tune_new_entries"])
def test_without_hyperparameters_there_must_be_new_ones(option):
    with pytest.raises(ValueError, match="hyperparameters"):
        tuners.CoarseToFineOracle("val_loss", **{option: False})


def test_more_asked_for_than_there_are(asked):
    oracle = asked(max_trials=4)
    for score in (0.1, float("nan"), 0.3):
        end(oracle, oracle.create_trial("a"), {"score": score})
    running = oracle.create_trial("a")
    best = oracle.get_best_trials(10)
    assert [trial.score for trial in best[:2]] == [0.3, 0.1]
    assert {trial.trial_id for trial in best[2:]} == {"0001", running.trial_id}
    assert oracle.get_best_trials(1) == best[:1]


def test_space_and_values_are_copies(asked):
    oracle = asked()
    space = oracle.get_space()
    space.Float("another", 0.0, 1.0)
    assert len(oracle.get_space().space) == len(flat_space().space)


def test_remaining_trials(asked):
    oracle = asked(max_trials=3)
    left = []
    for _ in range(3):
        left.append(oracle.remaining_trials())
        end(oracle, oracle.create_trial("a"), {"score": 1.0})
    assert left == [3, 2, 1]
    assert oracle.create_trial("a").status == "STOPPED"


def test_a_tuner_of_keras_tuner_resumes_it(flaky):
    flaky(max_trials=3).search({}, verbose=0)
    again = flaky(max_trials=5)
    assert len(again.oracle.trials) == 3
    again.search({}, verbose=0)
    assert np.isfinite([trial.score for trial in again.oracle.trials.values()]).sum() == 5
