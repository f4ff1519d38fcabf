import keras_tuner
import pytest

import tuners
from tuners.compat import set_project_directory


def flat_space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Choice("kind", ["a", "b"])
    return hp


@pytest.fixture
def asked(tmp_path):
    """Makes an oracle that is asked without a tuner, in a directory of its own."""

    def make(directory="run", space=None, **options):
        options = {"objective": keras_tuner.Objective("score", "max"), "seed": 1, "max_trials": 20, **options}
        oracle = tuners.CoarseToFineOracle(hyperparameters=space or flat_space(), **options)
        set_project_directory(oracle, tmp_path / directory)
        oracle.verbose = 0
        return oracle

    return make


@pytest.fixture
def tell():
    """Runs one trial of an oracle: `score` of its values, or a number."""

    def run(oracle, score, who="a"):
        trial = oracle.create_trial(who)
        value = score(trial.hyperparameters.values) if callable(score) else score
        oracle.update_trial(trial.trial_id, {oracle.objective.name: value})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        return oracle.get_trial(trial.trial_id)

    return run
