"""What is tried next: what was given, the defaults, leaders again, and what has not been tried."""

import math

import pytest
from scipy import stats
from test_properties import OPTIMIZERS, choice, number, under

from tuners.strategy.planner import Planner
from tuners.strategy.suggest import Strategy
from tuners.strategy.warm_start import Known

PLANE = [number("a", default=0.5), number("b", default=0.25)]
SMALL = [choice("kind", "x", "y", "z"), {"class_name": "Int", "config": {"name": "n", "min_value": 1, "max_value": 4}}]


def planner(space=PLANE, initial=(), scales=None, seed=1, **options):
    made = Planner(Strategy(seed, **options.pop("strategy", {"ranking": False})), scales or {}, initial, **options)
    made.take_space(space)
    return made


def run(made, numbers, score, **options):
    """Values of trials, one after the other; `score` is of their values, or one for each."""
    found = []
    for at, one in enumerate(numbers):
        plan = made.plan(one, **options)
        if plan is None:
            return [*found, None]
        made.start(one, *plan)
        made.finish(one, score(plan[0]) if callable(score) else score[at])
        found.append(plan[0])
    return found


def tried(made, *configurations):
    """Trials at values of `a`, with `b` at its default: values and scores, in this order."""
    for one, (a, score) in enumerate(configurations):
        values = {"a": a, "b": 0.25}
        made.start(one, values, values)
        made.finish(one, score)
    return made


def test_what_was_given_comes_first_and_the_rest_of_it_is_at_the_defaults():
    found = run(planner(initial=[{"a": 0.1}, {"b": 1.0}]), range(4), lambda values: values["a"])
    assert found[:2] == [{"a": 0.1, "b": 0.25}, {"a": 0.5, "b": 1.0}]
    assert len({tuple(each.values()) for each in found}) == 4


def test_the_defaults_come_first_where_nothing_was_given_with_all_coordinates():
    values, point = planner(OPTIMIZERS).plan(0)
    assert values == pytest.approx({"optimizer": "adam", "adam/rate": 1e-5, "dropout": 0.0})
    assert point == pytest.approx({"optimizer": 0.25, "adam/rate": 0.0, "sgd/rate": 0.0, "dropout": 0.0})


def test_what_does_not_apply_has_a_coordinate_of_its_own():
    made = planner(OPTIMIZERS)
    for one in range(1, 6):
        values, point = made.plan(one)
        other = "sgd/rate" if values["optimizer"] == "adam" else "adam/rate"
        assert other not in values and 0.0 < point[other] < 1.0


@pytest.mark.parametrize("ranking", [True, False])
def test_a_small_space_is_tried_to_its_end_and_nothing_twice(ranking):
    made = planner(SMALL, strategy={"ranking": ranking})
    found = run(made, range(20), lambda values: -values["n"])
    assert found[12:] == [None] and len({tuple(each.values()) for each in found[:12]}) == 12
    assert made.reruns == 0


def test_what_runs_is_not_started_again():
    made, found = planner(SMALL), []
    for one in range(12):
        found.append(made.plan(one))
        made.start(one, *found[-1])
    assert len({tuple(each[0].values()) for each in found}) == 12 and made.plan(12) is None


def test_where_nothing_can_be_changed_there_is_one_trial():
    fixed = [choice("kind", "x"), number("a", 0.5, 0.5)]
    made = planner(fixed)
    assert run(made, range(3), [1.0, 1.0]) == [{"kind": "x", "a": 0.5}, None]
    # The only values that are left come whatever the number.
    less = planner([choice("kind", "y", "x")])
    run(less, [0], [1.0])
    less.take_space([choice("kind", "x")])
    assert less.plan(1)[0] == {"kind": "x"}


@pytest.mark.parametrize("times", [1, 2])
def test_a_leader_is_run_again_as_often_as_asked(times):
    made = tried(planner(reevaluate=times), (0.5, 0.6), (0.9, 0.8), (0.1, 0.7))
    for one in range(3, 3 + times):
        assert made.plan(one)[0] == {"a": 0.9, "b": 0.25}
        made.start(one, *made.plan(one))
        made.finish(one, 0.8)
    assert made.plan(3 + times)[0] not in [{"a": a, "b": 0.25} for a in (0.5, 0.9, 0.1)]
    assert made.reruns == times
    assert [made.is_rerun(one) for one in range(3 + times)] == [False] * 3 + [True] * times
    # The latest run was not picked for being high.
    assert list(made.best()) == [2 + times, 2, 0]


def test_without_a_score_nothing_leads():
    made = tried(planner(reevaluate=2), (0.5, -math.inf))
    assert made.plan(1)[0] != {"a": 0.5, "b": 0.25}
    assert list(made.best()) == [] and not made.to_compare and made.plan(1, closing=True)[0]["a"] != 0.5


