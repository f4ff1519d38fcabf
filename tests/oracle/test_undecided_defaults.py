"""Where a search begins whose defaults nobody has chosen: at an end of a logarithmic range."""

import keras_tuner
import pytest

import tuners


def space(**options):
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-6, 1.0, sampling="log", **options)
    hp.Float("dropout", 0.0, 0.5)
    hp.Choice("activation", ["relu", "tanh"])
    hp.Int("units", 8, 512, default=16)
    return hp


def with_one_chosen():
    hp = space()
    hp.Float("l2", 1e-8, 1e-1, sampling="log", default=1e-4)
    return hp


def trials(directory, scores, hp=None, **options):
    """Values of the first trials of a search, by what they reach; the last has not ended."""
    objective = keras_tuner.Objective("score", "max")
    oracle = tuners.CoarseToFineOracle(objective, 9, 3, hyperparameters=hp or space(), **options)
    oracle.verbose = 0
    oracle._set_project_dir(str(directory), f"search {len(list(directory.iterdir()))}")  # noqa: SLF001
    found = []
    for number, score in enumerate([*scores, None]):
        trial = oracle.create_trial(f"tuner{number}")
        found.append(dict(trial.hyperparameters.values))
        if score is not None:
            oracle.update_trial(trial.trial_id, {"score": score})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return found


DEFAULTS = {"learning_rate": 1e-6, "dropout": 0.0, "activation": "relu", "units": 16}


def test_the_second_trial_is_in_the_middle_of_what_nobody_has_chosen(tmp_path):
    first, second = trials(tmp_path, [0.1])
    assert first == {**DEFAULTS, "learning_rate": pytest.approx(1e-6)}
    assert second == {**DEFAULTS, "learning_rate": pytest.approx(1e-3)}


def test_the_third_trial_is_chosen_without_the_second(tmp_path):
    assert trials(tmp_path, [0.1, 0.9])[2] == trials(tmp_path, [0.1, 0.0])[2]
    assert trials(tmp_path, [0.1, 0.9, 0.3])[3] != trials(tmp_path, [0.1, 0.0, 0.3])[3]


def test_trials_that_run_are_known_too(tmp_path):
    oracle = tuners.CoarseToFineOracle(keras_tuner.Objective("score", "max"), 9, 3, hyperparameters=space())
    oracle._set_project_dir(str(tmp_path), "s")  # noqa: SLF001
    oracle.create_trial("one")
    assert oracle.create_trial("two").hyperparameters.values["learning_rate"] == pytest.approx(1e-3)
    assert oracle.create_trial("three").hyperparameters.values["dropout"] > 0


@pytest.mark.parametrize(
    "options",
    [
        {"hp": space(default=1e-3)},
        {"hp": with_one_chosen()},
        {"initial": [{"learning_rate": 1e-2}]},
        {"initial": [{"learning_rate": 1e-4}, {"learning_rate": 1e-2}, {"learning_rate": 1e-1}]},
        # The learning rate is opened last.
        {"priorities": {"dropout": 1, "units": 2}},
    ],
)
def test_what_somebody_has_chosen_stands(tmp_path, options):
    second = trials(tmp_path, [0.1], **options)[1]
    assert second["learning_rate"] != pytest.approx(1e-3) and second != DEFAULTS
