"""A worker's trial without the process: `train_trial` on a tuner of its own."""

import keras
import numpy as np
import pytest

import tuners
from tuners.parallel.dispatch import Dispatch
from tuners.parallel.messages import Ended, Order
from tuners.parallel.worker import train_trial
from tuners.pruning import rule_config
from tuners.store import checkpoints

X = np.random.default_rng(1).normal(size=(64, 2)).astype("float32")
DATA = {"x": X, "y": X[:, :1], "epochs": 4, "verbose": 0}
RATE = {"kind": "plain", "rate": 0.01}


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    # What is asked for under a plain `if` turns up while a trial is built, not before.
    decay = hp.Float("decay", 0.0, 0.1, default=0.01) if hp.Choice("kind", ["plain", "decayed"]) == "decayed" else 0.0
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1), weight_decay=decay), "mse")
    return model


@pytest.fixture
def train(tmp_path):
    def run(
        values, report=lambda epoch: False, rule=None, seed=1, callbacks=(), trial_id="0000", keep=False, **options
    ):
        options = {"objective": "loss", "directory": str(tmp_path), "project_name": "run", **options}
        tuner = tuners.CoarseToFineSearch(build, **options)
        return train_trial(tuner, Order(trial_id, values, seed, rule, keep), report, **DATA, callbacks=list(callbacks))

    return run


def test_the_space_is_sent_where_it_has_grown(train):
    plain, decayed = (train({"kind": kind, "rate": 0.01}) for kind in ("plain", "decayed"))
    assert plain.space is None
    assert [each["config"]["name"] for each in decayed.space] == ["kind", "rate", "decay"]
    assert decayed.values == {"kind": "decayed", "rate": 0.01, "decay": 0.01}


@pytest.mark.parametrize("engine", ["fit", "graph", "population"])
def test_a_trial_asks_at_the_rungs_and_ends_where_it_is_told(train, engine):
    told = []

    def report(epoch):
        told.append((epoch.epoch, epoch.epochs, epoch.asks))
        return epoch.asks

    ended = train(RATE, report, rule_config(tuners.SuccessiveHalving(2, 2)), engine=engine)
    assert told == [(1, 4, False), (2, 4, True)]
    assert (ended.status, len(ended.epochs)) == ("COMPLETED", 2)
    told.clear()
    assert len(train(RATE, report, rule_config(tuners.SuccessiveHalving(2, 4)), engine=engine).epochs) == 4
    assert told[-1] == (4, 4, False)


def test_a_tensorboard_has_a_directory_for_the_trial_here_too(train, tmp_path):
    logs = tmp_path / "logs"
    ended = train(RATE, callbacks=[keras.callbacks.TensorBoard(logs, write_graph=False)])
    assert ended.engines["used"] == ["numpy"]
    assert {str(each.parent.relative_to(logs)) for each in logs.rglob("events*")} == {
        "0000/execution0", "0000/execution0/train",
    }  # fmt: skip


def test_without_a_rule_nothing_is_asked(train):
    told = []
    assert len(train(RATE, lambda epoch: told.append(epoch.asks)).epochs) == 4
    assert told == [False] * 4


@pytest.mark.parametrize("options", [{"folds": 3}, {"executions_per_trial": 2}])
def test_all_draws_are_from_the_seed_that_comes_with_the_trial(train, tmp_path, options):
    # As in the script of a search without a seed, of which every process draws one of its own.
    first, again, other = (
        train(RATE, seed=seed, directory=str(tmp_path / str(number)), **options)
        for number, seed in enumerate((7, 7, 8))
    )
    assert first.status == "COMPLETED"
    assert again.epochs == first.epochs
    assert other.epochs != first.epochs


def test_weights_that_the_oracle_may_still_need_are_kept_whatever_the_trial_reaches(train, tmp_path):
    # The journal that a worker begins with has better trials, and does not tell which ones come later.
    options = {"objective": "loss", "directory": str(tmp_path), "project_name": "run", "keep_checkpoints": 1}
    search = tuners.CoarseToFineSearch(build, max_trials=3, seed=1, reruns=0, engine="numpy", **options)
    search.search(**{**DATA, "epochs": 8})
    worst = {"kind": "plain", "rate": 0.001}
    best = max(trial.score for trial in search.oracle.trials.values() if trial.score < 0.1)
    for trial_id, keep in (("0007", True), ("0009", False)):
        assert train(worst, trial_id=trial_id, keep=keep, keep_checkpoints=1).epochs[-1]["loss"] > best
    kept = checkpoints.kept_trials(tmp_path / "run")
    assert [each for each in ("0007", "0009") if each in kept] == ["0007"]


def test_orders_say_which_weights_are_kept(tmp_path):
    tuner = tuners.CoarseToFineSearch(build, "loss", 5, 1, reruns=2, directory=str(tmp_path), project_name="run")
    dispatch, asked = Dispatch(tuner), []
    while (trial := dispatch.take()) is not None:
        asked.append((dispatch.order(trial).keep, tuner.oracle.is_rerun(trial.trial_id)))
        dispatch.end(trial, Ended(trial.trial_id, "COMPLETED", None, [{"loss": 1.0 / len(asked)}]))
    assert asked == [(False, False)] * 3 + [(True, True)] * 2