def test_in_the_end_the_leader_is_run_again_and_then_who_may_be_as_good():
    made = tried(planner(), (0.5, 0.5), (0.9, 0.9), (0.1, 0.6), (0.3, 0.0))
    assert made.to_compare
    asked = [0.9, 0.5, 0.1, 0.9]
    for one, (a, score) in enumerate(zip(asked, (0.5, 0.55, 0.6, 0.6), strict=True), start=4):
        plan = made.plan(one, closing=True)
        assert plan[0] == {"a": a, "b": 0.25}
        made.start(one, *plan)
        made.finish(one, score)
    # Before the end, others are tried.
    assert made.plan(8)[0]["a"] not in asked


@pytest.mark.parametrize("nearer", [True, False])
@pytest.mark.parametrize("runs", [1, 2])
def test_who_is_behind_by_more_than_luck_is_not_run_again(nearer, runs):
    # The leader ran twice, 0.02 apart, which is all that tells of luck; the runs of the other are alike.
    noise = 0.02 / math.sqrt(2 * runs)
    luck = stats.t(runs).ppf(0.975) * noise * math.sqrt(1 / 2 + 1 / runs)
    behind = 1.0 - luck * (0.99 if nearer else 1.01)
    made = tried(planner(), *[(0.5, behind)] * runs, (0.9, 1.01), (0.9, 0.99))
    assert made.to_compare == nearer
    again = made.plan(2 + runs, closing=True)[0]
    # Who has run less often comes first, of equals the leader.
    assert again == {"a": 0.5 if runs == 1 else 0.9, "b": 0.25} if nearer else again["a"] not in (0.5, 0.9)


def test_the_leader_is_compared_with_the_second_and_not_with_the_third():
    made = tried(planner(), (0.9, 1.01), (0.9, 0.99), (0.1, 0.98), (0.1, 0.98), (0.3, 0.97))
    assert made.plan(5, closing=True)[0] == {"a": 0.9, "b": 0.25}


def test_where_runs_do_not_differ_the_lead_is_clear():
    made = tried(planner(), (0.9, 0.9), (0.5, 0.5), (0.1, 0.8))
    assert made.plan(3, closing=True)[0] == {"a": 0.9, "b": 0.25}
    # While it runs, nothing tells of luck.
    made.start(3, *made.plan(3, closing=True))
    assert not made.to_compare
    made.finish(3, 0.9)
    assert not made.to_compare
    # Equals are no lead.
    assert tried(planner(), (0.9, 0.9), (0.9, 0.9), (0.5, 0.9)).to_compare


def test_a_default_that_runs_is_no_rival_yet():
    made = planner()
    made.start(0, {"a": 0.5, "b": 0.25}, {"a": 0.5, "b": 0.25})
    for one, score in ((1, 0.9), (2, 0.8)):
        made.start(one, {"a": 0.9, "b": 0.25}, {"a": 0.9, "b": 0.25})
        made.finish(one, score)
    assert not made.to_compare
    made.finish(0, 0.8)
    assert made.to_compare


def test_an_infeasible_default_is_no_rival():
    made = tried(planner(), (0.5, -math.inf), (0.9, 0.9), (0.9, 0.1))
    assert not made.to_compare and made.default() == 0


def test_the_default_is_compared_even_where_others_come_between():
    made = tried(planner(), (0.1, 0.8), (0.5, 0.5), (0.9, 1.0), (0.9, 0.0), (0.1, 0.8))
    assert made.default() == 1
    assert made.plan(5, closing=True)[0] == {"a": 0.5, "b": 0.25}


def test_the_default_of_a_search():
    made = planner()
    assert made.default() is None
    made.start(0, *made.plan(0))
    assert made.default() is None
    made.finish(0, 0.5)
    made.start(1, {"a": 0.5, "b": 0.25}, {"a": 0.5, "b": 0.25})
    assert made.default() == 0 and made.is_rerun(1)
    made.finish(1, 0.6)
    assert made.default() == 1


def test_rows_of_validation_let_the_default_stand():
    made = tried(planner(), (0.5, 0.80), (0.9, 0.81))
    assert list(made.best()) == [1, 0]
    made.rows = 100
    assert list(made.best()) == [0, 1]


def test_losses_tell_equals_apart():
    made = tried(planner(), (0.5, 0.8), (0.9, 0.8))
    assert list(made.best()) == [0, 1]
    made.start(2, {"a": 0.1, "b": 0.25}, {})
    made.finish(2, 0.8, -1.0)
    assert list(made.best()) == [2, 0, 1]


EARLIER = (Known({"a": 0.5, "b": 0.25}, 0.9), Known({"a": 0.9}, 0.8), Known({"a": 0.1, "b": 0.25}, None))


def test_trials_of_an_earlier_search_are_known_and_are_none_of_this_one():
    made = planner(earlier=EARLIER, reevaluate=1)
    history = made.table.history()
    assert history.points.tolist() == [[0.5, 0.25], [0.9, 0.25], [0.1, 0.25]]
    assert history.scores.tolist() == [0.9, 0.8, -math.inf]
    # The defaults were tried there, and a leader of theirs is not run again.
    assert made.plan(0)[0] not in [{"a": a, "b": 0.25} for a in (0.5, 0.9, 0.1)]
    assert list(made.best()) == [] and made.default() is None and not made.to_compare
    made.start(0, {"a": 0.3, "b": 0.3}, {"a": 0.3, "b": 0.3})
    made.finish(0, 0.95)
    assert list(made.best()) == [0] and made.plan(1)[0] == {"a": 0.3, "b": 0.3}
    made.start(1, *made.plan(1))
    assert made.is_rerun(1) and not made.is_rerun(0) and made.reruns == 1
    assert made.default() is None
    made.start(2, {"a": 0.5, "b": 0.25}, {"a": 0.5, "b": 0.25})
    made.finish(2, 0.1)
    # The configuration was tried first in the earlier search.
    assert made.default() is None and list(made.best()) == [0]
    # A space that changes does not bring them again.
    made.take_space([*PLANE, number("c")])
    assert len(made.table.history().scores) == 4


