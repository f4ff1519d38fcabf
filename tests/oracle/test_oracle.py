import math

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial

import tuners
from tuners.private_apis import project_directory, set_project_directory
from tuners.store.records import replay


class Numbers(keras_tuner.Tuner):
    """A plain keras-tuner tuner whose trials take no training."""

    def run_trial(self, trial, fail=(), kill=(), verbose=0):
        number = int(trial.trial_id)
        if number in kill:
            raise KeyboardInterrupt
        if number in fail:
            raise RuntimeError(f"trial {number} does not work")
        hp = trial.hyperparameters
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["a"]):
            a = hp.Float("a/rate", 1e-4, 1.0, sampling="log")
        with hp.conditional_scope("kind", ["b"]):
            b = hp.Float("b/rate", 1e-3, 1.0, sampling="log")
        rate = a if kind == "a" else b
        units = hp.Int("units", 16, 512, sampling="log")
        if rate > 0.5:
            return math.nan
        return (math.log10(rate) + 2) ** 2 + 0.1 * (math.log2(units) - 6) ** 2


def tuner(directory, overwrite=False, **options):
    oracle = tuners.CoarseToFineOracle(**{"max_trials": 24, "seed": 3, "reruns": 0, **options})
    made = Numbers(oracle=oracle, directory=directory, project_name="run", overwrite=overwrite)
    oracle.verbose = 0
    return made


def trials_of(made):
    return [
        (trial.trial_id, trial.status, trial.score, dict(trial.hyperparameters.values))
        for trial in made.oracle.trials.values()
    ]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    made = tuner(tmp_path_factory.mktemp("unbroken"))
    made.search(verbose=0)
    return made


def test_search_ends_and_finds(unbroken):
    assert len(unbroken.oracle.trials) == len(unbroken.oracle.end_order) == 24
    best = unbroken.oracle.get_best_trials(3)
    assert [trial.score for trial in best] == sorted(trial.score for trial in best)
    assert best[0].score < 0.1


def test_values_are_those_that_apply(unbroken):
    for _, _, _, values in trials_of(unbroken)[1:]:
        other = {"a": "b/rate", "b": "a/rate"}[values["kind"]]
        assert other not in values
        assert f"{values['kind']}/rate" in values


def test_infeasible_is_a_result(unbroken):
    infeasible = [trial for trial in unbroken.oracle.trials.values() if trial.status == "INVALID"]
    assert infeasible
    assert all(trial.message.startswith("infeasible: default_objective was nan") for trial in infeasible)
    assert not any(trial in infeasible for trial in unbroken.oracle.get_best_trials(10))
    # Who prints the scores of all trials prints numbers, as with keras-tuner.
    assert all(math.isnan(trial.score) for trial in infeasible)


@pytest.mark.parametrize("kill", [(0,), (2, 9), (13, 14, 23)])
def test_a_killed_search_goes_on_as_the_unbroken_one(tmp_path, unbroken, kill):
    for each in kill:
        with pytest.raises(KeyboardInterrupt):
            tuner(tmp_path).search(kill=[each], verbose=0)
    made = tuner(tmp_path)
    made.search(verbose=0)
    assert trials_of(made) == trials_of(unbroken)


def test_more_trials_later(tmp_path, unbroken):
    tuner(tmp_path, max_trials=10).search(verbose=0)
    made = tuner(tmp_path)
    made.search(verbose=0)
    assert trials_of(made) == trials_of(unbroken)


def test_overwrite_begins_anew(tmp_path):
    tuner(tmp_path, max_trials=5).search(verbose=0)
    made = tuner(tmp_path, overwrite=True, max_trials=2)
    assert not made.oracle.trials
    made.search(verbose=0)
    assert len(made.oracle.trials) == 2


def test_another_objective_does_not_go_into_the_same_search(tmp_path):
    tuner(tmp_path, max_trials=2).search(verbose=0)
    with pytest.raises(tuners.JournalError, match="holds a search for"):
        tuner(tmp_path, objective="val_loss").search(verbose=0)


def test_a_raising_trial_is_tried_again_and_then_failed(tmp_path):
    made = tuner(tmp_path, max_trials=6, max_retries_per_trial=2)
    made.search(fail=[1], verbose=0)
    assert [trial.status for trial in made.oracle.trials.values()].count("FAILED") == 1
    failed = made.oracle.trials["0001"]
    assert "trial 1 does not work" in failed.message
    state = replay(tuners.store.journal.read_journal(project_directory(made.oracle)))
    assert state.trials["0001"].runs == 3


