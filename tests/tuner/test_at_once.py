"""Several trials at a time: the same results, whatever happens to one of them or to the search."""

import os
import signal
import subprocess
import sys

import keras_tuner
import pytest
from small import DATA, build

import tuners
from tuners.parallel.dispatch import Dispatch


def results(tuner):
    return [
        (trial.trial_id, trial.hyperparameters.values, trial.status, trial.score)
        for trial in tuner.oracle.trials.values()
    ]


@pytest.mark.parametrize("engine", ["population", "fit"])
def test_the_same_trials_give_the_same_results(tmp_path, engine):
    found = []
    for at_once in (1, 3):
        oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", max_trials=5, seed=3)
        oracle.verbose = 0
        tuner = tuners.FastTuner(
            oracle, build, directory=tmp_path, project_name=str(at_once), trials_at_once=at_once, engine=engine
        )
        tuner.search(**DATA, epochs=2)
        found.append(results(tuner))
        assert tuner.get_best_models()[0].evaluate(*DATA["validation_data"], verbose=0)
    for one, other in zip(*found, strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], rel=1e-4)


def test_one_that_fails_does_not_fail_the_others(search):
    def sometimes(hp):
        model = build(hp)
        if 5 < hp.get("units") < 20:
            raise ValueError("of this width")
        return model

    tuner = search(sometimes, max_trials=8, trials_at_once=4, max_consecutive_failed_trials=8)
    tuner.search(**DATA, epochs=1)
    for trial in tuner.oracle.trials.values():
        fails = 5 < trial.hyperparameters.values["units"] < 20
        assert trial.status == ("FAILED" if fails else "COMPLETED")
        assert ("of this width" in (trial.message or "")) == fails
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"FAILED", "COMPLETED"}


def test_pruning_and_folds(search):
    rule = tuners.SuccessiveHalving(factor=2, first=1)
    pruned = search(max_trials=8, trials_at_once=4, pruning=rule, objective="val_loss")
    pruned.search(**DATA, epochs=4)
    assert pruned.epochs_saved > 0
    assert all(trial.status == "COMPLETED" for trial in pruned.oracle.trials.values())


SCRIPT = """
import os, sys
sys.path.insert(0, {here!r})
from small import DATA, build
import tuners

class Killer:
    told = 0
    def on_epoch(self, trial, epoch, epochs, logs):
        pass
    def on_trial_end(self, trial):
        Killer.told += 1
        if Killer.told == {after}:
            os.kill(os.getpid(), {signal})

tuner = tuners.CoarseToFineSearch(build, "val_loss", 12, 1, directory={directory!r}, project_name="run",
                                  trials_at_once=4, observer=Killer())
tuner.oracle.verbose = 0
tuner.search(**DATA, epochs=1)
"""


def run(directory, after):
    here = os.path.dirname(__file__)
    script = SCRIPT.format(here=here, directory=str(directory), after=after, signal=int(signal.SIGKILL))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)


def test_a_search_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path):
    assert run(tmp_path / "whole", after=0).returncode == 0
    # In the middle of what was asked for at once.
    assert run(tmp_path / "killed", after=6).returncode == -signal.SIGKILL
    finished = run(tmp_path / "killed", after=0)
    assert finished.returncode == 0, finished.stderr
    whole, killed = (tuners.Study.load(tmp_path / name / "run").trials for name in ("whole", "killed"))
    assert len(whole) == 12
    for one, other in zip(whole, killed, strict=True):
        assert one.values == other.values
        assert one.score == pytest.approx(other.score, rel=1e-5)


def test_wrong_arguments(search, monkeypatch):
    with pytest.raises(ValueError, match="trials_at_once is 0; expected 1 or more"):
        search(trials_at_once=0)
    with pytest.raises(ValueError, match="does not go with worker processes or Ray"):
        Dispatch(search(trials_at_once=2))

    class Own(tuners.FastTuner):
        def run_trial(self, trial, *args, **kwargs):
            return super().run_trial(trial, *args, **kwargs)

    oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss")
    with pytest.raises(ValueError, match="run_trial of your own"):
        Own(oracle, build, trials_at_once=2)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ValueError, match="does not go with keras-tuner's distributed search"):
        search(trials_at_once=2)
