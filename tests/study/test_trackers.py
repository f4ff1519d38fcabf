"""Studies as Optuna and MLflow keep them; run where these are installed."""

import dataclasses
import json
import math
import socket

import pytest

from tuners.study import Study, TrialRecord
from tuners.trackers import optuna_study
from tuners.trackers.mlflow_runs import check_answers

CHOICE = {"class_name": "Choice", "config": {"name": "optimizer", "values": ["adam", "sgd"], "conditions": []}}
SIZES = {"class_name": "Choice", "config": {"name": "size", "values": [16, 32, 64], "ordered": True, "conditions": []}}
EVEN = {"class_name": "Int", "config": {"name": "units", "min_value": 8, "max_value": 32, "step": 8, "conditions": []}}


def real(name, low, high, sampling="log", **parents):
    conditions = [
        {"class_name": "Parent", "config": {"name": parent, "values": [value]}} for parent, value in parents.items()
    ]
    config = {"name": name, "min_value": low, "max_value": high, "sampling": sampling, "conditions": conditions}
    return {"class_name": "Float", "config": config}


SPACE = (
    CHOICE, SIZES, EVEN, {"class_name": "Boolean", "config": {"name": "bias", "conditions": []}},
    real("dropout", 0.0, 0.5, "linear"), real("adam/rate", 1e-4, 0.1, optimizer="adam"),
    real("sgd/one_minus_momentum", 1e-3, 0.1, optimizer="sgd"),
)  # fmt: skip
SHARED = {"size": 32, "units": 16, "bias": True, "dropout": 0.0}
ADAM = {"optimizer": "adam", **SHARED, "adam/rate": 1e-3}
SGD = {"optimizer": "sgd", **SHARED, "sgd/one_minus_momentum": 0.1}
FACTS = {"date": "2026-01-01T10:00:00+00:00", "rows": 100, "versions": {"keras": "3"}}
TRIALS = (
    TrialRecord("a", 1, "COMPLETED", ADAM, 0.5, 2, {"val_loss": (0.9, 0.5, math.nan), "loss": (1.0, 0.4, 0.3)},
                seconds=2.0, seed=7, worker="1", engines=("numpy",), ended=3.0),
    TrialRecord("b", 2, "INVALID", {**SGD, "units": 128}, None, None, {}, "infeasible: loss was nan in epoch 1."),
    TrialRecord("c", 3, "COMPLETED", {**SGD, "optimizer": "lion", "dropout": 0.7}, 0.4, 1, {"val_loss": (0.4,)}),
    TrialRecord("d", 4, "RUNNING", ADAM),
)  # fmt: skip
STUDY = Study("val_loss", "min", 1, TRIALS, SPACE, elapsed=9.0, about=FACTS)


def test_an_optuna_study_has_the_trials_as_they_were():
    optuna = pytest.importorskip("optuna")
    made = STUDY.to_optuna(None, "mine")
    assert made.direction == optuna.study.StudyDirection.MINIMIZE and made.user_attrs["versions"] == {"keras": "3"}
    assert [each.number + 1 for each in made.trials] == [each.user_attrs["trial"] for each in made.trials]
    assert [each.state.name for each in made.trials] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL"]
    first, second, third, _ = made.trials
    assert first.params == ADAM and first.value == 0.5 and made.best_trial == third
    assert list(first.intermediate_values) == [1, 2, 3] and math.isnan(first.intermediate_values[3])
    assert first.user_attrs["seed"] == 7 and first.duration.total_seconds() == 2.0
    assert second.params["sgd/momentum"] == 0.9 and "adam/rate" not in second.params
    assert second.user_attrs["reason"] == "infeasible: loss was nan in epoch 1."


def test_ranges_hold_their_order_and_what_was_tried_outside_of_them():
    optuna = pytest.importorskip("optuna")
    whole, real_, among = (
        getattr(optuna.distributions, f"{each}Distribution") for each in ("Int", "Float", "Categorical")
    )
    first, second = STUDY.to_optuna(None, "mine").trials[:2]
    assert first.distributions == {
        "optimizer": among(["adam", "sgd", "lion"]),
        "size": whole(16, 64, log=True),
        "units": whole(8, 128, step=8),
        "bias": among([False, True]),
        "dropout": real_(0.0, 0.7),
        "adam/rate": real_(1e-4, 0.1, log=True),
    }
    assert second.distributions["sgd/momentum"] == real_(0.9, 0.999)


