import dataclasses
import itertools
import json
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from kzoo import create_hypermodel
from kzoo.cli.audit import to_tell
from kzoo.cli.console import Failure
from kzoo.cli.run import Run
from kzoo.cli.studies import Acting
from tuners.insight import Verdict
from tuners.study import Study


def test_the_report_is_text_and_a_page(searched):
    result = searched("report", "RUN")
    assert result.exit_code == 0
    assert "RUN: 6 trials finished; best val_accuracy" in result.stdout
    assert "model mlp; data wine; rows 106 to train on, 36 to validate; epochs 2" in " ".join(result.stdout.split())
    assert result.stdout.splitlines()[-1] == "Page: RUN/report.html"
    assert "Content-Security-Policy" in (searched.directory / "RUN" / "report.html").read_text()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_report_fits_the_terminal(searched, columns):
    lines = searched("report", "RUN", columns=columns).stdout.splitlines()
    said = [line for line in lines if not line.startswith(("Page: ", "Next: ")) and "kzoo audit" not in line]
    assert max(map(len, said)) <= columns
    if columns != 80:  # There it depends on what the trials differ in.
        assert (any("Left out at this width" in line for line in said)) == (columns == 40)


def test_the_same_study_gives_the_same_page(searched):
    first, second = (searched("report", "RUN", "--page", name) for name in ("a.html", "b.html"))
    assert first.exit_code == second.exit_code == 0
    assert (searched.directory / "a.html").read_bytes() == (searched.directory / "b.html").read_bytes()


@pytest.mark.parametrize("option", ["--page", "--csv"])
def test_a_file_that_cannot_be_written(searched, option):
    result = searched("report", "RUN", option, "nowhere/file")
    assert isinstance(result.exception, Failure)
    assert "nowhere" in str(result.exception)


def test_trials_as_a_table_and_pictures(searched):
    result = searched("report", "RUN", "--csv", "trials.csv", "--pictures", "pictures")
    assert "Table: trials.csv" in result.stdout and "pictures/progress.svg" in result.stdout
    table = pd.read_csv(searched.directory / "trials.csv")
    assert len(table) == 6 and {"number", "score", "units", "adam/learning_rate"} <= set(table.columns)
    assert table["score"].max() == Study.load(searched.directory / "RUN").best[0].score


def test_the_audit_tells_what_to_do(searched):
    result = searched("audit", "RUN")
    assert result.exit_code == 0
    assert "6 trials for 13 hyperparameters" in " ".join(result.stdout.split())
    acting = shlex.split(next(line for line in result.stdout.splitlines() if line.strip().startswith("kzoo search")))
    assert acting[:3] == ["kzoo", "search", "mlp"] and acting[-4:] == ["--trials", "52", "--out", "RUN-2"]
    found = searched.json("audit", "RUN")
    assert {each["rule"] for each in found["findings"]} >= {"too few trials"}
    assert found["findings"][0]["command"] == shlex.join(acting)


def test_the_next_command_gives_each_hyperparameter_once(searched, tmp_path):
    study = Study.load(searched.directory / "RUN")
    asked = dataclasses.replace(
        Run.read(searched.directory / "RUN"),
        ranges={"dropout": {"low": 0.0, "high": 0.4}, "learning_rate": {"low": 1e-3, "high": 0.1}},
        objective="val_agreement",
        direction="max",
    )
    asked.write(tmp_path)
    acting = Acting(tmp_path, study)
    words = shlex.split(acting({"fix": {"dropout": 0.1}, "range": {"adam/learning_rate": (1e-3, 1.0)}}))
    assert words[words.index("--objective") + 1] == "val_agreement:max"
    given = [after for word, after in itertools.pairwise(words) if word in ("--range", "--fix")]
    assert {"dropout=0.1", "adam/learning_rate=0.001:1", "sgd/learning_rate=0.001:0.1"} <= {*given}
    assert sum("dropout" in each for each in given) == sum("adam/" in each for each in given) == 1
    ranges = dict(text.split("=") for text in given if ":" in text)
    low_high = {
        name: dict(zip(("low", "high"), map(float, ends.split(":")), strict=True)) for name, ends in ranges.items()
    }
    create_hypermodel("mlp", asked.task, ranges=low_high, fixed={"dropout": 0.1})
    unchanged = shlex.split(acting({"trials": 52}))
    assert {"dropout=0:0.4", "learning_rate=0.001:0.1"} <= {*unchanged}


def test_what_a_function_declares_is_changed_in_its_file(searched, tmp_path):
    asked = Run.read(searched.directory / "RUN")
    acting = []
    for family in (False, True):
        dataclasses.replace(asked, model="/there/mine.py:build", family=family).write(tmp_path)
        acting.append(Acting(tmp_path, Study.load(searched.directory / "RUN")))
    of_function, of_family = acting
    rates = {"range": {"units": (4, 32), "rate": (0.001, 1.0)}}
    assert of_function(rates) == 'In mine.py: hp.Int("units", 4, 32, ...), hp.Float("rate", 0.001, 1, ...)'
    assert "--range units=4:32" in of_family(rates)
    assert shlex.split(of_function({"trials": 9}))[:3] == ["kzoo", "search", "/there/mine.py:build"]


