"""What a search tells while it runs: a line for each trial, unless it was asked to be silent."""

import logging

import keras_tuner
import pytest

import tuners


def trial_of(oracle, score):
    trial = oracle.create_trial("tuner")
    oracle.update_trial(trial.trial_id, {"score": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


@pytest.mark.parametrize("verbose", [1, 0])
def test_lines_of_the_trials(asked, capsys, caplog, verbose):
    oracle = asked(max_trials=2)
    oracle.verbose = verbose
    with caplog.at_level(logging.INFO):
        best = 0.25 if oracle.objective.direction == "min" else 0.5
        for score in (0.5, 0.25):
            trial_of(oracle, score)
    lines = ["Trial 1 of 2: score 0.5; best so far 0.5", f"Trial 2 of 2: score 0.25; best so far {best}"]
    assert capsys.readouterr().out.splitlines() == (lines if verbose else [])
    assert [(each.name, each.message) for each in caplog.records if each.name.startswith("tuners")] == [
        ("tuners.oracle", line) for line in (lines if verbose else [])
    ]


@pytest.mark.parametrize(
    ("options", "default", "shown"),
    [({}, None, True), ({}, 1e-3, False), ({"initial": [{"learning_rate": 1e-2}]}, None, False)],
)
def test_a_default_at_an_end_of_a_wide_range_is_told_once(tmp_path, caplog, options, default, shown):
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-6, 1.0, sampling="log", default=default)
    for verbose in (1, 0):
        oracle = tuners.CoarseToFineOracle(keras_tuner.Objective("score", "max"), 3, 1, hyperparameters=hp, **options)
        oracle._set_project_dir(str(tmp_path), str(verbose))  # noqa: SLF001
        oracle.verbose = verbose
        with caplog.at_level(logging.INFO):
            for score in (0.5, 0.25):
                trial_of(oracle, score)
        told = [each.message for each in caplog.records if "Trial 1 is at the defaults" in each.message]
        assert len(told) == (shown and verbose)
        assert not told or "learning_rate at 1e-06, an end of a wide range" in told[0]
        caplog.clear()
