"""Runs of the same values count once, and the best are not merely those that were lucky."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuners.strategy.configurations import Configurations, alike, key_of
from tuners.strategy.luck import SHARED, is_rate, luck_of_rows

SCORES = st.floats(0.0, 1.0).map(lambda score: round(score, 2))


def run(*trials):
    """Trials that were run one after the other: names, scores and losses."""
    configurations = Configurations()
    for number, (name, *reached) in enumerate(trials):
        configurations.start(number, {"name": name})
        configurations.finish(number, *reached)
    return configurations


def firsts(found):
    return [each.first for each in found]


@pytest.mark.parametrize(("luck", "first"), [(0.001, 1), (0.1, 0)])
def test_where_scores_owe_much_to_luck_one_run_counts_less_than_several(luck, first):
    scores = [("a", 0.79 + luck), ("b", 0.8), ("c", 0.7), ("d", 0.65), ("e", 0.6), ("f", 0.5), ("a", 0.79 - luck)]
    configurations = run(*scores)
    assert configurations.noise == (pytest.approx(luck * np.sqrt(2)), 1)
    assert next(configurations.best()).first == first


def test_best_come_in_order_of_their_means():
    configurations = run(("a", 1.0), ("b", 0.7), ("a", 0.2), ("c", 0.65), ("d", -np.inf))
    assert [each.first for each in configurations.best()] == [1, 3, 0]
    assert [each.mean for each in configurations.best()] == pytest.approx([0.7, 0.65, 0.6])


@pytest.mark.parametrize(("rows", "ahead"), [(60, 0), (200, 1), (600, 2), (1200, 3)])
def test_how_far_a_lead_has_to_be_depends_on_the_loss(rows, ahead):
    # Of a share of 0.8 the luck of two is 0.046, 0.025, 0.015, and 0.010.
    found = []
    for loss in (0.4, 0.5, 0.7):
        configurations = run(("default", 0.8, 0.5), ("leader", 0.821, loss))
        found.append(next(configurations.best(configurations.of(0), rows)).first)
    assert found == [1] * ahead + [0] * (3 - ahead)


@pytest.mark.parametrize("loss", [0.0, -1.0, math.nan])
def test_where_losses_cannot_be_compared_in_shares_the_lead_has_to_be_one_deviation(loss):
    for rows, first in ((200, 0), (600, 1)):
        configurations = run(("default", 0.8, loss), ("leader", 0.821, loss))
        assert next(configurations.best(configurations.of(0), rows)).first == first


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), SCORES), min_size=1, max_size=14), st.none() | st.integers(1, 10**6))
def test_what_comes_before_the_default_leads_it_clearly(trials, rows):
    configurations = run(*trials)
    plain, default = [*configurations.best()], configurations.of(0)
    found = [*configurations.best(default, rows)]
    assert {id(each) for each in found} == {id(each) for each in plain} and len(found) == len(plain)
    place, noise = found.index(default), configurations.noise[0]
    for each in found[:place]:
        assert each.mean - default.mean > noise / np.sqrt(len(each.scores))
        assert rows is None or each.mean - default.mean > luck_of_rows(default.mean, rows)
    for part in (found[:place], found[place + 1 :]):
        assert part == [each for each in plain if any(each is one for one in part)]
    if rows is None and not noise:
        assert found == plain


def test_trials_with_the_same_values_are_one_configuration():
    configurations = run(("a", 0.5), ("b", 0.6), ("a", 0.7))
    assert configurations.of(0) is configurations.of(2) is configurations.with_values({"name": "a"})
    assert configurations.with_values({"name": "c"}) is None
    assert {"name": "b"} in configurations and {"name": "c"} not in configurations
    assert configurations.of(2).numbers == [0, 2] and configurations.of(2).scores == {0: 0.5, 2: 0.7}
    assert configurations.reruns == 1
    # One that runs counts as a rerun as well, and changes no mean before it ends.
    assert configurations.start(3, {"name": "b"}).first == 1
    assert configurations.reruns == 2 and configurations.of(3).mean == 0.6
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


def test_values_that_a_trial_finds_while_it_is_built_are_its_own():
    configurations = Configurations()
    first = configurations.start(0, {"name": "a"})
    assert configurations.start(0, {"name": "a", "found": 1}) is first
    assert configurations.with_values({"name": "a", "found": 1}) is configurations.with_values({"name": "a"}) is first
    assert first.numbers == [0] and configurations.reruns == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), SCORES | st.just(-math.inf), SCORES), min_size=1, max_size=14))
def test_the_best_are_those_of_a_plain_sort_by_shrunken_means(trials):
    runs = {}
    for number, (name, score, loss) in enumerate(trials):
        runs.setdefault(name, []).append((score, loss, number))
    feasible = [each for each in runs.values() if all(math.isfinite(score) for score, _, _ in each)]
    groups = [[score for score, _, _ in each] for each in feasible]
    freedom = sum(len(scores) - 1 for scores in groups)
    variance = sum(np.var(scores) * len(scores) for scores in groups) / max(freedom, 1)
    means = sorted((statistics.fmean(scores) for scores in groups), reverse=True)
    middle, weight = 0.0, 0.0
    if freedom:
        # The quartile of a normal distribution lies 0.674 deviations from its middle.
        middle, quartile = means[len(means) // 2], means[len(means) // 4]
        between = ((quartile - middle) / 0.674) ** 2 - variance
        weight = min(variance / between, 2.0) if between > 0 else 2.0
        weight = weight if math.sqrt(variance) > 1e-9 * abs(middle) else 0.0

    def shrunken(each):
        scores, losses, numbers = zip(*each, strict=True)
        runs = len(scores)
        mean = (statistics.fmean(scores) * runs + middle * weight) / (runs + weight)
        return round(-mean, 9), round(statistics.fmean(losses), 9), numbers[0]

    configurations = run(*trials)
    assert configurations.noise == (pytest.approx(math.sqrt(variance)), freedom)
    expected = sorted(map(shrunken, feasible))
    by_first = {rank[2]: rank for rank in expected}
    ranks = [by_first[each.first] for each in configurations.best()]
    assert sorted(ranks) == expected
    # Where rounding decides, the order is free.
    assert [mean for mean, _, _ in ranks] == [mean for mean, _, _ in expected]
    if not freedom:
        assert ranks == expected


@pytest.mark.parametrize("runs", [2, 3, 7])
@pytest.mark.parametrize("score", [0.0, 0.1, 0.7])
def test_runs_that_show_no_luck_are_believed_as_they_are(score, runs):
    """Three tenths have a sum that is not three times as large: that is no luck either."""
    configurations = run(*[("a", score)] * runs, ("b", score - 0.01), *[(name, 1.0) for name in "cde"])
    assert firsts(configurations.best()) == [runs + 1, runs + 2, runs + 3, 0, runs]
    assert firsts(configurations.best(configurations.of(0))) == [runs + 1, runs + 2, runs + 3, 0, runs]


def test_losses_break_ties_and_then_the_earlier_one_comes_first():
    assert firsts(run(("a", 0.5, 2.0), ("b", 0.5, 1.0), ("c", 0.5, 1.0), ("d", 0.6, 9.0)).best()) == [3, 1, 2, 0]
    # Means of losses as well as of scores.
    again = run(("a", 0.5, 1.0), ("b", 0.5, 2.0), ("a", 0.5, 4.0))
    assert again.of(0).rank == (-0.5, 2.5, 0) and firsts(again.best()) == [1, 0]


def test_a_lead_that_seeds_explain_leaves_the_default_in_front():
    # Two runs of one configuration, 0.2 apart, so that a score has a deviation of 0.2 / sqrt(2) by luck.
    trials = [("default", 0.5), ("noisy", 0.3), ("noisy", 0.1)]
    noise = 0.2 / math.sqrt(2)
    # Between one run and one run lies luck of noise * sqrt(1 + 1).
    for lead, expected in ((0.9 * noise * math.sqrt(2), 0), (1.1 * noise * math.sqrt(2), 3)):
        configurations = run(*trials, ("leader", 0.5 + lead))
        assert firsts(configurations.best())[0] == 3
        assert firsts(configurations.best(configurations.of(0)))[0] == expected


@pytest.mark.parametrize("again", ["default", "leader"])
def test_the_mean_of_two_runs_is_known_better(again):
    # Two degrees of freedom, one of which shows no luck: a deviation of 0.1. Between one run and two: sqrt(1 + 1 / 2).
    for part, before in ((0.99, "default"), (1.01, "leader")):
        scores = {"default": 0.5, "leader": 0.5 + part * 0.1 * math.sqrt(1.5)}
        configurations = run(*scores.items(), ("noisy", 0.3), ("noisy", 0.1), (again, scores[again]))
        assert configurations.noise == (pytest.approx(0.1), 2)
        default = configurations.with_values({"name": "default"})
        assert next(configurations.best(default)) is configurations.with_values({"name": before})


@pytest.mark.parametrize("share", [0.5, 0.9, 0.02])
def test_a_lead_that_rows_explain_leaves_the_default_in_front(share):
    luck = math.sqrt(2) * luck_of_rows(share, 100)
    for lead, expected in ((0.99 * luck, [1, 0, 2]), (1.01 * luck, [0, 1, 2])):
        configurations = run(("leader", share + lead), ("default", share), ("worse", share - 0.01))
        assert firsts(configurations.best(configurations.of(1), 100)) == expected
        # Losses, and shares of rows of which the number is not known, have no such luck.
        assert firsts(configurations.best(configurations.of(1))) == [0, 1, 2]


def test_a_default_that_has_no_score_stands_before_nothing():
    configurations = run(("a", 0.5), ("b", -math.inf), ("c", 0.6))
    running = configurations.start(3, {"name": "d"})
    for default in (None, configurations.of(1), running):
        assert firsts(configurations.best(default, 50)) == [2, 0]


@pytest.mark.parametrize(("value", "other", "expected"), [
    (0.1 + 0.2, 0.3, True), (1e-9, 1.000001e-9, True), (1e-9, 1.1e-9, False), (2.0, 2, True), (1.0, 1.1, False),
    (-3.0, 3.0, False), (1e6, 1e6 + 2, False), ("a", "a", True), ("a", "b", False), (16, 16, True), (16, 17, False),
    (0.5, "0.5", False), (0.0, 0.0, True), (True, True, True), (1.0, None, False), (1e-3, 1e-3 - 1e-10, True),
])  # fmt: skip
def test_values_are_alike_but_for_their_last_digits(value, other, expected):
    assert alike(value, other) is expected and alike(other, value) is expected


def test_what_an_accuracy_owes_to_its_rows():
    # The deviation of a mean of 0s and 1s, of which part is shared by all models.
    assert luck_of_rows(0.5, 100) == pytest.approx(0.05 * math.sqrt(1 - SHARED))
    assert luck_of_rows(0.9, 400) == pytest.approx(0.015 * math.sqrt(1 - SHARED))
    # Even where every row is right, the next might have been wrong: the rule of succession.
    assert luck_of_rows(1.0, 8) == pytest.approx(luck_of_rows(0.9, 8)) == pytest.approx(luck_of_rows(0.0, 8))
    assert [is_rate(each) for each in ("val_accuracy", "accuracy", "binary_accuracy", "val_loss", "accuracy_loss")] == [
        True, True, True, False, False,
    ]  # fmt: skip
