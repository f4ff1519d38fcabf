import keras_tuner
import pytest

from kzoo.zoo.hyperparameters import Boolean, Choice, Float, Int, When
from kzoo.zoo.spaces import Space, asked_space, resolve_values, tunable_values


@pytest.fixture
def space():
    return Space(
        [
            Choice(name="optimizer", values=("sgd", "momentum"), default="sgd", priority=2),
            Float(
                name="sgd/learning_rate",
                low=1e-3,
                high=1.0,
                scale="log",
                default=0.1,
                priority=1,
                when=When("optimizer", ("sgd",)),
            ),
            Float(
                name="momentum/learning_rate",
                low=1e-4,
                high=0.1,
                scale="log",
                default=0.01,
                priority=1,
                when=When("optimizer", ("momentum",)),
            ),
            Float(
                name="momentum/one_minus_momentum",
                low=1e-3,
                high=0.5,
                scale="log",
                default=0.1,
                priority=2,
                when=When("optimizer", ("momentum",)),
            ),
            Boolean(
                name="momentum/nesterov",
                default=False,
                priority=4,
                when=When("optimizer", ("momentum",)),
            ),
            Int(name="units", low=4, high=64, scale="log", default=16, priority=2),
        ]
    )


def test_defaults_hold_only_what_applies(space):
    assert resolve_values(space, {}) == {"optimizer": "sgd", "sgd/learning_rate": 0.1, "units": 16}


def test_short_names_reach_the_chosen_optimizer(space):
    values = resolve_values(space, {"optimizer": "momentum", "learning_rate": 0.02, "momentum": 0.95})
    assert values["momentum/learning_rate"] == 0.02
    assert values["momentum/one_minus_momentum"] == 0.05
    assert "sgd/learning_rate" not in values


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unit": 8}, "did you mean units"),
        ({"optimizer": "adan"}, "optimizer is 'adan'; expected one of sgd, momentum"),
        ({"units": 8.5}, "units is 8.5; expected a whole number"),
        ({"momentum": 0.9}, "momentum has no effect: it applies where optimizer is momentum"),
        ({"optimizer": "momentum", "momentum": 1.5}, r"momentum is 1.5; expected a number in \[0, 1\)"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; expected a number"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0; expected a positive number"),
    ],
)
def test_a_wrong_value_is_refused_by_name(space, given, message):
    with pytest.raises(ValueError, match=message):
        resolve_values(space, given)


def test_tuning_registers_the_whole_space_and_returns_what_applies(space):
    hp = keras_tuner.HyperParameters()
    values = tunable_values(hp, space)
    assert [declared.name for declared in hp.space] == [
        "optimizer",
        "sgd/learning_rate",
        "momentum/learning_rate",
        "momentum/one_minus_momentum",
        "units",
    ]
    assert values == {"optimizer": "sgd", "sgd/learning_rate": 0.1, "units": 16}
    assert set(hp.values) == set(values)


def test_a_fixed_parent_leaves_no_condition_and_no_phantoms(space):
    hp = keras_tuner.HyperParameters()
    values = tunable_values(hp, space, fixed={"optimizer": "momentum"})
    assert [declared.name for declared in hp.space] == [
        "momentum/learning_rate",
        "momentum/one_minus_momentum",
        "units",
    ]
    assert values["momentum/nesterov"] is False


def test_priority_limits_what_is_tuned(space):
    hp = keras_tuner.HyperParameters()
    values = tunable_values(hp, space, priority=1)
    assert [declared.name for declared in hp.space] == ["sgd/learning_rate"]
    assert values["units"] == 16


def test_a_changed_range_moves_its_default_inside(space):
    changed = space.replace({"units": {"low": 32, "high": 48}})
    assert changed["units"].default == 32
    with pytest.raises(ValueError, match="no field 'lo' to change"):
        space.replace({"units": {"lo": 3}})
    with pytest.raises(ValueError, match="units needs a low end below the high one, not 99 to 64"):
        space.replace({"units": {"low": 99}})


def test_ranges_take_the_names_and_values_that_are_shown(space):
    changed = space.replace({"momentum": {"low": 0.8, "high": 0.99}, "learning_rate": {"low": 0.01, "high": 0.05}})
    momentum = changed["momentum/one_minus_momentum"]
    assert (momentum.low, momentum.high, momentum.default) == (0.01, 0.2, 0.1)
    assert [changed[f"{name}/learning_rate"].high for name in ("sgd", "momentum")] == [0.05, 0.05]
    assert changed["sgd/learning_rate"].default == 0.05
    listed = space.replace({"units": {"values": [48, 12]}, "momentum/momentum": {"values": [0.9, 0.99]}})
    assert (listed["units"].values, listed["units"].default) == ((12, 48), 12)
    assert listed["momentum/one_minus_momentum"].values == (0.01, 0.1)


def test_a_range_that_leaves_no_choice_leaves_what_belongs_to_it_out(space):
    hp = keras_tuner.HyperParameters()
    tunable_values(hp, space.replace({"optimizer": {"values": ["sgd"]}}))
    assert [declared.name for declared in hp.space] == ["optimizer", "sgd/learning_rate", "units"]


def test_what_is_given_a_range_is_tuned(space):
    changed, _ = asked_space(space, priority=1, fixed={}, ranges={"units": {"low": 8, "high": 16}})
    hp = keras_tuner.HyperParameters()
    tunable_values(hp, changed, priority=1)
    assert [declared.name for declared in hp.space] == ["sgd/learning_rate", "units"]


@pytest.mark.parametrize(
    ("fixed", "ranges", "message"),
    [
        ({}, {"units": {"low": 0.5, "high": 3}}, "units needs whole numbers, not 0.5"),
        ({}, {"units": {"low": 0, "high": 3}}, "units is drawn on a log scale"),
        ({}, {"learning_rate": {"low": "a", "high": 3}}, "learning_rate needs numbers, not a"),
        ({}, {"optimizer": {"values": ["sgd", "adan"]}}, "optimizer has no 'adan'; there are sgd, momentum"),
        ({}, {"optimizer": {"low": 1, "high": 3}}, "optimizer is one of sgd, momentum, which has no range"),
        ({}, {"units": {"values": [8, 8]}}, "each once"),
        ({}, {"momentum": {"low": 0.5, "high": 1}}, r"momentum needs bounds in \[0, 1\)"),
        ({}, {"momentun": {"low": 0.5, "high": 0.9}}, "did you mean momentum"),
        ({}, {"learning_rate": {"high": 0.1}, "sgd/learning_rate": {"high": 0.2}}, "given a range twice"),
        ({"units": 8}, {"units": {"low": 4}}, "a value that is fixed and a range"),
        ({"optimizer": "sgd"}, {"momentum": {"low": 0.8}}, "momentum has no effect"),
        ({}, {"optimizer": {"values": ["sgd"]}, "momentum": {"low": 0.8}}, "optimizer is sgd"),
    ],
)
def test_a_wrong_range_is_refused_in_words(space, fixed, ranges, message):
    with pytest.raises(ValueError, match=message):
        asked_space(space, priority=3, fixed=fixed, ranges=ranges)


def test_a_default_stays_among_what_is_drawn():
    space = Space([Int(name="batch_size", low=16, high=256, scale="log", factor=2, default=32, priority=2)])
    for low, high, default in ((10, 100, 40), (64, 256, 64), (4, 24, 16)):
        assert space.replace({"batch_size": {"low": low, "high": high}})["batch_size"].default == default
