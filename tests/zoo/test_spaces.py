import keras_tuner
import pytest

from kzoo.zoo.hyperparameters import Boolean, Choice, Float, Int, When
from kzoo.zoo.spaces import Space, resolve_values, tunable_values


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
    with pytest.raises(ValueError, match="is not a range"):
        space.replace({"units": {"low": 99}})
