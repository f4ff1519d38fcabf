import dataclasses

import numpy as np
import pytest
from surfaces import Surface, ordinary, real, searched

from tuners.insight import conclude
from tuners.insight.budget import budget_of
from tuners.insight.conclusions import _what_mattered
from tuners.insight.importance import Importance, importances
from tuners.insight.noise import noise_of
from tuners.insight.path import path_of
from tuners.insight.response import groups_of, one_thread, response_of
from tuners.insight.verdict import verdict_of
from tuners.space.dimensions import cube_from_space
from tuners.strategy.luck import SHARED
from tuners.study import Study, TrialRecord


def test_a_large_gain_is_better_and_says_by_how_much(clean):
    study, response = clean
    verdict = verdict_of(study, response)
    default, best = study.trials[0], study.best[0]
    assert (verdict.kind, verdict.best, verdict.default) == ("better", best.number, 1)
    assert verdict.observed == pytest.approx(best.score - default.score)
    assert 0 < verdict.gain < 1.1 * verdict.observed and verdict.interval[0] < verdict.gain < verdict.interval[1]
    assert verdict.chance < 0.01 and verdict.runner_up == study.best[1].number


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ({"rate": (0.7, 0.5, 0.8), "units": (0.2, 0.03, 0.4)}, "What mattered most: rate (70 %), units (20 %)."),
        ({"rate": (0.7, 0.5, 0.8), "units": (0.2, 0.01, 0.4)}, "What mattered most: rate (70 %)."),
        ({"rate": (0.3, 0.01, 0.3), "units": (0.04, 0.03, 0.1)}, "No hyperparameter stood out."),
    ],
)
def test_what_mattered_is_what_surely_did(intervals, said):
    ranked = tuple(Importance(name, *shares) for name, shares in intervals.items())
    assert _what_mattered(ranked) == said


def test_luck_is_seldom_called_better():
    flat = dict.fromkeys(("learning_rate", "units", "dropout", "norm", "weight_decay"), 0.0)
    # So few rows of validation alone make scores differ by 0.02.
    about = {"validation_rows": 47}
    studies = [searched(Surface({}, flat, noise=0.02), 15, seed, about=about) for seed in range(1, 9)]
    verdicts = [verdict_of(study, response_of(study)) for study in studies]
    assert [verdict.kind for verdict in verdicts].count("better") <= 4
    assert np.mean([verdict.chance for verdict in verdicts]) > 0.2
    assert np.mean([verdict.gain for verdict in verdicts]) < 0.3 * np.mean([verdict.observed for verdict in verdicts])


def test_a_gain_that_is_expected_is_no_part_of_a_smaller_lead(clean):
    study, response = clean
    # So many rows that a lead of any size is no luck of theirs.
    study = dataclasses.replace(study, about={"validation_rows": 10**12})
    assert "between them about" in verdict_of(study, response).words
    close = dataclasses.replace(study.trials[0], score=study.best[0].score - 1e-5)
    verdict = verdict_of(dataclasses.replace(study, trials=(close, *study.trials[1:])), response)
    assert verdict.gain > verdict.observed == pytest.approx(1e-5)
    assert "between them" not in verdict.words and "all trials together promise about" in verdict.words


def test_the_default_that_nothing_beats_is_kept():
    study = searched(ordinary(), 12)
    first = dataclasses.replace(study.trials[0], score=0.999)
    verdict = conclude(dataclasses.replace(study, trials=(first, *study.trials[1:]))).verdict
    assert (
        verdict.kind == "the default is as good"
        and "No trial was better than the default (trial 1): use it." in verdict.words
    )


def test_a_lead_over_the_default_that_luck_explains_is_said_to_be_one(clean):
    study, _ = clean
    score = study.best[0].score - 0.002
    first = dataclasses.replace(study.trials[0], score=score)
    again = dataclasses.replace(first, trial_id="24", number=25)
    few = dataclasses.replace(study, trials=(first, *study.trials[1:], again), about={"validation_rows": 100})
    verdict = conclude(few).verdict
    assert (verdict.best, verdict.default, verdict.kind) == (25, 1, "the default is as good")
    assert "better than the default (trial 25) by more than luck explains: use it." in verdict.words


def test_a_default_that_was_not_tried_and_too_few_trials():
    study = searched(ordinary(), 12, default_first=False, learner=False)
    assert conclude(study).verdict.kind == "not known" and "was not tried" in conclude(study).verdict.words
    few = dataclasses.replace(study, trials=study.trials[:3])
    assert "Too few trials" in conclude(few).verdict.words
    none = conclude(Study("val_loss", "min", 1, (TrialRecord("0", 1, "RUNNING", {}),)))
    assert none.verdict is None and none.main == ()


def test_scores_that_are_all_the_same():
    study = searched(ordinary(), 8)
    same = tuple(dataclasses.replace(trial, score=1.0) for trial in study.trials)
    verdict = conclude(dataclasses.replace(study, trials=same)).verdict
    words = "all 8 trials have the same val_accuracy (1)."
    assert (verdict.kind, verdict.words) == ("the default is as good", f"The default is as good, use it: {words}")
    verdict = conclude(dataclasses.replace(study, trials=same[1:])).verdict
    assert (verdict.kind, verdict.words) == ("not known", "All 7 trials have the same val_accuracy (1).")
    assert "Too few trials (3)" in conclude(dataclasses.replace(study, trials=same[:3])).verdict.words
    most = (*same[:6], *study.trials[6:])
    assert conclude(dataclasses.replace(study, trials=most)).verdict.kind == "the default is as good"