def test_beside_an_earlier_search_trials_have_numbers_of_their_own():
    made = planner([number("a", 0.0, 4.0, default=2.0)], earlier=[Known({"a": 4.0}, 0.5)])
    assert made.plan(0)[0] == {"a": 2.0}
    made.start(0, *made.plan(0))
    made.finish(0, 0.25)
    assert made.default() == 0
    known = planner([number("a", 0.0, 4.0, default=2.0)], earlier=[Known({"a": 2.0}, 0.5)])
    assert known.plan(0)[0] != {"a": 2.0}


def test_an_earlier_search_goes_on_where_it_ended():
    whole = planner(seed=7, strategy={"ranking": True})
    found = run(whole, range(13), lambda values: -((values["a"] - 0.7) ** 2))
    again = planner(seed=7, strategy={"ranking": True}, earlier=[
        Known(values, -((values["a"] - 0.7) ** 2)) for values in found[:12]
    ])  # fmt: skip
    assert again.plan(0)[0] == pytest.approx(found[12])


def test_trials_outside_of_a_changed_space_take_no_number_of_the_coarse_stage():
    made, fresh = planner(), planner([number("a", 0.0, 0.4, default=0.2), PLANE[1]])
    for one, a in enumerate((0.5, 0.9)):
        made.start(one, {"a": a, "b": 0.25}, {"a": a, "b": 0.25})
        made.finish(one, 0.0)
    made.take_space([number("a", 0.0, 0.4, default=0.2), PLANE[1]])
    assert made.table.outside == 2
    assert made.plan(3) == fresh.plan(1)
    assert not made.holds({"a": 0.5, "b": 0.25}) and made.holds({"a": 0.3})


def test_values_that_were_chosen_elsewhere():
    made = planner(OPTIMIZERS)
    values, point = made.completed(
        {"optimizer": "sgd", "sgd/rate": 0.1, "dropout": 0.5, "mine": 3, "adam/rate": 1e-3}, 4
    )
    # One of another hyperparameter is kept; one that does not apply is not.
    assert values == {"optimizer": "sgd", "sgd/rate": 0.1, "dropout": 0.5, "mine": 3}
    assert point == pytest.approx({"optimizer": 0.75, "sgd/rate": 2 / 3, "adam/rate": 0.0, "dropout": 0.5})


def test_what_values_from_elsewhere_leave_out_is_as_this_search_would_have_it():
    made = planner(OPTIMIZERS)
    values, _ = made.plan(3)
    assert made.completed({"dropout": 0.125}, 3)[0] == {**values, "dropout": 0.125}
    # Those out of range are kept, and count as the default.
    values, point = made.completed({**values, "dropout": 7.0}, 3)
    assert values["dropout"] == 7.0 and point["dropout"] == 0.0
    small = planner([choice("kind", "x", "y")])
    run(small, range(2), [1.0, 1.0])
    assert small.completed({}, 2)[0] == {"kind": "x"}


def test_scales_of_hyperparameters_that_come_later_wait_for_them():
    made = planner([PLANE[0]], scales={"rate": "log"})
    with pytest.raises(ValueError, match=r"^scales: no hyperparameter is called 'rate'; there are a\.$"):
        made.plan(0)
    made.take_space([PLANE[0], number("rate", 1e-4, 1.0, default=1e-2)])
    assert made.plan(0)[1]["rate"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial": [{"c": 1.0}]}, "initial: no hyperparameter is called 'c'; there are a, kind."),
        ({"initial": [{"a": 0.5}, {"a": 7.0}]}, "initial: a: 7.0 is not between 0 and 1."),
        ({"initial": [{"kind": "z"}]}, "initial: kind: 'z' is not one of x, y."),
        ({"strategy": {"priorities": {"kin": 1}}}, "priorities: no hyperparameter is called 'kin'; did you mean kind?"),
    ],
)
def test_what_does_not_fit_the_space_is_said(options, message):
    with pytest.raises(ValueError) as caught:
        planner([PLANE[0], choice("kind", "x", "y")], **options).plan(0)
    assert str(caught.value) == message


def test_a_space_that_is_declared_again_is_checked_again():
    made = planner(initial=[{"a": 0.9}])
    assert made.plan(0)[0]["a"] == 0.9
    made.take_space([number("a", 0.0, 0.5, default=0.1), under(number("b", default=0.25), "a", 0.1)])
    with pytest.raises(ValueError, match="initial: a: 0.9 is not between 0 and 0.5"):
        made.plan(0)