def test_searches_side_by_side(searched):
    result = searched("compare", "RUN", "RUN")
    assert result.exit_code == 0 and result.stdout.count("RUN") == 2
    record = searched.json("compare", "RUN", "RUN")
    assert record["runs"][0] == record["runs"][1] and record["runs"][0]["trials"] == 6


def project(directory, objective="val_loss"):
    """A project of keras-tuner's own."""
    space = [{"class_name": "Float", "config": {"name": "lr", "min_value": 1e-4, "max_value": 0.1, "sampling": "log",
              "conditions": []}}]  # fmt: skip
    directory.mkdir()
    (directory / "oracle.json").write_text(json.dumps({"hyperparameters": {"space": space, "values": {}}, "seed": 1}))
    for number, rate in enumerate(np.geomspace(1e-3, 1e-2, 6)):
        folder = directory / f"trial_{number}"
        folder.mkdir()
        metric = {"direction": "min", "observations": [{"value": [1 - rate], "step": 0}]}
        trial = {"trial_id": str(number), "hyperparameters": {"values": {"lr": rate}}, "score": 1 - rate,
                 "metrics": {"metrics": {objective: metric}}, "best_step": 0, "status": "COMPLETED"}  # fmt: skip
        (folder / "trial.json").write_text(json.dumps(trial))


def test_projects_of_keras_tuner_are_read_too(kzoo):
    project(kzoo.directory / "theirs")
    result = kzoo("report", "theirs")
    assert result.exit_code == 0 and "6 trials finished; best val_loss 0.99" in result.stdout
    assert kzoo.json("audit", "theirs")["verdict"]["kind"] == "not known"


def test_searches_for_different_objectives_are_not_compared(searched):
    if not (searched.directory / "theirs").exists():
        project(searched.directory / "theirs")
    refused = searched("compare", "RUN", "theirs")
    assert refused.exit_code == 2 and "objectives" in refused.stderr and "val_loss" in refused.stderr


@pytest.fixture
def copied(searched, kzoo):
    """A run that may be changed."""
    shutil.copytree(searched.directory / "RUN", kzoo.directory / "RUN")
    return kzoo


def test_the_way_to_the_best_is_trained_again(copied):
    result = copied("audit", "RUN", "--verify", "3")
    said = " ".join(result.stdout.split())
    assert result.exit_code == 0 and "trained again from other seeds, 3 times each" in said and "Step by step:" in said
    (place,) = (copied.directory / "RUN" / "again").iterdir()
    again, study = Study.load(place), Study.load(copied.directory / "RUN")
    assert {len(trial.executions) for trial in again.trials} == {3} and again.seed == study.seed + 1
    *_, best, second = again.trials
    assert best.values == pytest.approx(study.best[0].values) and second.values == pytest.approx(study.best[1].values)
    # Known from now on.
    copied("report", "RUN")
    assert "trained again from other seeds" in (copied.directory / "RUN" / "report.html").read_text()
    found = copied.json("audit", "RUN")
    assert found["verdict"]["noise_source"] == "repeats" and found["path_from_default"][0]["measured"] is not None
    assert copied.json("compare", "RUN")["runs"][0]["gain"] == found["verdict"]["gain"]
    # One that was ended before its first trial says nothing.
    (place.with_name("other")).mkdir()
    assert copied.json("audit", "RUN") == found


def test_what_would_settle_a_verdict_is_told_where_it_is_open(searched, tmp_path):
    asked = Run.read(searched.directory / "RUN")
    unsure = Verdict("not shown to be better", "Not shown", 4, action={"executions": 3})
    assert to_tell(tmp_path / "my run", asked, unsure) == f"To tell: kzoo audit '{tmp_path}/my run' --verify 5"
    assert to_tell(tmp_path, dataclasses.replace(asked, folds=3), unsure) == ""
    settled = (None, Verdict("better", "Better", 4), dataclasses.replace(unsure, action={}))
    assert [to_tell(tmp_path, asked, each) for each in settled] == ["", "", ""]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"folds": 3}, "was cross-validated"),
        ({"model": "/nowhere/mine.py:build"}, "look at it, and pass --trust"),
        ({"fingerprint": "0"}, "wine has changed since the search"),
    ],
)
def test_what_cannot_be_trained_again(copied, changes, words):
    directory = copied.directory / "RUN"
    dataclasses.replace(Run.read(directory), **changes).write(directory)
    result = copied("audit", "RUN", "--verify", "3")
    assert isinstance(result.exception, Failure) and words in str(result.exception)
    assert not (directory / "again").exists()


def test_projects_of_others_cannot_be_trained_again(kzoo):
    project(kzoo.directory / "theirs")
    assert "was not made by kzoo search" in str(kzoo("audit", "theirs", "--verify", "3").exception)
    assert "--workers" in kzoo("audit", "theirs", "--workers", "2").stderr
