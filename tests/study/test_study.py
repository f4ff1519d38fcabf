import json
import operator
import re

import pandas as pd
import pytest

import tuners
from tuners.engine.choice import summary_of
from tuners.store.facts import trial_seed
from tuners.study import Study
from tuners.trial_record import TrialRecord


def trial_json(trial_id, score, values, *, status="COMPLETED", step=2, loss=0.5):
    def metric(value, direction):
        return {"direction": direction, "observations": [{"value": [value], "step": step}]}

    metrics = {} if score is None else {"val_accuracy": metric(score, "max"), "val_loss": metric(loss, "min")}
    return {
        "trial_id": trial_id,
        "hyperparameters": {"space": [], "values": values},
        "metrics": {"metrics": metrics},
        "score": score,
        "best_step": step,
        "status": status,
        "message": None if score is not None else "Traceback\nValueError: odd",
    }


SPACE = [
    {
        "class_name": "Float",
        "config": {"name": "lr", "min_value": 1e-4, "max_value": 0.1, "sampling": "log", "conditions": []},
    },
    {"class_name": "Boolean", "config": {"name": "wide", "default": False, "conditions": []}},
]


@pytest.fixture
def project(tmp_path):
    """Writes a project as keras-tuner 1.4 does."""

    def write(*trials):
        for trial in trials:
            folder = tmp_path / f"trial_{trial['trial_id']}"
            folder.mkdir()
            (folder / "trial.json").write_text(json.dumps(trial))
        order = [trial["trial_id"] for trial in trials]
        oracle = {"hyperparameters": {"space": SPACE, "values": {}}, "seed": 7, "start_order": order}
        (tmp_path / "oracle.json").write_text(json.dumps(oracle))
        return tmp_path

    return write


def test_a_project_of_keras_tuner_is_a_study(project):
    study = Study.from_keras_tuner(
        project(
            trial_json("b1", 0.7, {"lr": 0.01, "wide": True}),
            trial_json("a0", 0.9, {"lr": 0.001, "wide": False}),
            trial_json("c2", None, {"lr": 0.1, "wide": True}, status="FAILED"),
            trial_json("d3", None, {"lr": 0.1, "wide": True}, status="RUNNING"),
        )
    )
    assert (study.objective, study.direction, study.seed) == ("val_accuracy", "max", 7)
    assert [trial.status for trial in study.trials] == ["COMPLETED", "COMPLETED", "FAILED", "RUNNING"]
    assert (study.best[0].number, study.best[0].best_epoch) == (2, 3)
    assert study.best[0].history == {}, "one epoch of three is no curve"
    assert study.by_number(3).reason == "ValueError: odd"
    assert study.cube().size == 2


def test_budgets_of_hyperband_are_a_hyperparameter(project):
    values = {"lr": 0.01, "wide": True, "tuner/bracket": 1, "tuner/round": 0}
    study = Study.from_keras_tuner(
        project(trial_json("0", 0.7, values | {"tuner/epochs": 2}), trial_json("1", 0.8, values | {"tuner/epochs": 6}))
    )
    assert [trial.values for trial in study.trials] == [
        {"lr": 0.01, "wide": True, "epochs": 2},
        {"lr": 0.01, "wide": True, "epochs": 6},
    ]
    assert study.cube().dimensions[-1].values == (2, 6)


def test_an_objective_that_cannot_be_told_is_asked_for(project):
    path = project(trial_json("0", 0.5, {"lr": 0.01, "wide": True}, loss=0.5))
    with pytest.raises(ValueError, match=r"may be val_accuracy or val_loss; pass objective=NAME"):
        Study.from_keras_tuner(path)
    assert Study.from_keras_tuner(path, "val_loss").direction == "min"
    with pytest.raises(ValueError, match=r"'auc' is not recorded; there are val_accuracy, val_loss"):
        Study.from_keras_tuner(path, "auc")


def _changed(key, value):
    state = trial_json("0", 0.5, {"lr": 0.01, "wide": True})
    (state["metrics"]["metrics"]["val_loss"] if key in ("direction", "observations") else state)[key] = value
    return json.dumps(state)


