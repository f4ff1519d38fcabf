"""Files as keras-tuner writes them, read as a search."""

import json

import pytest

from tuners.space.dimensions import cube_from_space
from tuners.store.keras_tuner_project import read_project
from tuners.store.records import TrialState

SPACE = [
    {"class_name": "Float", "config": {"name": "lr", "default": 0.01, "min_value": 1e-4, "max_value": 0.1}},
    {"class_name": "Fixed", "config": {"name": "tuner/epochs", "value": 3}},
    {"class_name": "OfALaterVersion", "config": {"name": "later"}},
]


def metric(*values, direction="min", step=0):
    return {"direction": direction, "observations": [{"value": list(values), "step": step}]}


def trial(trial_id, *, status="COMPLETED", score=0.5, values=None, metrics=None, **more):
    metrics = {"val_loss": metric(score)} if metrics is None else metrics
    hyperparameters = {"space": [], "values": {"lr": 0.01} if values is None else values}
    state = {"trial_id": trial_id, "hyperparameters": hyperparameters, "metrics": {"metrics": metrics}}
    return {**state, "score": score, "best_step": 0, "status": status, "message": None, **more}


@pytest.fixture
def project(tmp_path):
    """Writes a project."""

    def write(*trials, **oracle):
        for each in trials:
            path = tmp_path / f"trial_{each['trial_id']}" / "trial.json"
            path.parent.mkdir()
            path.write_text(json.dumps(each, ensure_ascii=False), encoding="utf-8")
        written = {"hyperparameters": {"space": SPACE, "values": {}}, **oracle}
        (tmp_path / "oracle.json").write_text(json.dumps(written))
        return tmp_path

    return write


def test_a_project_is_read_as_a_search(project):
    good, bad = trial("b", best_step=2), trial("a", status="FAILED", score=None, metrics={}, message="Ünlucky")
    running = trial("c", status="RUNNING", score=None, metrics={})
    found = read_project(project(good, bad, running, seed=7, start_order=["b", "gone", "c"]))
    assert found.header == {"objective": {"val_loss": "min"}, "seed": 7}
    assert (found.about, found.space) == ({"tuner": "keras-tuner"}, SPACE[:1])
    assert list(found.trials.values()) == [
        TrialState("b", 0, {}, {"lr": 0.01}, good),
        TrialState("c", 1, {}, {"lr": 0.01}, None),
        TrialState("a", 2, {}, {"lr": 0.01}, bad),
    ], "in the order of their start, then those of which it is not known"
    assert (found.end_order, found.unfinished) == (["b", "a"], ["c"])


def test_a_project_without_results_has_no_objective_but_the_one_asked_for(project):
    path = project(
        trial("a", status="IDLE", score=None, metrics={}), trial("b", status="STOPPED", score=None, metrics={})
    )
    found = read_project(path)
    assert found.header == {"objective": {"objective": "min"}, "seed": 0} and found.end_order == []
    assert read_project(path, "auc").header["objective"] == {"auc": "min"}


def test_what_older_versions_of_keras_tuner_write(project):
    old = trial("a", metrics={"val_loss": {"direction": "min", "observations": [{"value": 0.5, "step": 0}]}})
    del old["message"], old["best_step"]
    failed = trial("b", status="FAILED", score=None, metrics={}, best_step=None)
    trials = read_project(project(old, failed)).trials
    state = trials["a"].state
    assert (state["best_step"], state["message"], state["score"]) == (0, None, 0.5)
    assert state["metrics"]["metrics"]["val_loss"]["observations"] == [{"value": [0.5], "step": 0}]
    assert trials["b"].state["best_step"] == 0


@pytest.mark.parametrize(("score", "message"), [(None, None), (float("nan"), None), (float("inf"), "diverged")])
def test_a_completed_trial_without_a_finite_score_is_infeasible(project, score, message):
    path = project(trial("a"), trial("b", score=score, metrics={"val_loss": metric(1.0)}, message=message))
    state = read_project(path).trials["b"].state
    assert state["status"] == "INVALID" and "COMPLETED" not in state.values()
    assert state["message"] == (message or f"infeasible: the score was {score}.")


