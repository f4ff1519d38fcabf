"""The sweep finds what it is made for: faults planted in what is compared."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
from engine_comparison import ENGINES, Rounding, compare, differences, nudged, shown_by_auto, untried
from engine_faults import FAULTS
from keras_catalog import classes, others, public
from layer_subjects import FORMS, maker, ways
from small_models import dense, tabular
from subjects import MOST_TRIALS, TURNS, in_turn, searches
from trial_outcomes import Group, Notes, Outcome, cause, outcomes

from tuners.engine import proof
from tuners.engine.choice import EngineUse

LEFT = {"kernel": np.ones(3), "best epoch's kernel": np.ones(3), "stop_training": np.array(False)}
TRAINED = Outcome(metrics={"loss": [(0, 1.0), (1, 0.5)]}, weights=LEFT, notes=(("on_end", 1.0),))
ANY = Group({})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metrics": {"loss": [(0, 1.0), (1, 0.51)]}}, "loss of epoch 2 is 0.51, by fit 0.5"),
        ({"metrics": {"loss": [(0, 1.0)]}}, "loss is of epochs"),
        ({"metrics": {"loss": [(0, 1.0), (1, 0.5)], "mae": [(0, 1.0)]}}, "metrics are"),
        ({"weights": {**LEFT, "kernel": np.ones(3) * 1.01}}, "kernel is apart by"),
        ({"weights": {**LEFT, "kernel": np.ones(4)}}, "kernel is apart by"),
        ({"weights": {**LEFT, "bias": np.ones(3)}}, "what is left is other than by fit: ['bias']"),
        ({"weights": {}}, "what is left is other than by fit"),
        ({"notes": (("on_end", 2.0),)}, "note 1 is"),
        ({"notes": ()}, "note 1 is nothing"),
        ({"error": "ValueError: no"}, "raises where fit trains"),
        ({"uses": (EngineUse("fit", {"graph": ""}),)}, "without a reason"),
        ({"uses": (EngineUse("fit", {}),)}, "without a reason"),
    ],
)
def test_every_difference_is_said(change, said):
    assert list(differences(TRAINED, TRAINED, ANY)) == []
    [found] = differences(TRAINED, dataclasses.replace(TRAINED, **change), ANY)
    assert said in found


def test_where_fit_raises_others_raise_as_well():
    failed = Outcome(error="ValueError: no")
    assert list(differences(failed, Outcome(error="ValueError: another text"), ANY)) == []
    assert "trains where fit raises" in next(differences(failed, TRAINED, ANY))
    assert "KeyError" in next(differences(failed, Outcome(error="KeyError: 'x'"), ANY))


def test_rounding_is_no_difference_and_declining_with_a_reason_is_none():
    rounded = dataclasses.replace(TRAINED, metrics={"loss": [(0, 1.00001), (1, 0.5)]})
    assert list(differences(TRAINED, rounded, ANY)) == []
    declined = dataclasses.replace(TRAINED, uses=(EngineUse("fit", {"graph": "a custom layer"}),))
    assert list(differences(TRAINED, declined, ANY)) == []


def test_what_has_overflowed_only_has_to_overflow():
    large, larger, normal = (
        dataclasses.replace(TRAINED, metrics={"loss": [(0, value)]}) for value in (1e20, -1e25, 1.0)
    )
    assert list(differences(large, larger, ANY)) == []
    assert list(differences(large, normal, ANY)) and list(differences(normal, large, ANY))


def test_a_trial_that_is_trained_otherwise_is_found():
    deltas = iter((1.0, 0.1) * 2 + (1.0, 1.0))

    def build():
        return dense("linear", loss=keras.losses.Huber(next(deltas)), metrics=())

    # The engine's second trial is trained with the first one's loss.
    [found] = [
        each
        for each in compare(Group({"first": build, "second": build}, *tabular("number")), ["graph", "auto"])
        if "[second]" in each
    ]
    assert "by auto" in found and "loss of epoch 1" in found


def test_what_rounding_alone_makes_different_is_none_and_a_fault_is_one():
    def wild(scale=1.0):
        model = dense("logits", loss="binary_focal_crossentropy", metrics=())
        model.set_weights([each * scale for each in model.get_weights()])
        return model

    def tame(scale=1.0):
        return dense("linear", loss="mse", metrics=(), optimizer=keras.optimizers.SGD(0.1 * scale))

    for make, target, scales in ((wild, "numbers", (1 + 1e-6, None)), (tame, "number", (1 + 1e-6, 1.1))):
        group = Group({"a": make}, *tabular(target))
        by_fit = outcomes(group, "fit")
        rounding = Rounding(group, by_fit)
        same, other = (
            scale
            and dataclasses.replace(
                outcomes(dataclasses.replace(group, builds={"a": functools.partial(make, scale)}), "fit")["a"], uses=()
            )
            for scale in scales
        )
        assert bool(list(differences(by_fit["a"], same, group))) is (make is wild)
        assert not list(rounding.differences("a", same))
        assert not other or list(rounding.differences("a", other))


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 2**-20), ("mixed_bfloat16", 2**-9)])
def test_weights_are_nudged_by_as_much_as_the_coarsest_layer_rounds(dtype, apart):
    def build():
        keras.utils.set_random_seed(1)
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, dtype=dtype), keras.layers.Dense(2)])

    for plain, other in zip(build().get_weights(), nudged(build, 0).get_weights(), strict=True):
        np.testing.assert_allclose(np.abs(other - plain), np.abs(plain) * apart, rtol=0.1)


def test_a_hook_that_is_left_out_is_found():
    notes, hooks = Notes(), iter((True, False))

    class Noting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            notes.append(epoch)

    def build():
        notes.append("built" if next(hooks) else "left out")
        return dense()

    args, kwargs = tabular()
    group = Group({"plain": build}, args, {**kwargs, "callbacks": [Noting()]}, notes=notes)
    [found] = compare(group, ["auto"])
    assert "note 1 is left out, by fit built" in found


@pytest.mark.parametrize(
    ("uses", "graph", "numpy"),
    [
        ([EngineUse("numpy", {})], True, False),
        ([EngineUse("graph", {"numpy": "a convolution"})], False, False),
        ([EngineUse("fit", {"numpy": "a convolution", "graph": "a custom layer"})], False, False),
        ([EngineUse("numpy", {}), EngineUse("graph", {"numpy": "other data"})], True, False),
    ],
)
def test_what_auto_has_shown_of_an_engine_is_not_trained_again(uses, graph, numpy):
    group = Group(dict.fromkeys("abc", dense))
    shown = Outcome(uses=(EngineUse("graph", {"numpy": "a convolution"}),))
    by_auto = {"a": shown, "b": dataclasses.replace(shown, uses=tuple(uses)), "c": shown}
    for engine, left in (("graph", graph), ("numpy", numpy)):
        trained = {"b": dense} if left else {}
        assert untried(group, engine, by_auto).builds == {**dict.fromkeys("abc", shown_by_auto), **trained}
    assert untried(group, "graph", {}) == group
    failed = {**by_auto, "c": Outcome(error="ValueError: odd")}
    assert untried(group, "numpy", failed).builds["c"] is dense


def test_trials_behind_what_auto_has_shown_begin_from_their_own_weights():
    def convolution():
        inputs = keras.Input((6,))
        hidden = keras.layers.Conv1D(2, 2)(keras.layers.Reshape((6, 1))(inputs))
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(hidden)))
        model.compile(loss="mse")
        return model

    args, kwargs = tabular("number")
    group = Group(
        {"shown": convolution, "left": functools.partial(dense, "linear", loss="mse", metrics=())}, args, kwargs
    )
    assert compare(group, ENGINES, unseen=()) == []


def normed(inputs):
    return keras.layers.BatchNormalization()(keras.layers.Dense(8, activation="relu")(inputs))


@pytest.mark.parametrize("name", FAULTS)
def test_without_the_trial_on_examples_the_sweep_finds_what_is_wrong_in_an_engine(name, monkeypatch):
    def unproved(call, trainer):
        trainer.prepare(None)
        return ""

    def build():
        return dense(loss="categorical_crossentropy", metrics=("mse",), optimizer="adam", body=normed)

    monkeypatch.setattr(proof, "difference", unproved)
    FAULTS[name](monkeypatch)
    [found] = compare(Group({"plain": build}, *tabular("one-hot")), ["numpy"])
    assert "by numpy (numpy)" in found


def test_without_a_fault_the_sweep_finds_none(monkeypatch):
    monkeypatch.setattr(proof, "difference", lambda call, trainer: trainer.prepare(None) or "")
    build = functools.partial(dense, loss="categorical_crossentropy", metrics=("mse",), optimizer="adam", body=normed)
    assert compare(Group({"plain": build}, *tabular("one-hot")), ["numpy"]) == []


def test_long_groups_are_searched_in_parts_that_begin_alike():
    group = Group({str(number): dense for number in range(20)})
    found = [list(few.builds) for few in searches(group, 1, 1)]
    assert {each for few in found for each in few} == set(group.builds)
    assert all(few[0] == "0" and len(few) <= MOST_TRIALS for few in found)


def test_parts_of_a_full_run_have_every_trial_once_and_the_first_one_always():
    group = Group({str(number): dense for number in range(50)})
    by_part = [[each for few in searches(group, part, 3) for each in few.builds] for part in (1, 2, 3)]
    others = [[each for each in part if each != "0"] for part in by_part]
    assert all("0" in part for part in by_part) and all(others)
    assert sorted(sum(others, [])) == sorted(set(group.builds) - {"0"})
    assert [list(few.builds) for few in searches(group.first(1), 2, 3)] == [["0"]]


def test_names_of_keras_are_found_once_and_changed_by_rule():
    assert "AveragePooling2D" in public("layers") and "AvgPool2D" not in public("layers")
    assert len({id(each) for each in public("layers").values()}) == len(public("layers"))
    changed = dict(others(keras.optimizers.SGD, {"clipnorm": 0.1}))
    assert changed == {"learning_rate": 0.005, "momentum": 0.25, "nesterov": True, "clipnorm": 0.1} | {
        name: value for name, value in changed.items() if name.startswith(("use_ema", "ema_"))
    }


def test_nearly_every_layer_of_keras_can_be_called():
    names = [name for name, each in classes("layers").items() if issubclass(each, keras.Layer)]
    without = [name for name in names if next(ways(name), None) is None]
    assert len(without) < len(names) / 15, without
    assert all(way.form in FORMS for way in ways("Dense")) and callable(maker("Dense"))


def test_the_cause_is_the_last_exception_of_a_traceback():
    text = 'Traceback:\n  File "x.py", line 3\nKeyError: 1\n\nDuring handling:\nValueError: no such loss\n'
    assert cause(text) == "ValueError: no such loss"


def test_every_form_has_its_turn_and_the_plainest_always():
    forms = {str(number): number for number in range(40)}
    turns = [in_turn("subject", forms, turn) for turn in range(TURNS)]
    assert all(each["0"] == 0 for each in turns)
    others = [form for each in turns for form in each if form != "0"]
    assert sorted(others) == sorted(forms.keys() - {"0"})
    assert turns[0] != in_turn("another", forms, 0)
