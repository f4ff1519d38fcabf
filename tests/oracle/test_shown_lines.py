"""What a search tells while it runs: a line for each trial, unless it was asked to be silent."""

import logging

import pytest


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
