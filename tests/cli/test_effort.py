"""How a search is run."""

import dataclasses

import pytest

import kzoo as library
from kzoo.cli.effort import Effort
from kzoo.cli.run import Run
from kzoo.cli.source import Source


@pytest.fixture(scope="module")
def asked():
    return Run("mlp", Source("iris"), "0", library.load_dataset("iris").task, 1, 1, "val_loss")


def test_trials_of_the_zoos_models_end_early_by_the_median_unless_something_else_is_said(asked):
    rules = [Effort(3, prune=prune).rule(asked) for prune in (None, True, False)]
    assert rules == ["MedianStopping", "SuccessiveHalving", ""]


@pytest.mark.parametrize("change", [{"folds": 3}, {"executions": 2}, {"model": "mine.py"}, {"model": "mine.py:build"}])
def test_what_cannot_be_compared_is_trained_to_its_end_unless_asked_for(asked, change):
    other = dataclasses.replace(asked, **change)
    assert Effort(3).rule(other) == ""
    assert Effort(3, prune=True).rule(other) == "SuccessiveHalving"


def test_workers_of_keras_tuners_distributed_search_end_no_trial(asked, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    assert Effort(3).rule(asked) == ""