def test_less_is_better_gives_the_same_verdict(clean):
    study, _ = clean
    turned = tuple(
        dataclasses.replace(
            trial, score=1 - trial.score, history={"val_loss": tuple(1 - np.array(trial.history["val_accuracy"]))}
        )
        for trial in study.trials
    )
    verdict = conclude(
        dataclasses.replace(study, objective="val_loss", direction="min", trials=turned, about={})
    ).verdict
    assert verdict.kind == "better" and verdict.observed > 0


def test_importances_of_an_additive_function():
    """The total indices of a sum of squares are known: the variance of each term over the variance of all."""
    space = tuple(real(name, 1e-3, 1.0, 0.03) for name in "abcd")
    weights = {"a": 0.4, "b": 0.2, "c": 0.1, "d": 0.0}
    surface = Surface(dict.fromkeys("abcd", 0.5), weights, noise=1e-4, space=space)
    study = searched(surface, 60, learner=False)
    with one_thread():
        found = {each.name: each for each in importances(response_of(study))}
    total = sum(weight**2 for weight in weights.values())
    for name, weight in weights.items():
        assert found[name].share == pytest.approx(weight**2 / total, abs=0.1)
        assert found[name].low <= found[name].share <= found[name].high
    assert list(found) == ["a", "b", "c", "d"]


def test_learning_rates_of_all_optimizers_are_one_hyperparameter():
    optimizer = {"class_name": "Choice", "config": {"name": "optimizer", "values": ["adam", "sgd"], "conditions": []}}
    rates = [real(f"{name}/learning_rate", 1e-5, 1e-1, 1e-3, parent=("optimizer", name)) for name in ("adam", "sgd")]
    cube = cube_from_space([optimizer, *rates])
    assert [group.name for group in groups_of(cube)] == ["optimizer", "learning_rate"]
    points = np.array([[0.2, 0.5, 0.5], [0.8, 0.5, 0.5]])
    assert cube.active_at(points).tolist() == [list(cube.active(cube.to_values(point))) for point in points]


def test_the_path_leads_from_the_default_to_the_best(clean):
    study, response = clean
    steps = path_of(response)
    best = study.best[0].values
    default = response.cube.to_values(response.cube.to_point({}))
    assert {step.name: step.after for step in steps} == {k: v for k, v in best.items() if v != default[k]}
    assert steps[0].name == "dropout" and steps[0].gain == max(step.gain for step in steps)
    total = response.contrast(response.point(best), response.point({}))
    assert sum(step.gain for step in steps) == pytest.approx(total.mean, abs=0.01)


def test_more_trials_never_bring_less(clean):
    _, response = clean
    budget = budget_of(response)
    gains = [each.gain for each in budget.outlooks]
    assert gains == sorted(gains) and all(each.low <= each.gain <= each.high + 1e-9 for each in budget.outlooks)
    assert 1 <= budget.enough <= 40


def test_an_accuracy_has_no_more_to_gain_than_to_1():
    study = searched(ordinary(top=0.999), 20)
    budget = budget_of(response_of(study))
    assert all(each.high <= 1 - study.best[0].score + 1e-9 for each in budget.outlooks)


def test_noise_by_repeats_rows_and_curves():
    study = searched(ordinary(noise=0.01), 20)
    assert noise_of(study).source == "curves"
    rows = dataclasses.replace(study, about={"validation_rows": 100})
    share = rows.best[0].score
    assert noise_of(rows).rows == pytest.approx(np.sqrt((1 - SHARED) * share * (1 - share) / 100))
    scores = (0.90, 0.92, 0.91, 0.93, 0.90)
    same = [TrialRecord(str(n), n, "COMPLETED", {"a": 1}, score, 1) for n, score in enumerate(scores, start=1)]
    noise = noise_of(Study("val_accuracy", "max", 1, tuple(same)))
    assert (noise.source, noise.repeats) == ("repeats", 4) and noise.seeds == pytest.approx(np.std(scores, ddof=1))
    several = TrialRecord("0", 1, "COMPLETED", {"a": 1}, 0.91, 1, executions=(0.90, 0.92, 0.91, 0.92, 0.90))
    noise = noise_of(Study("val_accuracy", "max", 1, (several,)))
    assert noise.seeds == pytest.approx(np.std(several.executions, ddof=1) / np.sqrt(5))


def test_trials_that_were_ended_early_tell_nothing_of_the_noise():
    still, moving = [0.9] * 20, [0.5, 0.6, 0.85, 0.8, 0.9, 0.7, 0.9]
    trials = [
        TrialRecord(str(n), n, "COMPLETED", {"a": n}, max(curve) - n / 1000, 1, history={"val_accuracy": curve})
        for n, curve in enumerate([still, moving, moving, moving], start=1)
    ]
    assert noise_of(Study("val_accuracy", "max", 1, tuple(trials))).seeds == 0.0
    assert noise_of(Study("val_accuracy", "max", 1, tuple(trials[1:]))).source == "curves"


def test_trials_that_diverged_do_not_stretch_the_scale_of_the_others():
    study = searched(ordinary(), 30)
    tail = {trial.number for trial in study.best[-8:]}
    scores = [-5000.0 * trial.number if trial.number in tail else trial.score for trial in study.trials]
    far = tuple(dataclasses.replace(trial, score=score) for trial, score in zip(study.trials, scores, strict=True))
    known = dataclasses.replace(study, trials=far)
    assert response_of(known).scale < 0.1
    assert 0 <= budget_of(response_of(known)).outlooks[0].gain < 0.02
