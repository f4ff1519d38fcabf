"""A search that goes on with another space: what is declared now holds for the trials that come."""

import keras_tuner
import pytest
from oracle_without_tuner import oracle_in, told

import tuners
from tuners.private_apis import RecalledSpace, identity


class Declares(tuners.FastTuner):
    """Trials without training, whose space is what `declare` says, in `build` or in `run_trial`."""

    def __init__(self, declare, where, directory, **options):
        self.declare = declare
        self.kill = options.pop("kill", ())
        oracle = tuners.CoarseToFineOracle(**{"max_trials": 6, "seed": 1, "ranking": False, **options})
        super().__init__(oracle, declare if where == "build" else None, directory=directory, project_name="run")

    def run_trial(self, trial, verbose=0):
        if int(trial.trial_id) in self.kill:
            raise KeyboardInterrupt
        value = self.declare(trial.hyperparameters)
        return float(value) if isinstance(value, int | float) else float(len(value))


def searched(declare, where, directory, **options):
    made = Declares(declare, where, directory, **options)
    made.search(verbose=0)
    return [trial.hyperparameters.values["a"] for trial in made.oracle.trials.values()]


WHERE = pytest.mark.parametrize("where", ["build", "run_trial"])


@WHERE
@pytest.mark.parametrize(
    ("before", "after", "inside"),
    [
        (lambda hp: hp.Float("a", 0.0, 1.0), lambda hp: hp.Float("a", 0.4, 0.5), lambda a: 0.4 <= a <= 0.5),
        (lambda hp: hp.Float("a", 0.0, 1.0), lambda hp: hp.Float("a", 2.0, 3.0), lambda a: 2 <= a <= 3),
        (lambda hp: hp.Int("a", 1, 200), lambda hp: hp.Int("a", 8, 32, step=8), lambda a: a in (8, 16, 24, 32)),
        (lambda hp: hp.Choice("a", ["x", "yy", "zzz"]), lambda hp: hp.Choice("a", ["x", "w"]), lambda a: a in "xw"),
        (lambda hp: hp.Float("a", 1e-4, 1.0, sampling="log"), lambda hp: hp.Fixed("a", 0.25), lambda a: a == 0.25),
    ],
)
def test_trials_to_come_stay_in_the_new_range(tmp_path, where, before, after, inside):
    first = searched(before, where, tmp_path, max_trials=3)
    values = searched(after, where, tmp_path, max_trials=7)
    assert values[:3] == first
    assert all(map(inside, values[3:])), values
    # Once more, from a journal with both spaces.
    again = searched(after, where, tmp_path, max_trials=9)
    assert again[:7] == values[:7]
    assert all(map(inside, again[7:])), again


@WHERE
def test_an_unchanged_space_goes_on_as_if_unbroken(tmp_path, where):
    def declare(hp):
        kind = hp.Choice("kind", ["p", "q"])
        with hp.conditional_scope("kind", ["p"]):
            if kind == "p":
                hp.Int("p/units", 1, 64)
        return hp.Float("a", 1e-3, 1.0, sampling="log")

    unbroken = searched(declare, where, tmp_path / "unbroken", max_trials=16)
    searched(declare, where, tmp_path / "broken", max_trials=7)
    assert searched(declare, where, tmp_path / "broken", max_trials=16) == unbroken


def test_the_zoom_does_not_go_to_what_lies_outside(tmp_path):
    """The best of the wide range is at its low end; the new range begins above it."""
    wide = searched(lambda hp: hp.Float("a", 0.0, 1.0), "build", tmp_path, max_trials=12)
    assert min(wide) < 0.1
    values = searched(lambda hp: hp.Float("a", 0.5, 1.0), "build", tmp_path, max_trials=40)[12:]
    assert min(values) >= 0.5
    assert sum(each < 0.6 for each in values) > 10


def test_a_wider_range_is_followed(tmp_path):
    searched(lambda hp: hp.Float("a", 0.4, 0.5), "build", tmp_path, max_trials=3)
    values = searched(lambda hp: hp.Float("a", 0.0, 1.0), "build", tmp_path, max_trials=14)[3:]
    assert min(values) < 0.4 and max(values) > 0.5


