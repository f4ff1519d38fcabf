import math

import keras_tuner
import numpy as np
import pytest
from oracle_without_tuner import flat_space, oracle_in, told

import tuners
from tuners.private_apis import project_directory


def height(values):
    return math.nan if values["x"] > 0.9 else -((values["x"] - 0.6) ** 2) - 0.5 * (values["kind"] == "b")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    oracle = oracle_in(tmp_path_factory.mktemp("earlier"), seed=7, max_trials=25)
    for _ in range(25):
        told(oracle, height)
    return project_directory(oracle)


def xs(trials):
    return np.array([trial.hyperparameters.values["x"] for trial in trials])


def test_the_search_goes_on_as_the_earlier_one_would(asked, tell, earlier):
    whole = asked("whole", seed=7, max_trials=33)
    expected = xs([tell(whole, height) for _ in range(33)])[25:]
    warm = asked("warm", seed=7, earlier=earlier)
    np.testing.assert_allclose(xs([tell(warm, height) for _ in range(8)]), expected, atol=1e-6)


def test_earlier_trials_are_not_run_again_and_are_none_of_this_search(asked, tell, earlier):
    study = tuners.Study.load(earlier)
    oracle = asked("warm", earlier=study, max_trials=4)
    made = [tell(oracle, height) for _ in range(4)]
    assert oracle.create_trial("a").status == "STOPPED"
    before = {trial.values["x"] for trial in study.trials}
    assert not before & set(xs(made))
    assert {trial.trial_id for trial in oracle.get_best_trials(10)} == {trial.trial_id for trial in made}


def test_the_infeasible_are_known_and_the_failed_are_not(asked, tell, earlier):
    study = tuners.Study.load(earlier)
    assert {"INVALID", "COMPLETED"} == {trial.status for trial in study.trials}
    known = tuners.strategy.warm_start.known_trials(study, "score", "max")
    assert len(known) == 25
    assert [each.score is None for each in known] == [trial.status == "INVALID" for trial in study.trials]


def test_a_resumed_search_needs_the_earlier_one_no_more(asked, tell, earlier):
    unbroken = asked("unbroken", earlier=earlier)
    expected = [tell(unbroken, height).hyperparameters.values for _ in range(8)]
    begun = asked("broken", earlier=earlier)
    for _ in range(4):
        tell(begun, height)
    again = asked("broken")
    found = [*(trial.hyperparameters.values for trial in begun.trials.values())]
    found += [tell(again, height).hyperparameters.values for _ in range(4)]
    assert found == expected


def test_lower_is_better_where_it_is(asked, tell, earlier):
    objective = keras_tuner.Objective("loss", "min")
    first = asked("first", objective=objective, seed=7, max_trials=25)
    for _ in range(25):
        tell(first, lambda values: -height(values))
    warm = asked("warm", objective=objective, earlier=project_directory(first))
    other = asked("other", earlier=earlier)
    found = xs([tell(warm, lambda values: -height(values)) for _ in range(3)])
    assert list(found) == list(xs([tell(other, height) for _ in range(3)]))


def test_a_narrower_space_takes_what_lies_in_it(asked, earlier):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.4, 0.8)
    hp.Fixed("kind", "a")
    with pytest.warns(UserWarning, match=r"earlier: \d+ of 25 trials lie outside"):
        asked("warm", hp, earlier=earlier).create_trial("a")


@pytest.mark.parametrize(
    ("low", "high", "more", "message"),
    [
        (0.0, 1.0, "other", "its trials set 'kind', which this search space does not have; there are x, other"),
        (2.0, 3.0, "kind", "none of its 25 trials lies in the ranges"),
    ],
)
def test_a_space_that_does_not_fit_is_refused(asked, earlier, low, high, more, message):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", low, high)
    hp.Choice(more, ["a", "b"])
    oracle = asked("warm", hp, earlier=earlier)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            oracle.create_trial("a")


def test_another_objective_is_refused(asked, earlier):
    with pytest.raises(ValueError, match="earlier: that search was for the max of score, this one is for the min of l"):
        asked("warm", objective=keras_tuner.Objective("loss", "min"), earlier=earlier)
    with pytest.raises(FileNotFoundError):
        asked("warm", earlier=earlier / "nowhere")


def test_a_small_space_is_exhausted_with_the_earlier_trials_counted(asked, tell):
    hp = keras_tuner.HyperParameters()
    hp.Int("layers", 1, 6)
    first = asked("first", hp, max_trials=4)
    before = [tell(first, 1.0).hyperparameters.values["layers"] for _ in range(4)]
    warm = asked("warm", hp, earlier=project_directory(first))
    after = [tell(warm, 1.0).hyperparameters.values["layers"] for _ in range(2)]
    assert sorted(before + after) == [1, 2, 3, 4, 5, 6]
    assert warm.create_trial("a").status == "STOPPED"


def test_what_the_earlier_trials_lack_is_at_its_default(asked, earlier):
    hp = flat_space()
    hp.Float("more", 0.0, 1.0, default=0.25)
    oracle = asked("warm", hp, earlier=earlier)
    assert "more" in oracle.create_trial("a").hyperparameters.values


@pytest.mark.parametrize("options", [{}, {"priorities": {"x": 1}}, {"ranking": False}])
def test_the_defaults_are_tried_first(asked, tell, options):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0, default=0.7)
    hp.Choice("kind", ["a", "b"], default="b")
    assert tell(asked(space=hp, **options), height).hyperparameters.values == {"x": pytest.approx(0.7), "kind": "b"}


def test_the_defaults_are_tried_where_the_earlier_search_has_not(asked, tell):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0, default=0.7)
    hp.Fixed("kind", "a")
    first = asked("first", hp, initial=[{"x": 0.1}, {"x": 0.2}], max_trials=2)
    for _ in range(2):
        tell(first, height)
    warm = asked("warm", hp, earlier=project_directory(first))
    assert tell(warm, height).hyperparameters.values["x"] == pytest.approx(0.7)
