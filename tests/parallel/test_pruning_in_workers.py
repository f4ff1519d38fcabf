"""Trials that fall behind end early wherever they are trained; the trials of workers say how long they got."""

import pytest
from scripted_search import make_tuner

import tuners
from tuners import Study

RULE = tuners.SuccessiveHalving(factor=3)


@pytest.fixture
def lengths(search, tmp_path):
    """Searches in workers; epochs of each trial, all of which must be COMPLETED."""

    def run(*deeds, pruning=RULE, **options):
        run.tuner = search(*deeds, oracle={"pruning": pruning}, **options)
        trials = Study.load(tmp_path / "run").trials
        assert [trial.status for trial in trials] == ["COMPLETED"] * len(deeds)
        return [len(trial.history["score"]) for trial in trials]

    return run


def test_one_worker_is_judged_as_one_process_is(lengths):
    # Each is worse than the one before it.
    assert lengths(*["long"] * 6, workers=1) == [9, 1, 1, 1, 1, 1]
    assert lengths.tuner.epochs_saved == 5 * 8


def test_two_workers_are_judged_by_the_trials_of_both(lengths):
    found = lengths(*["long"] * 12, workers=2)
    assert found[0] == 9
    # The second may be ahead before the first has got anywhere.
    assert found[2:] == [1] * 10
    assert lengths.tuner.epochs_saved == sum(9 - each for each in found)


def test_without_pruning_no_trial_ends_early(lengths):
    assert lengths("long", "long", "long", pruning=None) == [9, 9, 9]


def test_a_search_that_goes_on_knows_the_trials_of_its_beginning(lengths):
    assert lengths("long", pruning=None) == [9]
    assert lengths("long", "long", "long") == [9, 1, 1]


def test_a_trial_that_lost_its_worker_does_not_count_twice(lengths):
    assert lengths("long, die once", "long", "long", workers=1) == [9, 1, 1]
    assert lengths.tuner.race.rule is RULE
    # Of five that have got to the first rung two would go on.
    made = lengths.tuner.race
    assert [made.falls_behind(str(x), 1, 9, {"score": x}) for x in (0.99, 0.98)] == [True, True]


def test_the_chief_of_a_distributed_search_says_that_it_cannot(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with pytest.raises(ValueError, match="pruning does not go with keras-tuner's distributed search.*--workers or"):
        make_tuner(tmp_path, ["work"], pruning=RULE)


def test_workers_are_judged_by_curves_and_what_they_promise_is_kept(lengths, tmp_path):
    found = lengths(*["long"] * 6, workers=1, pruning=tuners.CurveStopping())
    assert found[0] == 9 and min(found) == 2
    trials = Study.load(tmp_path / "run").trials
    assert all((trial.promised is None) == (length == 9) for trial, length in zip(trials, found, strict=True))
