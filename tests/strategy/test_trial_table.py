"""Trials as points and scores, in a space that may change while they run."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from test_properties import OPTIMIZERS, choice, number

from tuners.space.dimensions import Cube, cube_from_space
from tuners.strategy.trial_table import TrialTable

PLANE = cube_from_space([number("a"), number("b", default=0.25)])


def add(table, trial, score=None, **values):
    """A trial at these values, which ends where it has a score."""
    table.add(trial, values, table.cube.placed(values))
    if score is not None:
        table.finish(trial, score)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    st.permutations(range(12)), st.lists(st.none() | st.floats(-5, 5) | st.just(-math.inf), min_size=12, max_size=12)
)
def test_trials_in_any_order_come_in_the_order_of_their_numbers(order, scores):
    table = TrialTable(PLANE)
    # Far apart, so that the table has to grow more than once.
    for trial in order:
        add(table, 30 * trial, scores[trial], a=trial / 12, b=0.5)
    ended = [trial for trial in range(12) if scores[trial] is not None]
    history = table.history()
    assert history.points.tolist() == [[trial / 12, 0.5] for trial in ended]
    assert history.scores.tolist() == [scores[trial] for trial in ended]
    assert history.active.shape == history.points.shape and history.active.dtype == bool and history.active.all()
    assert table.pending().tolist() == [[trial / 12, 0.5] for trial in range(12) if scores[trial] is None]
    feasible = [trial for trial in ended if math.isfinite(scores[trial])]
    assert table.leader() == (30 * max(feasible, key=lambda trial: scores[trial]) if feasible else None)
    assert table.outside == 0


def test_hundreds_of_trials_in_a_row_are_kept():
    table = TrialTable(PLANE)
    for trial in range(300):
        add(table, trial, float(trial % 7), a=trial / 300, b=1.0)
    history = table.history()
    np.testing.assert_allclose(history.points, np.column_stack([np.arange(300) / 300, np.ones(300)]))
    assert history.scores.tolist() == [float(trial % 7) for trial in range(300)]
    assert len(table.pending()) == 0
    # The earlier of equals.
    assert table.leader() == 6


def test_an_empty_table():
    table = TrialTable(PLANE)
    assert table.history().points.shape == table.pending().shape == (0, 2)
    assert table.leader() is None and table.outside == 0


def test_what_is_infeasible_or_runs_does_not_lead():
    table = TrialTable(PLANE)
    add(table, 0, -math.inf, a=0.1, b=0.5)
    add(table, 1, None, a=0.2, b=0.5)
    assert table.leader() is None
    add(table, 2, -1e300, a=0.3, b=0.5)
    assert table.leader() == 2


def test_a_trial_may_find_new_hyperparameters_while_it_is_built():
    table = TrialTable(PLANE)
    table.add(0, {"a": 0.5}, {"a": 0.5})
    np.testing.assert_allclose(table.pending(), [[0.5, 0.25]])
    table.add(0, {"a": 0.5, "b": 0.75}, {"a": 0.5, "b": 0.75})
    np.testing.assert_allclose(table.pending(), [[0.5, 0.75]])
    values, point = table.planned(0)
    assert values == point == {"a": 0.5, "b": 0.75}
    # What is handed out is a copy.
    values["a"] = 0.9
    assert table.planned(0)[0]["a"] == 0.5


def test_hyperparameters_that_do_not_apply_are_kept_where_the_trial_had_them():
    cube = cube_from_space(OPTIMIZERS)
    table = TrialTable(cube)
    values = {"optimizer": "adam", "adam/rate": 1e-3, "dropout": 0.5}
    table.add(0, values, {**cube.placed(values), "sgd/rate": 0.125})
    table.finish(0, 1.0)
    history, names = table.history(), [each.name for each in cube.dimensions]
    by_name = dict(zip(names, history.points[0], strict=True))
    assert by_name == pytest.approx({"optimizer": 0.25, "adam/rate": 0.5, "dropout": 0.5, "sgd/rate": 0.125})
    assert dict(zip(names, history.active[0], strict=True)) == {name: name != "sgd/rate" for name in names}


def test_trials_outside_of_a_changed_space_are_as_if_they_had_not_been():
    table = TrialTable(PLANE)
    for trial, a in enumerate((0.9, 0.1, 0.3, 0.8)):
        add(table, trial, None if trial == 3 else 1.0 - trial, a=a, b=0.5)
    assert table.leader() == 0
    half = cube_from_space([number("a", 0.0, 0.5), number("b", default=0.25)])
    table.reshape(half)
    assert table.outside == 2
    # The others are where their values are on the new scale.
    np.testing.assert_allclose(table.history().points, [[0.2, 0.5], [0.6, 0.5]])
    assert table.history().scores.tolist() == [0.0, -1.0] and table.leader() == 1
    assert table.pending().shape == (0, 2)
    add(table, 4, 5.0, a=0.7, b=0.5)
    assert table.outside == 3 and table.leader() == 1
    table.reshape(PLANE)
    assert table.outside == 0 and table.leader() == 4
    np.testing.assert_allclose(table.history().points[:, 0], [0.9, 0.1, 0.3, 0.7])
    np.testing.assert_allclose(table.pending(), [[0.8, 0.5]])


def test_what_has_come_into_the_space_since_is_at_its_default():
    table = TrialTable(Cube(()))
    table.add(0, {}, {})
    table.finish(0, 1.0)
    grown = cube_from_space([number("a", default=0.75), choice("kind", "x", "y")])
    table.reshape(grown)
    np.testing.assert_allclose(table.history().points, [[0.75, 0.25]])
    # Neither of them was set in the trial, but nothing forbids them beside its values.
    assert table.history().active.tolist() == [[True, True]]
    # Values count where no coordinates are known.
    table.add(1, {"a": 0.125}, {})
    np.testing.assert_allclose(table.pending(), [[0.125, 0.25]])
    table.add(2, {"a": 2.0}, {})
    assert table.outside == 1


def test_in_a_grown_space_what_does_not_apply_stays_where_it_was():
    table = TrialTable(cube_from_space(OPTIMIZERS))
    table.add(0, {"optimizer": "adam", "adam/rate": 1e-3, "dropout": 0.5}, {"sgd/rate": 0.125})
    table.reshape(cube_from_space([*OPTIMIZERS, number("c", default=0.75)]))
    point = dict(zip([each.name for each in table.cube.dimensions], table.pending()[0], strict=True))
    assert point == pytest.approx({"optimizer": 0.25, "adam/rate": 0.5, "dropout": 0.5, "sgd/rate": 0.125, "c": 0.75})
    # A choice that there is no more has no place, and needs none.
    table.reshape(cube_from_space([choice("optimizer", "sgd", "lion"), number("d")]))
    assert table.outside == 1 and len(table.pending()) == 0
