import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuners.report.axes import axis_of, position_of
from tuners.report.pictures import write_pictures
from tuners.report.pictures.data import PARALLEL_AXES, PARALLEL_LINES, pictures_of, score_limits
from tuners.study import Study, TrialRecord

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def real(name, low, high, sampling="log"):
    return {
        "class_name": "Float",
        "config": {"name": name, "min_value": low, "max_value": high, "sampling": sampling, "conditions": []},
    }


def choice(name, *values):
    return {"class_name": "Choice", "config": {"name": name, "values": list(values), "conditions": []}}


SPACE = (
    real("dropout", 0.0, 0.5, "linear"),
    choice("optimizer", "adam", "sgd"),
    real("adam/learning_rate", 1e-4, 1e-1),
    real("sgd/one_minus_momentum", 1e-3, 1e-1),
)


def trial(number, score, **values):
    status = "FAILED" if score is None else "COMPLETED"
    history = {} if score is None else {"val_loss": (score + 1, score), "loss": (score, score - 1)}
    return TrialRecord(str(number), number, status, values, score, None if score is None else 2, history)


def study(*trials, direction="min", space=SPACE):
    return Study("val_loss", direction, 1, trials, space)


ADAM = {"optimizer": "adam", "dropout": 0.1}
THREE = (
    trial(1, 0.5, **ADAM, **{"adam/learning_rate": 1e-3}),
    trial(2, 0.9, optimizer="sgd", dropout=0.2, **{"sgd/one_minus_momentum": 0.01}),
    trial(3, 0.3, **ADAM | {"dropout": 0.4}, **{"adam/learning_rate": 1e-2}),
)


def test_parallel_coordinates_have_the_best_last_and_the_learning_rate_first():
    pictures = pictures_of(study(*THREE))
    assert [axis.name for axis in pictures.parallel.axes] == ["adam/learning_rate", "optimizer", "dropout"]
    assert pictures.parallel.scores == (0.9, 0.5, 0.3)
    assert pictures.parallel.lines[0] == (None, pytest.approx(0.75), pytest.approx(0.4))
    assert pictures.parallel.lines[-1] == pytest.approx((2 / 3, 0.25, 0.8))
    assert pictures_of(study(*THREE, direction="max")).parallel.scores == (0.3, 0.5, 0.9)


def test_of_equals_the_earlier_is_the_best_line():
    equals = [
        trial(number, 0.5, **ADAM | {"dropout": number / 10}, **{"adam/learning_rate": 1e-3}) for number in (1, 2)
    ]
    for direction in ("min", "max"):
        parallel = pictures_of(study(*equals, direction=direction)).parallel
        assert parallel is None or parallel.lines[-1][-1] == pytest.approx(0.2)


def test_parallel_coordinates_are_few_enough_to_tell_apart():
    space = tuple(real(f"h{i}", 0.1, 1.0) for i in range(PARALLEL_AXES + 3))
    trials = [trial(n, 1 / n, **{f"h{i}": n / 10 for i in range(PARALLEL_AXES + 3)}) for n in (1, 2)]
    pictures = pictures_of(study(*trials, space=space))
    assert len(pictures.parallel.axes) == PARALLEL_AXES
    assert len(pictures.slices) == PARALLEL_AXES + 3


def test_slices_leave_out_trials_to_which_a_hyperparameter_did_not_apply():
    slices = {each.axis.name: each for each in pictures_of(study(*THREE)).slices}
    assert slices["adam/learning_rate"].numbers == (1, 3)
    assert slices["adam/learning_rate"].positions == pytest.approx((1 / 3, 2 / 3))
    assert "sgd/momentum" not in slices  # one value only


def test_learning_curves_are_of_the_best_and_have_their_training_metric():
    curves = pictures_of(study(*THREE)).curves
    assert [curve.number for curve in curves] == [3, 1, 2]
    assert curves[0].validation == (1.3, 0.3)
    assert curves[0].training == pytest.approx((0.3, -0.7))