def test_failures_in_a_row_stop_the_search(tmp_path):
    made = tuner(tmp_path, max_trials=20, max_consecutive_failed_trials=3)
    with pytest.raises(RuntimeError, match="3 trials in a row(.|\n)*trial 6 does not work"):
        made.search(fail=[2, 4, 5, 6], verbose=0)
    assert len(made.oracle.end_order) == 7
    again = tuner(tmp_path, max_trials=8)
    again.search(verbose=0)
    assert len(again.oracle.end_order) == 8


def test_nan_in_every_trial_ends_the_search_in_order(tmp_path):
    oracle = oracle_with(tmp_path, max_trials=5)
    for _ in range(5):
        report(oracle, math.nan)
    assert oracle.create_trial("a").status == "STOPPED"
    assert {trial.status for trial in oracle.trials.values()} == {"INVALID"}


def space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Choice("kind", ["a", "b"])
    return hp


def oracle_with(directory, hyperparameters=None, **options):
    options = {"objective": keras_tuner.Objective("score", "max"), "seed": 1, **options}
    oracle = tuners.CoarseToFineOracle(hyperparameters=hyperparameters or space(), **options)
    set_project_directory(oracle, directory)
    oracle.verbose = 0
    return oracle


def report(oracle, *values, who="a", **more):
    trial = oracle.create_trial(who)
    for step, value in enumerate(values):
        oracle.update_trial(trial.trial_id, {"score": value, **more}, step=step)
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    return oracle.get_trial(trial.trial_id)


def test_best_epoch_counts(tmp_path):
    trial = report(oracle_with(tmp_path), 0.1, 0.7, 0.4)
    assert trial.score == 0.7
    assert trial.best_step == 1


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_diverged_loss_makes_an_accuracy_infeasible(tmp_path, loss):
    trial = report(oracle_with(tmp_path), 0.5, val_loss=loss)
    assert trial.status == "INVALID"
    assert "val_loss" in trial.message


def test_multi_objective(tmp_path):
    objectives = [keras_tuner.Objective("score", "max"), keras_tuner.Objective("cost", "min")]
    oracle = oracle_with(tmp_path, objective=objectives, max_trials=2)
    assert report(oracle, 1.0, cost=3.0).score == pytest.approx(2.0)
    assert report(oracle, 2.0, cost=1.0).score == pytest.approx(-1.0)
    assert oracle.get_best_trials(1)[0].score == pytest.approx(-1.0)


def test_a_missing_objective_is_named(tmp_path):
    oracle = oracle_with(tmp_path)
    trial = oracle.create_trial("a")
    with pytest.raises(ValueError, match=r"Objective value missing.*expected: \['score'\], found: \['loss'\]"):
        oracle.update_trial(trial.trial_id, {"loss": 1.0})


def test_new_entries(tmp_path):
    closed = oracle_with(tmp_path / "closed", allow_new_entries=False)
    trial = closed.create_trial("a")
    trial.hyperparameters.Float("new", 0.0, 1.0)
    trial.status = "COMPLETED"
    closed.update_trial(trial.trial_id, {"score": 1.0})
    with pytest.raises(RuntimeError, match="allow_new_entries"):
        closed.end_trial(trial)
    untuned = oracle_with(tmp_path / "untuned", tune_new_entries=False)
    trial = untuned.create_trial("a")
    trial.hyperparameters.Float("new", 0.0, 1.0, default=0.5)
    untuned.update_trial(trial.trial_id, {"score": 1.0})
    trial.status = "COMPLETED"
    untuned.end_trial(trial)
    assert "new" not in untuned.create_trial("a").hyperparameters.values


def test_who_asks_again_gets_the_same_trial(tmp_path):
    oracle = oracle_with(tmp_path)
    assert oracle.create_trial("a") is oracle.create_trial("a")
    assert oracle.create_trial("b").trial_id != oracle.create_trial("a").trial_id


