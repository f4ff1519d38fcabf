"""Subclasses that choose values or give scores themselves, and callers who end trials as they once did."""

import math

import keras_tuner
import pytest
from oracle_without_tuner import flat_space

import tuners
from tuners.private_apis import set_project_directory


@pytest.fixture
def made(tmp_path):
    def make(kind, **options):
        options = {"objective": keras_tuner.Objective("score", "max"), "seed": 1, "max_trials": 8, **options}
        oracle = kind(**{"hyperparameters": flat_space(), **options})
        set_project_directory(oracle, tmp_path / "run")
        oracle.verbose = 0
        return oracle

    return make


def run(oracle, score=1.0, who="a"):
    trial = oracle.create_trial(who)
    oracle.update_trial(trial.trial_id, {"score": score(trial) if callable(score) else score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    return oracle.get_trial(trial.trial_id)


class Own(tuners.CoarseToFineOracle):
    def populate_space(self, trial_id):
        return {"status": "RUNNING", "values": {"x": int(trial_id) / 8, "kind": "b", "tuner/epochs": 3}}


class Changed(tuners.CoarseToFineOracle):
    def populate_space(self, trial_id):
        answer = super().populate_space(trial_id)
        if answer["status"] == "RUNNING":
            answer["values"]["kind"] = "b"
        return answer


class Part(tuners.CoarseToFineOracle):
    def populate_space(self, trial_id):
        return {"status": "RUNNING", "values": {"kind": "b"}}


class Drawn(tuners.CoarseToFineOracle):
    def populate_space(self, trial_id):
        values = self._random_values()
        return {"status": "RUNNING" if values else "STOPPED", "values": values}


def test_its_values_are_the_trials(made):
    oracle = made(Own)
    for number in range(8):
        assert run(oracle).hyperparameters.values == {"x": number / 8, "kind": "b", "tuner/epochs": 3}
    assert oracle.create_trial("a").status == "STOPPED"
    again = made(Own)
    assert [trial.hyperparameters.get("x") for trial in reloaded(again)] == [number / 8 for number in range(8)]


def reloaded(oracle):
    oracle.reload()
    return list(oracle.trials.values())


def test_values_may_be_changed_and_the_search_learns_from_what_was_run(made):
    oracle = made(Changed, max_trials=40, ranking=False)
    for _ in range(40):
        run(oracle, lambda trial: -abs(trial.hyperparameters.get("x") - 0.7))
    assert {trial.hyperparameters.get("kind") for trial in oracle.trials.values()} == {"b"}
    late = [trial.hyperparameters.get("x") for trial in list(oracle.trials.values())[25:]]
    assert sum(abs(each - 0.7) < 0.1 for each in late) > 8


def test_what_it_leaves_out_is_chosen_as_ever(made):
    oracle = made(Part)
    found = [run(oracle).hyperparameters.values for _ in range(6)]
    assert {values["kind"] for values in found} == {"b"}
    assert len({values["x"] for values in found}) > 3
    assert [run(made(Part)).hyperparameters.values for _ in range(1)] != found[:1]


def test_values_drawn_by_keras_tuner_are_not_repeated(made):
    hp = keras_tuner.HyperParameters()
    hp.Boolean("one")
    hp.Boolean("two")
    oracle = made(Drawn, hyperparameters=hp)
    seen = []
    while (trial := oracle.create_trial("a")).status == "RUNNING":
        seen.append(tuple(trial.hyperparameters.values.items()))
        oracle.update_trial(trial.trial_id, {"score": 0.0})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(seen) == len(set(seen)) == 4


def test_it_may_wait_and_stop(made):
    class Waits(tuners.CoarseToFineOracle):
        def populate_space(self, trial_id):
            if self.ongoing_trials:
                return {"status": "IDLE"}
            if len(self.trials) == 2:
                return {"status": "STOPPED"}
            return super().populate_space(trial_id)

    oracle = made(Waits)
    first = oracle.create_trial("a")
    waiting = oracle.create_trial("b")
    assert (first.status, waiting.status) == ("RUNNING", "IDLE")
    assert list(oracle.trials) == [first.trial_id]
    oracle.update_trial(first.trial_id, {"score": 1.0})
    first.status = "COMPLETED"
    oracle.end_trial(first)
    run(oracle, who="b")
    assert oracle.create_trial("a").status == "STOPPED"
    assert len(oracle.trials) == 2


class Scores(tuners.CoarseToFineOracle):
    """Best is what costs least, whatever the objective says."""

    def score_trial(self, trial):
        trial.score = -trial.metrics.get_last_value("cost")
        trial.best_step = 0


def test_its_scores_count(made):
    oracle = made(Scores)
    for cost in (3.0, 1.0, 2.0):
        trial = oracle.create_trial("a")
        oracle.update_trial(trial.trial_id, {"score": cost, "cost": cost})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert [trial.score for trial in oracle.get_best_trials(3)] == [-1.0, -2.0, -3.0]
    assert [trial.score for trial in reloaded(made(Scores))] == [-3.0, -1.0, -2.0]


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_score_that_is_none_is_infeasible(made, score):
    class None_(tuners.CoarseToFineOracle):
        def score_trial(self, trial):
            trial.score = score

    oracle = made(None_)
    assert run(oracle).status == "INVALID"
    found = oracle.get_best_trials()[0].score
    assert found == score or math.isnan(found)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda oracle, name: oracle.end_trial(name, "COMPLETED"), "COMPLETED"),
        (lambda oracle, name: oracle.end_trial(name), "COMPLETED"),
        (lambda oracle, name: oracle.end_trial(trial_id=name, status="FAILED"), "FAILED"),
        (lambda oracle, name: oracle.end_trial(name, status="INVALID"), "FAILED"),
        (lambda oracle, name: oracle.end_trial(oracle.trials[name]), "COMPLETED"),
    ],
)
def test_a_trial_may_be_ended_by_its_id_or_without_a_status(made, call, expected):
    oracle = made(tuners.CoarseToFineOracle)
    trial = oracle.create_trial("a")
    values = dict(trial.hyperparameters.values)
    oracle.update_trial(trial.trial_id, {"score": 0.5})
    call(oracle, trial.trial_id)
    ended = oracle.get_trial(trial.trial_id)
    assert (ended.status, ended.hyperparameters.values) == (expected, values)
    assert not oracle.ongoing_trials
    assert [trial.status for trial in reloaded(made(tuners.CoarseToFineOracle))] == [expected]