@pytest.mark.parametrize(
    ("key", "value"),
    [("observations", [{"value": [], "step": 0}]), ("direction", "up"), ("status", "odd"), ("best_step", -3)],
)
def test_a_trial_that_keras_tuner_does_not_write_is_refused_by_its_name(project, key, value):
    path = project(trial_json("0", 0.7, {"lr": 0.01, "wide": True}))
    (path / "trial_0" / "trial.json").write_text(_changed(key, value))
    with pytest.raises(ValueError, match=r"trial\.json: not a trial"):
        Study.from_keras_tuner(path)


@pytest.mark.parametrize(
    "change",
    [{"seed": "x"}, {"hyperparameters": {}}, {"hyperparameters": {"space": [{"x": 1}]}}, {"start_order": 3}],
)
def test_an_oracle_that_keras_tuner_does_not_write_is_refused_by_its_name(project, change):
    path = project(trial_json("0", 0.7, {"lr": 0.01, "wide": True}))
    oracle = json.loads((path / "oracle.json").read_text())
    (path / "oracle.json").write_text(json.dumps(oracle | change))
    with pytest.raises(ValueError, match=r"oracle\.json"):
        Study.from_keras_tuner(path)


def test_a_best_epoch_that_is_the_first_is_no_curve(project):
    values = [{"lr": lr, "wide": True} for lr in (0.01, 0.02)]
    study = Study.from_keras_tuner(
        project(trial_json("0", 0.7, values[0], step=0, loss=0.1), trial_json("1", 0.7, values[1], step=2, loss=0.2))
    )
    assert [trial.history for trial in study.trials] == [{}, {}]
    assert [trial.best_epoch for trial in study.best] == [1, 3], "the earlier of equals first"


@pytest.mark.parametrize("content", ["[]", "{", '{"trial_id": 3}', json.dumps(trial_json("0", 0.5, [])), "{}"])
def test_what_is_no_project_is_refused_by_its_name(project, content):
    path = project(trial_json("0", 0.7, {"lr": 0.01, "wide": True}))
    (path / "trial_0" / "trial.json").write_text(content)
    with pytest.raises(ValueError, match=r"trial\.json"):
        Study.from_keras_tuner(path)


def test_trials_as_a_table(project):
    study = Study.from_keras_tuner(
        project(trial_json("0", 0.7, {"lr": 0.01, "wide": True}), trial_json("1", None, {"lr": 0.1}, status="FAILED"))
    )
    table = study.to_dataframe()
    assert list(table["number"]) == [1, 2] and table["score"].isna().tolist() == [False, True]
    assert table["lr"].tolist() == [0.01, 0.1] and pd.isna(table["wide"][1])
    assert table["reason"].tolist() == ["", "ValueError: odd"]


html_of = operator.methodcaller("_repr_html_")
"""As a notebook asks for it."""


def test_a_study_is_a_line_and_in_a_notebook_its_best_trials():
    trials = [
        TrialRecord(f"{number}", number, "COMPLETED", {"lr": 0.1 / number, "<b>": "x"}, number / 100, 1, worker="w")
        for number in range(1, 31)
    ]
    study = Study("val_accuracy", "max", 1, tuple(trials))
    assert repr(study) == "Study('val_accuracy', 'max', 30 trials, best 0.3 by trial 30)"
    shown = html_of(study)
    assert re.findall(r"<th>(\d+)</th>", shown) == [str(number) for number in range(30, 20, -1)]
    assert "&lt;b&gt;" in shown and "<th>worker</th>" not in shown and "<td>0.003333</td>" in shown
    assert repr(Study("val_loss", "min", 1, ())) == "Study('val_loss', 'min', 0 trials)"
    assert "&#x27;val_loss&#x27;" in html_of(Study("val_loss", "min", 1, ()))
    assert len(repr(trials[0])) < 200


def test_what_a_search_is_of_is_kept(searched_twice):
    study, directory = searched_twice
    assert (study.fact("rows"), study.fact("validation_rows"), study.fact("epochs")) == (24, 12, 2)
    assert study.fact("executions") == 2 and study.about["versions"]["tensorflow"] and study.about["date"]
    for trial in study.trials:
        assert len(trial.executions) == 2
        assert trial.score == pytest.approx(sum(trial.executions) / 2)
        assert trial.seed == trial_seed(3, trial.trial_id, 0)
        assert trial.ended >= trial.seconds > 0
    again = tuners.Study.load(directory)
    assert again == study


def test_executions_are_kept_where_there_are_several():
    assert summary_of([], [0.5]) == {"used": [], "refusals": {}}
    assert summary_of([], [0.5, 0.7])["executions"] == [0.5, 0.7]
