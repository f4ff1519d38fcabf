"""Oracles that are asked and told without a tuner."""

import keras_tuner

import tuners
from tuners.private_apis import set_project_directory


def flat_space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Choice("kind", ["a", "b"])
    return hp


def oracle_in(directory, space=None, **options):
    """An oracle that is asked without a tuner."""
    options = {"objective": keras_tuner.Objective("score", "max"), "seed": 1, "max_trials": 20, "reruns": 0, **options}
    oracle = tuners.CoarseToFineOracle(hyperparameters=space or flat_space(), **options)
    set_project_directory(oracle, directory)
    oracle.verbose = 0
    return oracle


def told(oracle, score, who="a"):
    """One trial of an oracle, run: `score` of its values, or a number."""
    trial = oracle.create_trial(who)
    value = score(trial.hyperparameters.values) if callable(score) else score
    oracle.update_trial(trial.trial_id, {oracle.objective.name: value})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    return oracle.get_trial(trial.trial_id)