def test_what_was_begun_in_the_old_range_is_run_in_the_new_one(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        searched(lambda hp: hp.Float("a", 0.5, 1.0), "build", tmp_path, kill=[2])
    values = searched(lambda hp: hp.Float("a", 0.0, 0.1), "build", tmp_path, max_trials=4)
    assert all(each <= 0.1 for each in values[2:])
    assert len(set(values)) == 4


@WHERE
@pytest.mark.parametrize(
    "then", [lambda hp: hp.Choice("a", ["x", "y"]), lambda hp: hp.Boolean("a"), lambda hp: hp.Fixed("a", "word")]
)
def test_what_cannot_be_followed_is_said(tmp_path, where, then):
    searched(lambda hp: hp.Float("a", 0.0, 1.0), where, tmp_path, max_trials=2)
    with pytest.raises(RuntimeError, match="'a' is .* now, and was between 0 and 1.*`overwrite=True`") as raised:
        searched(then, where, tmp_path)
    assert isinstance(raised.value, tuners.JournalError | keras_tuner.errors.FatalError)


def test_the_new_space_is_known_before_the_first_trial(tmp_path):
    searched(lambda hp: hp.Float("a", 0.0, 1.0), "build", tmp_path, max_trials=2)

    def declare(hp):
        hp.Int("b", 1, 9)
        return hp.Float("a", 0.25, 0.5)

    space = Declares(declare, "build", tmp_path).oracle.get_space()
    assert [each.name for each in space.space] == ["a", "b"]
    assert (space.space[0].min_value, space.space[0].max_value, space.get("a")) == (0.25, 0.5, 0.25)


def test_given_hyperparameters_are_followed_too(tmp_path):
    def space(low, high):
        hp = keras_tuner.HyperParameters()
        hp.Float("x", low, high)
        return hp

    first = oracle_in(tmp_path, space(0.0, 1.0))
    for _ in range(3):
        told(first, lambda values: values["x"])
    again = oracle_in(tmp_path, space(0.2, 0.3))
    assert all(0.2 <= told(again, 1.0).hyperparameters.get("x") <= 0.3 for _ in range(4))
    words = keras_tuner.HyperParameters()
    words.Choice("x", ["a", "b"])
    with pytest.raises(RuntimeError, match="`overwrite=True`"):
        oracle_in(tmp_path, words).create_trial("a")


def test_a_range_that_is_changed_meanwhile_is_seen(asked, tell):
    """The number of hyperparameters stays what it was."""
    oracle = asked()
    for _ in range(3):
        tell(oracle, 1.0)
    oracle.hyperparameters.space[0].max_value = 0.125
    assert all(tell(oracle, 1.0).hyperparameters.get("x") <= 0.125 for _ in range(6))
    space = keras_tuner.HyperParameters()
    space.Float("x", 0.75, 1.0)
    space.Choice("kind", ["a", "b"])
    oracle.hyperparameters = space
    assert all(tell(oracle, 1.0).hyperparameters.get("x") >= 0.75 for _ in range(6))


def test_the_first_declaration_of_a_name_stands_in_a_search_that_goes_on_too(tmp_path):
    def declare(hp):
        first = hp.Float("a", 0.0, 0.5)
        assert hp.Float("a", 0.9, 1.0) == first
        return first

    searched(declare, "run_trial", tmp_path, max_trials=2)
    assert all(value <= 0.5 for value in searched(declare, "run_trial", tmp_path))


def test_the_best_trial_of_an_older_range_keeps_its_values(tmp_path):
    made = Declares(lambda hp: hp.Float("a", 0.0, 1.0), "build", tmp_path)
    made.search(verbose=0)
    best = made.get_best_hyperparameters()[0].values
    again = Declares(lambda hp: hp.Float("a", 0.9, 1.0), "build", tmp_path)
    found = again.get_best_hyperparameters()[0]
    assert found.values == best
    assert again.declare(found) == best["a"] < 0.9


def test_keras_tuner_asks_for_every_declaration_where_we_stand():
    """Fails when `HyperParameters` no longer goes through `_retrieve`."""
    hp = keras_tuner.HyperParameters()
    hp.Float("a", 0.0, 1.0)
    hp.Int("b", 0, 9, default=9)
    recalled = RecalledSpace.from_config(hp.get_config())
    recalled.awaited = {identity(each) for each in hp.space}
    seen = []
    recalled.follow = lambda old, new, value: seen.append((old.max_value, new.max_value, value)) or 2
    assert recalled.Int("b", 0, 3) == 2
    assert seen == [(9, 3, 9)]
    assert [type(each).__name__ for each in recalled.space] == ["Float", "Int"]
    assert recalled.space[1].max_value == 3
    assert recalled.awaited == {("a", "[]")}


def test_a_search_of_another_oracle_is_not_mixed_with(tmp_path):
    class Other(keras_tuner.RandomSearch):
        def run_trial(self, trial, **_):
            return trial.hyperparameters.Float("a", 0.0, 1.0)

    Other(max_trials=2, directory=tmp_path, project_name="run").search(verbose=0)
    with pytest.raises(RuntimeError, match="another oracle of keras-tuner.*`overwrite=True`"):
        searched(lambda hp: hp.Float("a", 0.0, 1.0), "build", tmp_path)