def test_results_in_any_order_lead_to_the_same_trials(tmp_path):
    found = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        oracle = oracle_with(tmp_path / str(order), max_trials=40)
        for _ in range(5):
            running = [oracle.create_trial(str(worker)) for worker in range(4)]
            for worker in order:
                trial = running[worker]
                oracle.update_trial(trial.trial_id, {"score": trial.hyperparameters.get("x")})
                trial.status = "COMPLETED"
                oracle.end_trial(trial)
        found.append([dict(trial.hyperparameters.values) for trial in oracle.trials.values()])
    assert found[0] == found[1]


def test_initial_configurations_come_first(tmp_path):
    oracle = oracle_with(tmp_path, initial=[{"x": 0.25, "kind": "b"}, {}], max_trials=3)
    assert report(oracle, 1.0).hyperparameters.values == {"x": pytest.approx(0.25), "kind": "b"}
    assert report(oracle, 1.0).hyperparameters.values == {"x": 0.0, "kind": "a"}
    with pytest.raises(ValueError, match="initial: no hyperparameter is called 'y'; there are x, kind"):
        oracle_with(tmp_path / "b", initial=[{"y": 1}]).create_trial("a")
    with pytest.raises(ValueError, match="initial: kind: 'z' is not one of a, b"):
        oracle_with(tmp_path / "c", initial=[{"kind": "z"}]).create_trial("a")
    with pytest.raises(ValueError, match="initial: x: 1.5 is not between 0 and 1"):
        oracle_with(tmp_path / "d", initial=[{"x": 1.5}]).create_trial("a")


def test_a_small_space_is_exhausted_without_repeats(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b"])
    hp.Int("layers", 1, 3)
    oracle = oracle_with(tmp_path, hp, max_trials=50)
    seen = []
    while (trial := oracle.create_trial("a")).status != "STOPPED":
        seen.append(tuple(sorted(trial.hyperparameters.values.items())))
        oracle.update_trial(trial.trial_id, {"score": 1.0})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(seen) == len(set(seen)) == 6
    assert "Every configuration" in oracle.stop_reason


@pytest.mark.parametrize("fixed", [False, True])
def test_where_there_is_nothing_to_tune_there_is_one_trial(tmp_path, fixed):
    hp = keras_tuner.HyperParameters()
    if fixed:
        hp.Fixed("rate", 0.1)
        hp.Choice("kind", ["a"])
    oracle = oracle_with(tmp_path, hp, max_trials=5)
    assert report(oracle, 1.0).hyperparameters.values == ({"rate": 0.1, "kind": "a"} if fixed else {})
    assert oracle.create_trial("a").status == "STOPPED" and "Every configuration" in oracle.stop_reason


def test_stops_when_the_zoom_has_stopped_paying(tmp_path, capsys):
    oracle = oracle_with(tmp_path, max_trials=100, patience=10)
    oracle.verbose = 1
    report(oracle, 1.0)
    while oracle.create_trial("a").status != "STOPPED":
        report(oracle, 0.5)
    # The leader is run again before the search ends.
    assert len(oracle.trials) == 12 and oracle.is_rerun("0011")
    assert "no new best in 10 trials" in oracle.stop_reason
    assert "no new best in 10 trials" in capsys.readouterr().out
    assert "no new best in 10 trials" in tuners.Study.load(tmp_path).stopped


def test_stops_when_the_time_is_used_up(tmp_path, capsys):
    oracle = oracle_with(tmp_path, max_trials=None, max_time=0.05)
    oracle.verbose = 1
    while oracle.create_trial("a").status != "STOPPED":
        report(oracle, 1.0)
    assert "time is used up" in oracle.stop_reason
    assert "The time is used up (0.05 s)." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"max_trials": 0}, "max_trials is 0"),
        ({"max_time": -1}, "max_time is -1"),
        ({"starting_points": "grid"}, "starting_points is 'grid'"),
        ({"reevaluate": -1}, "reevaluate is -1"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        tuners.CoarseToFineOracle(objective="val_loss", **options)


def test_seed_zero_is_a_seed():
    assert tuners.CoarseToFineOracle(objective="val_loss", seed=0).seed == 0


def test_a_worker_of_a_distributed_search_sees_the_trial_it_was_sent(tmp_path):
    oracle = oracle_with(tmp_path)
    sent = Trial.from_proto(oracle.create_trial("a").to_proto())
    oracle.update_trial(sent.trial_id, {"score": 0.5})
    sent.status = "COMPLETED"
    oracle.end_trial(sent)
    assert oracle.get_trial(sent.trial_id).score == 0.5
    assert not oracle.ongoing_trials
