"""The plot in characters above a report in the terminal."""

import dataclasses

import pytest
from surfaces import ordinary, searched

from tuners.report.plot import HEIGHT, best_so_far
from tuners.study import Study, TrialRecord


def study(*scores, direction="max"):
    trials = [TrialRecord(str(n), n, "COMPLETED", {}, score) for n, score in enumerate(scores, start=1)]
    return Study("val_accuracy", direction, 1, tuple(trials))


def test_the_line_rises_to_the_best_and_points_stand_below_it():
    *rows, foot = best_so_far(study(0.0, 1.0, 0.5), 30)
    assert len(rows) == HEIGHT
    assert (rows[0], rows[-1]) == (" 1┤" + " " * 13 + "━" * 14, " 0┤" + "━" * 13)
    assert [row for row in rows if row.endswith("·")] == ["  ┤" + " " * 26 + "·"]
    assert foot == "   trial 1" + " " * 19 + "3"


def test_less_is_better_at_the_bottom():
    *rows, _ = best_so_far(study(1.0, 0.0, direction="min"), 30)
    assert (rows[0], rows[-1]) == (" 1┤" + "━" * 26, " 0┤" + " " * 26 + "━")


def test_what_is_far_away_stands_at_the_edge():
    *rows, _ = best_so_far(study(*[1.0, 1.1, 1.2] * 8, 5000.0, direction="min"), 60)
    assert rows[0].startswith(" 1.2┤") and rows[0].endswith("·")


def test_a_screen_without_other_signs():
    assert all(line.isascii() for line in best_so_far(study(0.0, 1.0), 40, plain=True))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_it_keeps_to_the_width(width):
    long = searched(ordinary(), 60)
    assert max(map(len, best_so_far(long, width))) <= min(width, 108)
    unfinished = dataclasses.replace(long, trials=(*long.trials, TrialRecord("x", 61, "RUNNING", {})))
    assert best_so_far(unfinished, width) == best_so_far(long, width)


@pytest.mark.parametrize("scores", [(), (0.5,), (0.5, 0.5, 0.5)])
def test_where_nothing_differs_there_is_no_plot(scores):
    assert best_so_far(study(*scores), 80) == []
