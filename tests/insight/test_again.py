import dataclasses

import numpy as np
import pytest
from surfaces import ordinary, searched, trained

from tuners.insight import conclude
from tuners.insight.again import again_of, same
from tuners.insight.path import configurations, runner_up, to_train_again
from tuners.insight.response import response_of
from tuners.study import Study, TrialRecord


@pytest.fixture(scope="module")
def gained():
    """A search that has gained, and its surface."""
    surface = ordinary(noise=0.01, optimum={"learning_rate": 0.75})
    return surface, searched(surface, 20, about={"validation_rows": 100_000})


def test_the_way_begins_at_the_default_and_ends_at_the_best(gained):
    _, study = gained
    found = configurations(study, response_of(study))
    cube = study.cube()
    assert found[0] == cube.to_values(cube.to_point({})) and found[-1] == study.best[0].values
    assert len(found) == len(conclude(study).path) + 1
    for before, after in zip(found, found[1:], strict=False):
        assert sum(before[name] != after[name] for name in after) == 1
    assert configurations(study) == [found[0], found[-1]]


def test_what_was_trained_again_decides_the_verdict(gained):
    surface, study = gained
    found = configurations(study, response_of(study))
    again = trained(surface, study, found, 5)
    verdict = conclude(study, again=[again]).verdict
    true = surface.gain(study.cube(), found[-1]) - surface.gain(study.cube(), found[0])
    assert verdict.kind == "better" and "trained again from other seeds, 5 times each" in verdict.words
    assert verdict.gain == pytest.approx(true, abs=2 * (verdict.interval[1] - verdict.gain))
    assert verdict.noise_source == "repeats"
    assert verdict.noise == pytest.approx(surface.noise, rel=0.4)
    flat = trained(dataclasses.replace(surface, weights=dict.fromkeys(surface.weights, 0.0)), study, found, 5)
    as_good = conclude(study, again=[flat]).verdict
    assert as_good.kind == "the default is as good" and as_good.action == {}
    assert conclude(study).verdict == conclude(study, again=[]).verdict


def test_the_runner_up_is_trained_again_and_may_be_the_better_one(gained):
    surface, study = gained
    found = to_train_again(study, response_of(study))
    second = runner_up(study)
    assert found[:-1] == configurations(study, response_of(study)) and found[-1] == second.values
    verdict = conclude(study, again=[trained(surface, study, found, 300)]).verdict
    ahead = surface.gain(study.cube(), study.best[0].values) - surface.gain(study.cube(), second.values)
    assert verdict.runner_up == second.number and (verdict.runner_up_chance > 0.5) == (ahead < 0)
    # Each has the gain of the other: the runner-up is the better one, or the best by far.
    swapped = dataclasses.replace(study, trials=tuple(_renamed(each, study, second) for each in study.trials))
    words = conclude(swapped, again=[trained(surface, study, found, 300)]).verdict.words
    said = f"Trial {swapped.best[1].number}, the runner-up, was better in the mean." in words
    assert said == (ahead > 0)
    assert "runner-up" not in conclude(study, again=[trained(surface, study, found[:-1], 5)]).verdict.words


def test_a_default_that_stands_by_luck_is_compared_with_what_leads_it(gained):
    surface, study = gained
    first = dataclasses.replace(study.trials[0], score=study.best[0].score - 0.001)
    few = dataclasses.replace(study, trials=(first, *study.trials[1:]), about={"validation_rows": 100})
    assert few.default_stands and not study.default_stands
    found = to_train_again(few, response_of(few))
    assert found == [few.best[0].values, study.best[0].values]
    words = conclude(few, again=[trained(surface, few, found, 300)]).verdict.words
    assert "use it" in words and f"Trial {study.best[0].number}, the runner-up, was better in the mean." in words


def _renamed(trial, study, second):
    """A trial with the values of the best where it is the second best, and the other way round."""
    exchanged = {study.best[0].number: second.values, second.number: study.best[0].values}
    return dataclasses.replace(trial, values=exchanged.get(trial.number, trial.values))


def test_each_step_has_what_it_brought(gained):
    surface, study = gained
    found = configurations(study, response_of(study))
    path = conclude(study, again=[trained(surface, study, found, 400)]).path
    for step, before, after in zip(path, found, found[1:], strict=False):
        true = surface.gain(study.cube(), after) - surface.gain(study.cube(), before)
        assert step.measured == pytest.approx(true, abs=5 * step.measured_deviation)
    assert sum(step.measured for step in path) == pytest.approx(conclude(study).verdict.observed, abs=0.05)
    assert all(step.measured is None for step in conclude(study).path)


def test_too_few_trials_for_a_model_are_decided_as_well():
    surface = ordinary(noise=0.001, optimum={"learning_rate": 0.75})
    few = searched(surface, 3, seed=2, about={"validation_rows": 100_000})
    assert conclude(few).verdict.kind == "not known"
    verdict = conclude(few, again=[trained(surface, few, configurations(few), 3)]).verdict
    assert verdict.kind != "not known" and "trained again" in verdict.words


def test_the_rows_of_validation_stay_a_doubt(gained):
    surface, study = gained
    small = dataclasses.replace(study, about={**study.about, "validation_rows": 50})
    again = trained(surface, study, configurations(study), 200)
    sure, unsure = (conclude(each, again=[again]).verdict for each in (study, small))
    assert unsure.interval[0] < sure.interval[0] < sure.interval[1] < unsure.interval[1]


def test_the_most_trained_of_equals_counts_and_others_are_left_out():
    def record(values, *executions):
        return TrialRecord("0", 1, "COMPLETED", values, executions[0], 1, executions=executions)

    one, other = {"a": 0.1}, {"a": 0.1 * (1 + 1e-12)}
    studies = [
        Study("loss", "min", 1, (record(one, 1.0, 2.0, 3.0),)),
        Study("loss", "min", 1, (record(other, 5.0, 6.0), record({"a": 0.2}, 1.0), record({"a": 0.3}, 1.0, np.inf))),
    ]
    again = again_of(studies)
    assert again.gains(other) == (-1.0, -2.0, -3.0) and len(again.configurations) == 1
    assert (again.deviation, again.freedom) == (1.0, 2)
    assert again.contrast(one, one) is None  # Two degrees of freedom tell too little.
    assert again_of(reversed(studies)) == again and again_of([]) is None
    assert same({"a": "x"}, {"a": "x"}) and not same({"a": 1.0}, {"a": 1.1}) and not same({"a": 1}, {})