def test_what_a_trial_was_given_to_train_for_is_a_dimension(project):
    trials = [trial(str(epochs), values={"lr": 0.01, "tuner/epochs": epochs}) for epochs in (9, 3, 27, 3.0)]
    found = read_project(project(*trials))
    assert [each.values for each in found.trials.values()][-1] == {"lr": 0.01, "epochs": 9}
    config = {"name": "epochs", "default": 27, "conditions": [], "values": [3, 9, 27], "ordered": True}
    assert found.space[1:] == [{"class_name": "Choice", "config": config}]
    assert cube_from_space(found.space).size == 2


def test_a_hyperparameter_of_the_users_may_be_called_epochs(project):
    mine = {"class_name": "Fixed", "config": {"name": "epochs", "value": 10, "conditions": []}}
    trials = [trial(str(given), values={"lr": 0.01, "epochs": 10, "tuner/epochs": given}) for given in (3, 9)]
    found = read_project(project(*trials, hyperparameters={"space": [*SPACE, mine], "values": {}}))
    assert [each["config"]["name"] for each in found.space] == ["lr", "epochs", "tuner/epochs"]
    cube = cube_from_space(found.space)
    assert [cube.to_values(cube.to_point(each.values)) for each in found.trials.values()] == [
        {"lr": 0.01, "epochs": 10, "tuner/epochs": given} for given in (3, 9)
    ]


@pytest.mark.parametrize(
    ("score", "message", "status"),
    [(float("nan"), None, "INVALID"), (float("nan"), "Boom", "FAILED"), (None, None, "FAILED"), (0.5, None, "FAILED")],
)
def test_a_trial_that_failed_by_its_score_alone_is_infeasible(project, score, message, status):
    path = project(trial("a"), trial("b", status="FAILED", score=score, metrics={}, message=message))
    assert read_project(path).trials["b"].state["status"] == status


def test_a_file_that_was_cut_off_says_how_to_read_the_others(project):
    path = project(trial("a"), trial("b"))
    (path / "trial_b" / "trial.json").write_text('{"trial_id": "b')
    with pytest.raises(ValueError, match="trial_b/trial.json: not JSON .*delete trial_b to read the other trials"):
        read_project(path)


def test_one_budget_for_all_is_none(project):
    trials = [trial(name, values={"lr": 0.01, "tuner/epochs": 9}) for name in "ab"]
    assert read_project(project(*trials)).space == SPACE[:1]


def test_the_objective_is_the_metric_that_every_score_is_the_mean_of(project):
    path = project(
        trial("a", score=0.5, metrics={"loss": metric(0.4), "auc": metric(0.25, 0.75, direction="max")}),
        trial("b", score=0.8, metrics={"loss": metric(0.8), "auc": metric(0.8 + 1e-12, direction="max")}),
        trial("c", score=0.0, metrics={"auc": metric(1e-13, direction="max")}),
    )
    assert read_project(path).header["objective"] == {"auc": "max"}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"metrics": {"auc": metric(0.6)}}, "the objective may be none of the metrics; pass objective=NAME"),
        ({"metrics": {"acc": metric(0.5)}}, "the objective may be none of the metrics; pass objective=NAME"),
        ({"metrics": {"auc": metric(0.5, direction="up")}}, r"not a trial of keras-tuner \(the direction of a .* 'up'"),
        ({"values": []}, r"not a trial of keras-tuner \(its id or values are of the wrong type\)"),
    ],
)
def test_what_cannot_be_read_is_named(project, others, message):
    path = project(trial("a", metrics={"auc": metric(0.5), "extra": metric(0.1)}), trial("b", **others))
    with pytest.raises(ValueError, match=rf"^{path}.*: {message}"):
        read_project(path)
