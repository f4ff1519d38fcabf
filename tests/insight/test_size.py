"""Smaller models that are as good, or nearly."""

import pytest

from tuners.insight import front, smallest_within
from tuners.report.facts import smaller
from tuners.study import Study, TrialRecord


def study_of(*trials, direction="max"):
    """Trials by their score and number of weights; equal values where both are given a third part."""
    records = [
        TrialRecord(str(number), number, "COMPLETED", {"x": values[0] if values else number}, score, 1, parameters=size)
        for number, (score, size, *values) in enumerate(trials, start=1)
    ]
    return Study("val_accuracy", direction, 1, tuple(records))


def numbers(trials):
    return [trial.number for trial in trials]


def test_the_front_is_what_nothing_so_small_is_better_than():
    study = study_of((0.9, 500), (0.8, 100), (0.7, 200), (0.6, 50), (0.85, 500), (0.99, None))
    assert numbers(front(study)) == [1, 2, 4]
    assert smaller(study) == [
        "Fewer weights than the 500 of trial 1: val_accuracy 0.8 with 100 (trial 2), 0.6 with 50 (trial 4)."
    ]
    losses = study_of((0.9, 500), (0.8, 600), (0.95, 10), direction="min")
    assert numbers(front(losses)) == [2, 1, 3]
    assert smaller(study_of((0.9, 500))) == smaller(study_of((0.9, None), (0.8, None))) == smaller(study_of()) == []


def test_the_smallest_that_is_close_enough():
    study = study_of((0.9, 500), (0.897, 100), (0.89, 50), (0.899, None))
    assert [smallest_within(study, share).number for share in (0.0, 0.003, 0.004, 0.012)] == [1, 1, 2, 3]
    assert smallest_within(study, 0.012, among=["1", "2"]).number == 2
    losses = study_of((0.1, 500), (0.109, 100), (0.2, 1), direction="min")
    assert [smallest_within(losses, share).number for share in (0.05, 0.1)] == [1, 2]
    with pytest.raises(ValueError, match="no trial that is so close to the best has weights that are known and kept"):
        smallest_within(study, 0.1, among=["4"])


def test_a_configuration_counts_by_the_mean_of_its_runs():
    lucky = study_of((0.95, 100, 7), (0.8, 100, 7), (0.9, 500), (0.89, 500))
    assert smallest_within(lucky, 0.01).number == 3
    assert len({trial.values["x"] for trial in front(lucky)}) == len(front(lucky))
