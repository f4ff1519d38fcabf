"""Searches whose trials end by their curves: what is kept of them, and what the search makes of it."""

import keras_tuner
import numpy as np
import pytest
from small import DATA, build

import tuners
from tuners import Study
from tuners.strategy.planner import Planner
from tuners.strategy.suggest import Strategy

EPOCHS, TRIALS = 8, 9


def tuner_in(directory, trials):
    return tuners.CoarseToFineSearch(
        build, "val_loss", trials, 3, pruning=tuners.CurveStopping(), reruns=0, directory=directory, project_name="s"
    )


def searched(directory, trials):
    tuner_in(directory, trials).search(**DATA, epochs=EPOCHS, verbose=0)
    return Study.load(directory / "s")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def study(directory):
    return searched(directory, TRIALS)


def lengths(study):
    return [len(trial.history["val_loss"]) for trial in study.trials]


def test_some_end_and_the_first_does_not(study):
    assert lengths(study)[0] == EPOCHS
    assert set(lengths(study)) <= {2, 3, 4, 6, EPOCHS} and min(lengths(study)) < EPOCHS
    assert {trial.status for trial in study.trials} == {"COMPLETED"}


def test_who_was_stopped_has_a_promise_beside_its_score(study):
    for trial, length in zip(study.trials, lengths(study), strict=True):
        if length == EPOCHS:
            assert trial.promised is None and trial.expected == trial.score
        else:
            # A loss: less than it had reached, no less than the best.
            assert study.best[0].score <= trial.promised <= trial.score == min(trial.history["val_loss"])
            assert trial.expected == trial.promised


def test_a_search_that_goes_on_is_the_unbroken_one(study, tmp_path):
    for trials in (3, 6, TRIALS):
        again = searched(tmp_path, trials)
    assert [trial.values for trial in again.trials] == [trial.values for trial in study.trials]
    assert lengths(again) == lengths(study)
    assert [trial.promised for trial in again.trials] == [trial.promised for trial in study.trials]


def test_any_oracle(tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle("val_loss", 8, 1)
    oracle.verbose = 0
    tuner = tuners.FastTuner(oracle, build, directory=tmp_path, project_name="s", pruning=tuners.CurveStopping())
    tuner.search(**DATA, epochs=EPOCHS, verbose=0)
    found = [len(trial.metrics.get_history("val_loss")) for trial in oracle.trials.values()]
    assert len(found) == 8 and found[0] == EPOCHS and min(found) < EPOCHS
    assert tuner.epochs_saved == sum(EPOCHS - each for each in found)


def planner():
    made = Planner(Strategy(1), {}, [])
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    made.take_space(hp.get_config()["space"])
    return made


def finished(made, number, x, score, promise=None):
    values, point = {"x": x}, {"x": x}
    made.start(number, values, point)
    made.finish(number, score, 0.0, promise)


def test_the_next_trials_are_chosen_by_promises_and_the_best_by_scores():
    made = planner()
    finished(made, 0, 0.1, 0.5)
    finished(made, 1, 0.2, 0.1, promise=0.9)
    assert made.table.history().scores.tolist() == [0.5, 0.9]
    assert list(made.best()) == [0, 1]


def test_a_promise_gives_way_to_a_second_run_and_to_infeasibility():
    made = planner()
    finished(made, 0, 0.1, 0.2, promise=0.9)
    finished(made, 1, 0.1, 0.4)
    finished(made, 2, 0.3, -np.inf, promise=0.9)
    assert made.table.history().scores.tolist() == pytest.approx([0.3, -np.inf])


def test_a_search_that_goes_on_does_so_by_promises(directory, study):
    oracle = tuner_in(directory, TRIALS).oracle
    scores = oracle._planner.table.history().scores  # noqa: SLF001
    assert scores.tolist() == pytest.approx([-trial.expected for trial in study.trials])
