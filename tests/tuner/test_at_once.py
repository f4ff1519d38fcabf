"""Several trials at a time: the same results, whatever happens to one of them or to the search."""

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
        oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", max_trials=4, seed=3)
        oracle.verbose = 0
        tuner = tuners.FastTuner(
            oracle, build, directory=tmp_path, project_name=str(at_once), trials_at_once=at_once, engine=engine
        )
        tuner.search(**DATA, epochs=1)
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


def test_pruning_saves_epochs(search):
    rule = tuners.SuccessiveHalving(factor=2, first=1)
    pruned = search(max_trials=8, trials_at_once=4, pruning=rule, objective="val_loss")
    pruned.search(**DATA, epochs=4)
    assert pruned.epochs_saved > 0
    assert all(trial.status == "COMPLETED" for trial in pruned.oracle.trials.values())


class Interrupter:
    """Interrupts the search when so many trials have ended."""

    def __init__(self, after):
        self.left = after

    def on_epoch(self, trial, epoch, epochs, logs):
        pass

    def on_trial_end(self, trial):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(search):
    def run(name, **options):
        made = search(max_trials=12, trials_at_once=4, objective="val_loss", project_name=name, **options)
        made.search(**DATA, epochs=1)
        return results(made)

    whole = run("whole")
    # In the middle of what was asked for at once.
    with pytest.raises(KeyboardInterrupt):
        run("interrupted", observer=Interrupter(6))
    found = run("interrupted")
    assert len(found) == 12
    for one, other in zip(whole, found, strict=True):
        assert one[:3] == other[:3]
        assert one[3] == pytest.approx(other[3], rel=1e-5)


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