def test_a_trial_that_has_reported_nothing_has_not_completed(made):
    oracle = made(tuners.CoarseToFineOracle)
    oracle.end_trial(oracle.create_trial("a"))
    assert [trial.status for trial in oracle.trials.values()] == ["FAILED"]


def test_a_synchronized_subclass_works(made):
    class Locks(tuners.CoarseToFineOracle):
        @keras_tuner.synchronized
        def end_trial(self, trial):
            super().end_trial(trial)

    assert run(made(Locks)).status == "COMPLETED"


def test_trials_put_in_by_hand_count(made):
    oracle = made(tuners.CoarseToFineOracle)
    run(oracle, 0.25)
    other = keras_tuner.engine.trial.Trial(flat_space(), trial_id="mine", status="COMPLETED")
    other.score = 0.5
    oracle.trials["mine"] = other
    assert [trial.score for trial in oracle.get_best_trials(2)] == [0.5, 0.25]


def test_reload_sees_what_another_process_has_added(made):
    first = made(tuners.CoarseToFineOracle)
    run(first, 0.5)
    reader = made(tuners.CoarseToFineOracle)
    assert len(reloaded(reader)) == 1
    run(first, 0.75)
    assert [trial.score for trial in reloaded(reader)] == [0.5, 0.75]
    assert reader.get_best_trials()[0].score == 0.75


def test_metrics_that_are_no_numbers_are_left_out(made):
    import numpy as np

    oracle = made(tuners.CoarseToFineOracle)
    trial = oracle.create_trial("a")
    oracle.update_trial(trial.trial_id, {"score": np.float32(0.5), "f1": np.ones(3), "note": "good", "one": np.ones(1)})
    assert set(trial.metrics.metrics) == {"score", "one"}
    with pytest.raises(ValueError, match="Objective value missing"):
        oracle.update_trial(trial.trial_id, {"score": np.ones(3)})