def test_a_study_without_a_space_is_written_by_its_values():
    optuna = pytest.importorskip("optuna")
    made = dataclasses.replace(STUDY, space=(), trials=TRIALS[:3]).to_optuna(None, "mine")
    assert made.trials[0].distributions["optimizer"].choices == ("adam", "sgd", "lion")
    assert made.trials[0].distributions["size"] == optuna.distributions.IntDistribution(32, 32)
    assert made.best_value == 0.4


def test_an_optuna_study_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    optuna = pytest.importorskip("optuna")
    storage = f"sqlite:///{tmp_path}/studies.db"
    STUDY.to_optuna(storage, "mine")
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        STUDY.to_optuna(storage, "mine")
    monkeypatch.setattr(optuna_study, "facts_of", lambda trial: {"seed": object()})
    with pytest.raises(TypeError, match="JSON"):
        STUDY.to_optuna(storage, "broken")
    assert optuna.get_all_study_names(storage) == ["mine"]


def test_a_real_search_goes_on_in_optuna(searched_twice):
    optuna = pytest.importorskip("optuna")
    study, _ = searched_twice
    made = study.to_optuna(None, "twice")
    assert made.best_value == study.best[0].score
    made.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=1)
    made.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-3, 1.0, log=True), n_trials=1)
    assert len(made.trials) == len(study.trials) + 1


def test_the_command_writes_a_journal_and_nothing_into_other_files(tmp_path, searched_twice, monkeypatch):
    pytest.importorskip("optuna")
    from kzoo.cli.console import Failure
    from kzoo.cli.trackers import to_optuna

    study, _ = searched_twice
    monkeypatch.chdir(tmp_path)
    assert to_optuna(study, "studies.log", "twice") == "Optuna: the study twice; optuna-dashboard studies.log"
    assert "op_code" in json.loads((tmp_path / "studies.log").read_text().splitlines()[0])
    to_optuna(study, "studies.log", "again")
    (tmp_path / "trials.csv").write_text("number,score\n")
    for storage, words in (
        ("studies.log", "holds a study twice already"),
        ("trials.csv", "no journal of Optuna's"),
        ("nowhere/x.log", "nowhere/x.log: No such file"),
        ("sqlite:///nowhere/x.db", "unable to open database file"),
    ):
        with pytest.raises(Failure, match=words):
            to_optuna(study, storage, "twice")
    assert (tmp_path / "trials.csv").read_text() == "number,score\n"


@pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning")
def test_runs_of_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path}/runs.db"
    odd = dataclasses.replace(TRIALS[0], values={**ADAM, "a=b": 1}, history={"val_f1@0.5": (0.2,) * 1500})
    study = dataclasses.replace(STUDY, trials=(odd, *TRIALS[1:]))
    parent = study.to_mlflow("mine", uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name("mine").experiment_id
    runs = {each.info.run_name: each for each in client.search_runs([place])}
    assert {name: each.info.status for name, each in runs.items()} == {
        "mine": "FINISHED", "trial 1": "FINISHED", "trial 2": "FAILED", "trial 3": "FINISHED", "trial 4": "KILLED",
    }  # fmt: skip
    assert runs["mine"].info.run_id == parent and runs["mine"].data.metrics == {"score": 0.4}
    first = runs["trial 1"]
    assert first.data.tags["mlflow.parentRunId"] == parent and first.data.params["a_b"] == "1"
    assert first.data.metrics["score"] == 0.5 and first.info.end_time - first.info.start_time == 2000
    assert len(client.get_metric_history(first.info.run_id, "val_f1_0.5")) == 1500
    assert runs["trial 2"].data.params["sgd/momentum"] == "0.9"
    with pytest.raises(mlflow.exceptions.MlflowException, match="maintenance mode|mlruns"):
        study.to_mlflow("mine", str(tmp_path / "mlruns"))


def test_a_dead_address_of_mlflow_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        check_answers(uri)
    with pytest.raises(ConnectionError, match=f"{uri}: no server answers .*mlflow server"):
        check_answers(uri)
    for other in ("", "sqlite:///runs.db", "runs", "databricks", "http:///"):
        check_answers(other)


def test_without_them_it_is_said_what_to_install(monkeypatch):
    import sys

    for name, write in (("optuna", lambda: STUDY.to_optuna(None, "x")), ("mlflow", lambda: STUDY.to_mlflow("x"))):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ModuleNotFoundError, match=rf"pip install 'kzoo\[{name}\]'"):
            write()
