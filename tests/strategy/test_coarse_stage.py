"""The coarse stage moves what matters most first; the zoom moves everything."""

import keras_tuner
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kzoo
import tuners
from tuners.private_apis import set_project_directory
from tuners.strategy.coarse_stage import Priorities

GIVEN = {"rate": 1, "kind": 2, "a/units": 2}
COARSE = 8


def space(rates=None):
    hp = keras_tuner.HyperParameters()
    if rates is None:
        hp.Float("rate", 1e-4, 1.0, sampling="log", default=1e-2)
    else:
        hp.Choice("rate", rates)
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["a"]):
        hp.Int("a/units", 1, 100, default=10)
    hp.Float("dropout", 0.0, 0.5, default=0.1)
    return hp


def score(values):
    return -((np.log10(values["rate"]) + 3) ** 2) - abs(values["dropout"] - 0.4)


def searched(directory, trials, seed=0, hp=None, **options):
    """Values of the trials of a search, in their order."""
    oracle = tuners.CoarseToFineOracle(
        keras_tuner.Objective("score", "max"), trials, seed, hp or space(), **{"priorities": GIVEN, **options}
    )
    oracle.verbose = 0
    set_project_directory(oracle, directory / "run")
    found = []
    while (trial := oracle.create_trial("one")).status != "STOPPED":
        found.append(dict(trial.hyperparameters.values))
        oracle.update_trial(trial.trial_id, {"score": score(found[-1])})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return found


@given(
    ranks=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    free=st.lists(st.booleans(), min_size=6, max_size=6),
    number=st.integers(0, 20),
)
def test_something_is_always_open_and_in_order(ranks, free, number):
    names = [str(index) for index in range(len(ranks))]
    free = np.array(free[: len(ranks)])
    held = Priorities(names, free, dict(zip(names, ranks, strict=True))).held(number, COARSE)
    if number >= COARSE:
        assert not held.any()
    if free.any():
        assert (free & ~held).any()
        opened = [rank for rank, closed in zip(ranks, held, strict=True) if not closed]
        assert all(rank > max(opened) for rank, closed in zip(ranks, held, strict=True) if closed)
        levels = {rank for rank, can in zip(ranks, free, strict=True) if can}
        expected = 1 if number < COARSE // 2 else 2 if number < COARSE else len(levels)
        assert len(levels & set(opened)) == min(expected, len(levels))


def test_the_search_opens_priority_by_priority(tmp_path):
    found = searched(tmp_path, 20)
    defaults = {"rate": 1e-2, "kind": "a", "a/units": 10, "dropout": 0.1}
    assert found[0] == pytest.approx(defaults)
    assert all({**each, "rate": 1e-2} == pytest.approx(defaults) for each in found[1:4])
    assert len({each["rate"] for each in found[:4]}) == 4
    assert all(each["dropout"] == pytest.approx(0.1) for each in found[:8])
    assert {each["kind"] for each in found[4:8]} == {"a", "b"}
    assert len({each["dropout"] for each in found[8:]}) > 1


def test_what_is_held_stays_where_the_best_trial_has_it(tmp_path):
    found = searched(tmp_path, 8, initial=[{"dropout": 0.0}, {"dropout": 0.35, "rate": 1e-3}])
    assert [each["dropout"] for each in found] == pytest.approx([0.0] + [0.35] * 7)


def test_a_first_priority_that_is_used_up_does_not_end_the_search(tmp_path):
    assert len(searched(tmp_path, 12, hp=space(rates=[1e-3, 1e-2]))) == 12


def test_without_priorities_everything_moves_at_once(tmp_path):
    assert len({each["dropout"] for each in searched(tmp_path, 4, priorities=None)}) > 2


def test_a_name_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="priorities: no hyperparameter is called 'rates'; did you mean rate"):
        searched(tmp_path, 1, priorities={"rates": 1})


@pytest.mark.parametrize("options", [{}, {"fixed": {"norm": "none", "optimizer": "sgd"}}, {"priority": 1}])
def test_the_zoo_says_its_priorities(tmp_path, options):
    task = kzoo.load_dataset("iris").task
    hypermodel = kzoo.create_hypermodel("mlp", task, **options)
    tuner = tuners.CoarseToFineSearch(hypermodel, "val_loss", 6, seed=1, directory=tmp_path, project_name="run")
    first, second = (tuner.oracle.create_trial(str(worker)).hyperparameters.values for worker in range(2))
    rates = {name for name in first if name.endswith("learning_rate")}
    assert len(rates) == 1
    assert {name for name in first if first[name] != second[name]} == rates


def test_priorities_can_be_left_out(tmp_path):
    hypermodel = kzoo.create_hypermodel("mlp", kzoo.load_dataset("iris").task)
    tuner = tuners.CoarseToFineSearch(
        hypermodel, "val_loss", 6, seed=1, priorities={}, directory=tmp_path, project_name="run"
    )
    first, second = (tuner.oracle.create_trial(str(worker)).hyperparameters.values for worker in range(2))
    assert sum(first[name] != second.get(name) for name in first) > 3


def test_priorities_of_what_is_not_tuned_are_left_out(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Float("adam/learning_rate", 1e-4, 1e-2, sampling="log")
    hypermodel = kzoo.create_hypermodel("mlp", kzoo.load_dataset("iris").task)
    tuner = tuners.CoarseToFineSearch(
        hypermodel, "val_loss", 6, seed=1, hyperparameters=hp, tune_new_entries=False, directory=tmp_path,
        project_name="run",
    )  # fmt: skip
    assert set(tuner.oracle.create_trial("one").hyperparameters.values) == {"adam/learning_rate"}
