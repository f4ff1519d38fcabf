"""Hypermodels as users write them give with our tuner what they give with keras_tuner.Tuner."""

import sys
from pathlib import Path

import keras
import keras_tuner
import pytest

import tuners

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from user_hypermodels import EXAMPLES  # noqa: E402

ROWS, EPOCHS = 48, 2


class Seeded(keras_tuner.HyperModel):
    """Another hypermodel whose models all begin with weights that do not depend on the tuner."""

    def __init__(self, hypermodel):
        super().__init__()
        self.build_plainly = getattr(hypermodel, "build", hypermodel)
        self.fit_plainly = getattr(hypermodel, "fit", super().fit)

    def build(self, hp):
        keras.utils.set_random_seed(7)
        return self.build_plainly(hp)

    def fit(self, hp, model, *args, **kwargs):
        return self.fit_plainly(hp, model, *args, **kwargs)


def searched(make, example, directory):
    given = {**example.data(ROWS), "epochs": EPOCHS, "shuffle": False, "verbose": 0}
    hp = keras_tuner.HyperParameters()
    for name, value in example.still.items():
        hp.Fixed(name, value)
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=example.objective, max_trials=2 if example.trials > 8 else 1, seed=1, hyperparameters=hp
    )
    hypermodel = Seeded(example.hypermodel(given))
    tuner = make(oracle=oracle, hypermodel=hypermodel, directory=directory, project_name="search")
    oracle.verbose = 0
    tuner.search(**given)
    return tuner


def at_best_epoch(trial):
    return {
        name: next(each.mean() for each in trial.metrics.get_history(name) if each.step == trial.best_step)
        for name in trial.metrics.metrics
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_gives_what_keras_tuner_gives(name, tmp_path):
    theirs = searched(keras_tuner.Tuner, EXAMPLES[name], tmp_path / "theirs")
    ours = searched(tuners.FastTuner, EXAMPLES[name], tmp_path / "ours")
    for expected, found in zip(theirs.oracle.trials.values(), ours.oracle.trials.values(), strict=True):
        assert found.hyperparameters.values == expected.hyperparameters.values
        assert (found.status, found.best_step) == (expected.status, expected.best_step)
        assert at_best_epoch(found) == pytest.approx(at_best_epoch(expected), rel=1e-3, abs=1e-5)
    for use in ours.engine_uses:
        assert use.engine != "fit" or all(use.refusals.values())
