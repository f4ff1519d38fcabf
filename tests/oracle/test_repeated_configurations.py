import keras
import keras_tuner
import numpy as np
import pytest
from lucky_hypermodel import Lucky

import tuners
from tuners.private_apis import project_directory
from tuners.store.checkpoints import kept_trials


def noisy(deviation, seed=0):
    rng = np.random.default_rng(seed)
    return lambda values: -((values["x"] - 0.6) ** 2) + deviation * rng.normal()


def repeated(oracle):
    """Scores of trials by their values, where there is more than one."""
    scores = {}
    for trial in oracle.trials.values():
        scores.setdefault(tuple(trial.hyperparameters.values.items()), []).append(trial.score)
    return {values: found for values, found in scores.items() if len(found) > 1}


def test_leaders_are_run_again_as_often_as_asked(asked, tell):
    oracle = asked(max_trials=40, reevaluate=2)
    for _ in range(40):
        tell(oracle, noisy(0.0))
    assert {len(found) for found in repeated(oracle).values()} == {3}
    ids = [trial.trial_id for trial in oracle.trials.values()]
    assert len(set(ids)) == 40, "each run has an id, and so a seed, of its own"


def test_none_is_run_again_before_the_last_trials(asked, tell):
    oracle = asked(max_trials=20, reruns=None)
    for _ in range(18):
        tell(oracle, noisy(0.1))
    assert not repeated(oracle)


def test_a_lucky_trial_does_not_stay_the_best(asked, tell):
    # Not from the defaults, which come before what leads them by luck.
    oracle = asked(max_trials=6, reevaluate=1, initial=[{"x": 0.9}])
    lucky = tell(oracle, 1.0)
    again = tell(oracle, 0.0)
    assert again.hyperparameters.values == lucky.hyperparameters.values
    steady = tell(oracle, 0.8)
    assert tell(oracle, 0.8).hyperparameters.values == steady.hyperparameters.values
    best = oracle.get_best_trials(2)
    assert [trial.hyperparameters.values for trial in best] == [
        steady.hyperparameters.values,
        lucky.hyperparameters.values,
    ]
    # The later run stands for its configuration: it was not chosen for what it reached.
    assert best[1].trial_id == again.trial_id
    study = tuners.Study.load(project_directory(oracle))
    assert [trial.trial_id for trial in study.best[:2]] == [trial.trial_id for trial in best]
    assert study.best[-1].score in (0.8, 1.0)


def test_a_leader_that_diverges_leads_no_more(asked, tell):
    oracle = asked(max_trials=6, reevaluate=1)
    first = tell(oracle, 1.0)
    assert tell(oracle, np.nan).status == "INVALID"
    other = tell(oracle, 0.1)
    assert other.hyperparameters.values != first.hyperparameters.values
    assert oracle.get_best_trials()[0].trial_id == other.trial_id


def test_a_resumed_search_repeats_as_the_unbroken_one(asked, tell):
    unbroken, begun = asked("unbroken", reevaluate=1), asked("broken", reevaluate=1)
    expected = [tell(unbroken, noisy(0.0)).hyperparameters.values for _ in range(16)]
    found = [tell(begun, noisy(0.0)).hyperparameters.values for _ in range(9)]
    again = asked("broken", reevaluate=1)
    found += [tell(again, noisy(0.0)).hyperparameters.values for _ in range(7)]
    assert found == expected


def test_workers_do_not_repeat_more_than_asked(asked, tell):
    oracle = asked(reevaluate=2)
    tell(oracle, 1.0)
    running = [oracle.create_trial(str(worker)) for worker in range(4)]
    leader = oracle.trials["0000"].hyperparameters.values
    assert [trial.hyperparameters.values == leader for trial in running] == [True, True, False, False]


def searched(asked, tell, score, trials, **options):
    """Trials of a search, the best of which was chosen by further runs where there were any."""
    oracle = asked(max_trials=trials, **options)
    return oracle, [tell(oracle, score) for _ in range(trials)]


def test_the_last_tenth_runs_the_leaders_and_the_defaults_again(asked, tell):
    oracle, trials = searched(asked, tell, noisy(0.3), 30, reruns=None)
    assert oracle.create_trial("a").status == "STOPPED"
    earlier = {tuple(trial.hyperparameters.values.items()): trial for trial in reversed(trials[:27])}
    again = [earlier[tuple(trial.hyperparameters.values.items())] for trial in trials[27:]]
    assert again[0].score == max(trial.score for trial in trials[:27])
    assert [oracle.is_rerun(trial.trial_id) for trial in trials] == [False] * 27 + [True] * 3


def test_where_the_lead_is_clear_the_search_goes_on(asked, tell):
    oracle, trials = searched(asked, tell, noisy(0.0), 30, reruns=None)
    assert [oracle.is_rerun(trial.trial_id) for trial in trials[27:]].count(True) == 1


