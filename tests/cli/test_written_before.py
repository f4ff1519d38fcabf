"""A search and an export that version 0.1.0 wrote are read, gone on with, checked and served by this one."""

import json
import shutil
from pathlib import Path

import keras_tuner
import pytest

from kzoo.cli.run import Run
from tuners import Study
from tuners.store.checkpoints import load_weights

BEFORE = Path(__file__).parents[1] / "written_before"

SEARCH = ("search", "mlp", "--data", "iris", "--epochs", 3, "--range", "units=4:8", "--range", "layers=1:2")

SCORES = (0.3, 1 / 3, 1 / 3, 26 / 30)


@pytest.fixture
def run(tmp_path):
    return Path(shutil.copytree(BEFORE / "run_0_1", tmp_path / "RUN"))


@pytest.fixture
def served(tmp_path):
    # An export is served under the name of its directory.
    return Path(shutil.copytree(BEFORE / "export_0_1", tmp_path / "saved_models" / "iris"))


def test_the_study_is_read(run):
    study = Study.load(run)
    assert (study.objective, study.direction, study.seed, study.stopped) == ("val_accuracy", "max", 1, "")
    assert [trial.score for trial in study.trials] == pytest.approx(SCORES)
    assert [trial.status for trial in study.trials] == ["COMPLETED"] * 4
    assert study.best[0].number == 4
    assert study.best[0].values["adam/learning_rate"] == pytest.approx(0.07943041565538778)
    assert all(len(trial.history["val_accuracy"]) == 3 and trial.seconds for trial in study.trials)
    # Every value lies where the search space has it.
    cube = study.cube()
    assert all(
        each.holds(trial.values[each.name])
        for trial in study.trials
        for each in cube.dimensions
        if each.name in trial.values
    )


def test_the_report_shows_it(kzoo, run):
    result = kzoo("report", "RUN")
    assert result.exit_code == 0, result.output
    assert "4 trials finished; best val_accuracy 0.8667" in " ".join(result.output.split())
    assert "Trial 4 is the best:" in result.output
    assert (run / "report.html").stat().st_size > 10_000


def test_weights_are_those_of_the_best_epoch(run):
    asked, trial = Run.read(run), Study.load(run).trials[1]
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.values = dict(trial.values)
    model = asked.hypermodel().build(hyperparameters)
    load_weights(run, trial.trial_id, model)
    data = asked.load_data()
    scores = model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)
    assert scores["accuracy"] == pytest.approx(trial.score)
    assert scores["loss"] == pytest.approx(trial.history["val_loss"][trial.best_epoch - 1], rel=1e-4)


def test_the_search_goes_on(kzoo, run):
    before = Study.load(run).trials
    result = kzoo(*SEARCH, "--trials", 6, "--out", "RUN")
    assert result.exit_code == 0, result.output
    study = Study.load(run)
    assert study.trials[:4] == before
    assert [trial.status for trial in study.trials[4:]] == ["COMPLETED"] * 2
    assert len({tuple(sorted(trial.values.items())) for trial in study.trials}) == 6


def test_the_export_is_whole_and_answers(kzoo, served):
    base = "saved_models/iris"
    assert kzoo.json("check", base) == {f"{base}/1": []}
    answers = json.loads(kzoo("predict", base, f"{base}/request.json").stdout)["predictions"]
    # Rows of a virginica and a setosa.
    assert [answer["label"] for answer in answers] == ["virginica", "setosa"]
    assert all(sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5) for answer in answers)


def test_its_versions_can_be_promoted_and_pruned(kzoo, served, monkeypatch):
    monkeypatch.setattr("kzoo.serving.replicas.LOCAL", "127.0.0.1:1")
    assert kzoo.json("promote", "iris", 1)["labels"] == {"stable": 1}
    assert 'version_labels { key: "stable" value: 1 }' in (served / "serving" / "models.config").read_text()
    assert kzoo.json("prune", "iris", "--keep", 1) == []
    assert kzoo("check", "saved_models/iris").exit_code == 0
