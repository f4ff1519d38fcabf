"""What comes of results that come late, twice, or after records were lost."""

import keras_tuner
import pytest

import tuners
from tuners.private_apis import set_project_directory
from tuners.store.journal import FILE


def oracle_in(directory, **options):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    options = {"objective": keras_tuner.Objective("score", "max"), "max_trials": 8, "seed": 1, **options}
    oracle = tuners.CoarseToFineOracle(hyperparameters=hp, **options)
    set_project_directory(oracle, directory)
    oracle.verbose = 0
    return oracle


def end(oracle, trial, score):
    oracle.update_trial(trial.trial_id, {"score": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def test_a_result_that_comes_after_a_restart_is_taken(tmp_path):
    running = oracle_in(tmp_path).create_trial("a")
    after = oracle_in(tmp_path)
    assert after.create_trial("b").trial_id == running.trial_id
    end(after, running, 0.5)
    assert after.create_trial("b").trial_id != running.trial_id
    third = oracle_in(tmp_path)
    end(third, third.get_trial(third.create_trial("c").trial_id), 0.25)
    assert [third.trials[name].score for name in third.end_order] == [0.5, 0.25]


def test_a_result_before_the_trial_is_handed_out_again(tmp_path):
    running = oracle_in(tmp_path).create_trial("a")
    after = oracle_in(tmp_path)
    after.reload()
    end(after, running, 0.5)
    assert [trial.score for trial in oracle_in_trials(tmp_path)] == [0.5]
    assert after.create_trial("b").trial_id != running.trial_id


def test_the_first_result_of_a_trial_stands(tmp_path):
    oracle = oracle_in(tmp_path)
    trial = oracle.create_trial("a")
    end(oracle, trial, 0.5)
    end(oracle, trial, 0.75)
    assert oracle.get_trial(trial.trial_id).score == 0.5
    assert len(oracle.end_order) == 1
    assert oracle.get_best_trials(1)[0].score == 0.5


def test_a_trial_whose_records_were_lost_costs_no_other_trial(tmp_path):
    oracle = oracle_in(tmp_path)
    for score in (0.1, 0.2, 0.3, 0.4):
        end(oracle, oracle.create_trial("a"), score)
    journal = tmp_path / FILE
    journal.write_bytes(b"".join(line for line in journal.read_bytes().splitlines(True) if b'"0001"' not in line))
    after = oracle_in(tmp_path)
    while (trial := after.create_trial("a")).status == "RUNNING":
        end(after, trial, 0.0)
    scores = [trial.score for trial in oracle_in_trials(tmp_path)]
    assert sorted(scores, reverse=True)[:3] == [0.4, 0.3, 0.1]
    assert len(scores) == 8


def oracle_in_trials(directory):
    oracle = oracle_in(directory)
    oracle.reload()
    return list(oracle.trials.values())


@pytest.mark.parametrize("direction", ["min", "max"])
def test_the_best_are_those_that_keras_tuner_would_name(tmp_path, direction):
    oracle = oracle_in(tmp_path, objective=keras_tuner.Objective("score", direction))
    for score in (0.3, 0.1, float("nan"), 0.3, 0.2):
        end(oracle, oracle.create_trial("a"), score)
    oracle.create_trial("a")
    for count in range(1, 8):
        expected = [each.trial_id for each in keras_tuner.Oracle.get_best_trials(oracle, count)]
        assert [each.trial_id for each in oracle.get_best_trials(count)] == expected


def test_a_search_that_was_read_too_early_does_not_go_on(tmp_path):
    early, first = oracle_in(tmp_path), oracle_in(tmp_path)
    early.reload()
    end(first, first.create_trial("a"), 0.5)
    written = (tmp_path / FILE).read_bytes()
    with pytest.raises(tuners.JournalError, match="another search has gone on here"):
        early.create_trial("b")
    assert (tmp_path / FILE).read_bytes() == written


def test_a_search_goes_on_after_its_end_when_there_is_more_to_do(tmp_path):
    oracle = oracle_in(tmp_path, max_trials=1)
    end(oracle, oracle.create_trial("a"), 0.5)
    assert oracle.create_trial("a").status == "STOPPED"
    oracle.max_trials = 2
    end(oracle, oracle.create_trial("a"), 0.25)
    assert [trial.score for trial in oracle_in_trials(tmp_path)] == [0.5, 0.25]