@pytest.mark.parametrize(("reruns", "trials", "expected"), [(0, 30, 0), (None, 9, 0), (None, 10, 1), (4, 10, 4)])
def test_as_many_are_run_again_as_asked(asked, tell, reruns, trials, expected):
    oracle, made = searched(asked, tell, noisy(0.3), trials, reruns=reruns)
    assert sum(oracle.is_rerun(trial.trial_id) for trial in made) == expected


def test_the_default_is_best_where_the_leader_was_lucky(asked, tell):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0, default=0.5)
    oracle = asked(space=hp, max_trials=10, reruns=1)
    default = tell(oracle, 0.8)
    for score in (0.5, 0.55, 0.6, 0.82, 0.65, 0.7, 0.72, 0.75):
        tell(oracle, score)
    lucky = tell(oracle, 0.7)
    assert lucky.hyperparameters.values != default.hyperparameters.values
    assert oracle.get_best_trials()[0].trial_id == default.trial_id
    assert tuners.Study.load(project_directory(oracle)).best[0].trial_id == default.trial_id


def test_the_last_part_of_the_time_is_for_further_runs(asked, tell, monkeypatch):
    oracle = asked(max_trials=None, max_time=1000.0, reruns=None)
    for _ in range(20):
        tell(oracle, noisy(0.3))
    monkeypatch.setattr(type(oracle._ledger), "elapsed", 950.0)  # noqa: SLF001 - no test waits so long
    found = [tell(oracle, noisy(0.3)) for _ in range(4)]
    again = [oracle.is_rerun(trial.trial_id) for trial in found]
    assert again[0] and sum(again) == 2


def test_a_search_that_was_killed_among_its_last_trials_ends_as_the_unbroken_one(asked, tell):
    made = np.random.default_rng(5).normal(size=30)
    whole, broken = asked("whole", max_trials=30, reruns=None), asked("broken", max_trials=30, reruns=None)
    expected = [tell(whole, score).hyperparameters.values for score in made]
    found = [tell(broken, score).hyperparameters.values for score in made[:28]]
    again = asked("broken", max_trials=30, reruns=None)
    found += [tell(again, score).hyperparameters.values for score in made[28:]]
    assert found == expected
    assert again.get_best_trials()[0].trial_id == whole.get_best_trials()[0].trial_id


@pytest.mark.parametrize(("options", "trials"), [({"reevaluate": 1, "reruns": 0}, 6), ({"reruns": 3}, 10)])
def test_the_best_model_is_of_the_run_that_stands_for_its_configuration(tmp_path, options, trials):
    """Real training: a repeat starts from another seed, and its weights are there when it has become the best."""

    def build(hp):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
        return model

    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    data = {"x": x, "y": x.sum(axis=1, keepdims=True), "validation_data": (x, x.sum(axis=1, keepdims=True))}
    search = tuners.CoarseToFineSearch(
        build, "val_loss", trials, 1, keep_checkpoints=1, directory=tmp_path, project_name="run", **options
    )
    search.search(**data, epochs=1, verbose=0)
    again = repeated(search.oracle)
    assert again
    assert all(len(set(scores)) == 2 for scores in again.values())
    (best,) = search.oracle.get_best_trials()
    assert kept_trials(tmp_path / "run") == [best.trial_id]
    assert search.get_best_models()[0].evaluate(data["x"], data["y"], verbose=0) == pytest.approx(best.score, rel=1e-4)


def test_the_weights_of_who_may_lead_in_the_end_are_kept_until_then(tmp_path):
    given = [{"x": each} for each in (0.2, 0.4, 0.9)]
    options = {"initial": given, "reruns": 1, "keep_checkpoints": 1, "directory": tmp_path, "project_name": "run"}
    search = tuners.CoarseToFineSearch(Lucky(), keras_tuner.Objective("score", "min"), 4, 1, **options)
    search.search(np.zeros((4, 1)), np.zeros(4), epochs=1, verbose=0)
    assert [trial.score for trial in search.oracle.trials.values()] == [0.2, 0.4, 0.0, 0.9]
    assert search.get_best_models()[0].layers[0].bias.numpy() == pytest.approx([0.2])
    assert kept_trials(tmp_path / "run") == ["0000"]


def test_a_search_that_stops_before_its_end_keeps_no_more_weights_than_asked(tmp_path):
    def build(hp):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1)), "mse")
        return model

    options = {"max_trials": 40, "patience": 2, "seed": 1, "keep_checkpoints": 1, "directory": tmp_path}
    search = tuners.CoarseToFineSearch(build, "val_loss", project_name="run", **options)
    data = np.ones((4, 1))
    search.search(data, data, validation_data=(data, data), epochs=1, verbose=0)
    assert search.oracle.stop_reason and len(search.oracle.trials) < 40
    assert kept_trials(tmp_path / "run") == [search.oracle.get_best_trials()[0].trial_id]