def test_what_is_searched_as_its_complement_ascends_as_it_is_shown():
    dimension = study().cube().dimensions[3]
    axis = axis_of(dimension)
    assert axis.name == "sgd/momentum"
    assert [label for _, label in axis.ticks] == ["0.9", "0.99", "0.999"]
    assert [at for at, _ in axis.ticks] == pytest.approx([0, 0.5, 1])
    assert position_of(dimension, 0.01) == pytest.approx(0.5)


def test_axes_of_decades_of_choices_and_of_even_ranges():
    dropout, optimizer, rate, _ = study().cube().dimensions
    assert [label for _, label in axis_of(rate).ticks] == ["0.0001", "0.001", "0.01", "0.1"]
    assert axis_of(optimizer).ticks == ((0.25, "adam"), (0.75, "sgd"))
    assert not axis_of(optimizer).ordered
    assert axis_of(dropout).ticks == ((0, "0"), (0.5, "0.25"), (1, "0.5"))


@given(SCORES, st.booleans())
def test_limits_show_the_best_and_all_but_a_tenth(scores, maximise):
    low, high = score_limits(scores, maximise=maximise)
    assert (max(scores) == high) if maximise else (min(scores) == low)
    assert sum(low <= score <= high for score in scores) >= len(scores) / 2


def test_limits_leave_out_what_is_far_away():
    assert score_limits([*range(1, 20), 10_000], maximise=False) == (1, 18)
    assert score_limits([1, 2, 3], maximise=False) == (1, 3)
    mostly_good = [1.0, *np.linspace(1.1, 2.0, 25), *np.linspace(100, 5000, 14)]
    assert score_limits(mostly_good, maximise=False) == (1.0, pytest.approx(1 + 10 * (mostly_good[19] - 1)))
    assert score_limits([-each for each in mostly_good], maximise=True)[0] == pytest.approx(-1 - 10 * 0.775, rel=0.02)
    assert score_limits([1.0] * 30 + [*range(2, 12)], maximise=False) == (1.0, 11)


@given(SCORES, st.booleans())
def test_the_best_so_far_never_gets_worse(scores, maximise):
    trials = [trial(n, score, optimizer="adam", dropout=0.1) for n, score in enumerate(scores, start=1)]
    progress = pictures_of(study(*trials, direction="max" if maximise else "min")).progress
    for index, best in enumerate(progress.best):
        assert best == (max if maximise else min)(scores[: index + 1])


def test_a_long_search_shows_the_best_lines():
    many = [
        trial(n, float(n), optimizer=("adam", "sgd")[n % 2], dropout=n / 1000) for n in range(1, PARALLEL_LINES + 6)
    ]
    parallel = pictures_of(study(*many)).parallel
    assert len(parallel.lines) == PARALLEL_LINES and parallel.scores[-1] == 1.0


def texts(path):
    tree = ElementTree.parse(path)
    return ["".join(element.itertext()).strip() for element in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_pictures_are_files_whose_texts_are_texts(tmp_path):
    space = (choice("$x_", "<b>", "a&b"), real("</style><script>", 0.1, 1.0))
    values = [{"$x_": "<b>", "</style><script>": 0.2}, {"$x_": "a&b", "</style><script>": 0.4}]
    made = study(trial(1, 0.5, **values[0]), trial(2, 0.4, **values[1]), trial(3, None), space=space)
    paths = write_pictures(tmp_path / "new", made)
    assert [path.name for path in paths] == ["progress.svg", "slices.svg", "parallel.svg", "curves.svg"]
    assert {"$x_", "a&b", "</style><script>"} <= set(texts(paths[1]))
    assert "no score" in texts(paths[0])
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_pictures(tmp_path / "new", made)] == before


def test_a_study_without_a_score_has_no_pictures(tmp_path):
    assert write_pictures(tmp_path, study(trial(1, None))) == []


def test_trials_without_a_score_are_marked():
    assert pictures_of(study(*THREE, trial(4, None))).progress.without == (4,)
