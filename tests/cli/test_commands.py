import inspect
import json
import re
import shlex

import numpy as np
import pytest

import kzoo as library
from kzoo.cli.console import Failure
from kzoo.cli.run import Run
from kzoo.cli.search import search
from kzoo.cli.source import Source
from tuners import Study
from tuners.store.journal import read_journal
from tuners.store.records import replay


def test_models_lists_every_family(kzoo):
    text = kzoo("models").stdout
    for name in library.list_models():
        assert name in text
    assert {each["name"] for each in kzoo.json("models")} == set(library.list_models())


@pytest.mark.parametrize("name", library.list_models())
def test_one_family_in_80_columns(kzoo, name):
    lines = kzoo("models", name).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    described = kzoo.json("models", name)
    assert {each["name"] for each in described["hyperparameters"]} >= {"optimizer", "adam/learning_rate", "batch_size"}


def test_complements_are_shown_as_what_people_call_them(kzoo):
    text = kzoo("models", "mlp").stdout
    assert "one_minus" not in text
    assert "log of 1 - x" in text


def test_search_prints_the_best_and_the_next_command(searched):
    assert searched.result.exit_code == 0
    assert "6 trials finished" in searched.result.stdout
    assert "Next: kzoo export RUN --name wine-mlp\n" in searched.result.stdout
    assert max(map(len, searched.result.stdout.splitlines())) <= 80


def test_the_next_commands_can_be_typed_as_they_are_printed(kzoo):
    data = library.load_dataset("wine")
    np.savez(kzoo.directory / "my wine.npz", x=data.x_train, y=data.y_train)
    printed = kzoo(*("search", "mlp", "--data", "my wine.npz", "--trials", 1, "--epochs", 1, "--out", "my run")).stdout
    following = shlex.split(printed.rpartition("Next: ")[2])
    assert following == ["kzoo", "export", "my run", "--name", "my-wine-mlp"]
    printed = kzoo(*following[1:], "--to", "my models").stdout
    predict, serve = map(shlex.split, printed.rpartition("Next: ")[2].splitlines())
    assert len(json.loads(kzoo(*predict[1:]).stdout)["predictions"]) == 2
    assert serve == ["kzoo", "serve", "my-wine-mlp", "--to", "my models"]


def test_a_name_that_no_server_takes_is_refused_before_anything_is_done(searched):
    refused = searched("export", "RUN", "--name", "my wine", "--to", "refused")
    assert refused.exit_code == 2
    assert "'my wine' cannot be the name of a served model" in refused.stderr
    assert not (searched.directory / "refused").exists()


def test_the_first_trial_is_the_defaults(searched):
    first = Study.load(searched.directory / "RUN").trials[0].values
    assert first["optimizer"] == "adam"
    assert first["adam/learning_rate"] == pytest.approx(3e-3)


def test_report_is_the_same_as_json(searched):
    record = searched.json("report", "RUN")
    assert [trial["status"] for trial in record["trials"]] == ["COMPLETED"] * 6
    scores = {trial["trial"]: trial["score"] for trial in record["trials"]}
    assert list(scores) == [1, 2, 3, 4, 5, 6]
    assert scores[record["best"]] == max(scores.values())
    assert not any("one_minus" in name for trial in record["trials"] for name in trial["hyperparameters"])
    assert all(len(trial["history"]["val_accuracy"]) == 2 and trial["seconds"] > 0 for trial in record["trials"])
    assert record["about"]["model"] == "mlp" and record["about"]["validation_rows"] == 36
    assert record["verdict"]["best"] == record["best"]
    assert {each["name"] for each in record["ranges"]} >= {"units", "optimizer", "momentum/momentum"}


def test_a_finished_search_is_not_run_again(searched):
    before = (searched.directory / "RUN" / "journal.jsonl").read_bytes()
    again = searched("search", "mlp", "--data", "wine", "--trials", 6, "--epochs", 2, "--out", "RUN")
    assert again.exit_code == 0
    after = (searched.directory / "RUN" / "journal.jsonl").read_bytes()
    assert after[: len(before)] == before
    assert b'"created"' not in after[len(before) :]


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (("mlp", "--data", "wine", "--epochs", 3), r"epochs 3 \(there: 2\)"),
        (("mlp", "--data", "iris", "--epochs", 2), r"data iris \(there: wine\)"),
        (("softmax_regression", "--data", "wine", "--epochs", 2), "model softmax_regression"),
        (("mlp", "--data", "wine", "--epochs", 2, "--seed", 7), r"seed 7 \(there: 1\)"),
        (("mlp", "--data", "wine", "--epochs", 2, "--fix", "units=16"), "fixed"),
    ],
)
def test_another_search_does_not_go_into_the_same_run(searched, arguments, difference):
    result = searched("search", *arguments, "--trials", 6, "--out", "RUN")
    assert isinstance(result.exception, Failure)
    with pytest.raises(Failure, match=difference):
        raise result.exception


OPTIONS = {
    "epochs": ("--epochs", 1),
    "seed": ("--seed", 5),
    "priority": ("--priority", 4),
    "fix": ("--fix", "momentum=0.95", "--fix", "norm=none", "--fix", "nesterov=yes"),
    "range_": ("--range", "optimizer=momentum,sgd", "--range", "units=8,16", "--range", "learning_rate=1e-3:1e-1"),
    "objective": ("--objective", "val_loss"),
    "target": ("--target", "y"),
    "column": ("--column", "a=category"),
    "drop": ("--drop", "b"),
    "keep": ("--keep", "id"),
    "missing": ("--missing", "a=6"),
    "kind": ("--kind", "classification"),
    "folds": ("--folds", 2),
    "max_weights": ("--max-weights", 100_000),
    "balance": ("--balance",),
    "executions": ("--executions", 2),
    "validation_share": ("--validation-share", 0.3),
    "test_share": ("--test-share", 0.15),
    "split_seed": ("--split-seed", 4),
}
"""What a search is, and not how it is run; `data` and `model` are given, and images have a size."""

APART = {"image_size": (8, 9), "group": "c", "time": "seen", "part": "fold", "target_scale": "log", "merge_rare": 4}
"""What does not go with the others, or not with these data."""


def test_every_option_survives_the_round_trip(kzoo):
    other = {"model", "data", "trials", "out", "workers", "trial_timeout", "prune", "ray", "trial_cpus", "trial_gpus"}
    other |= {"engine", "as_json", "max_time", "patience", "earlier", "learn_from", "tensorboard", "reruns"}
    assert set(inspect.signature(search).parameters) - set(OPTIONS) == other | {*APART}
    rows = "\n".join(f"{a},{a % 3},{a % 5},{a % 7},{a % 2}" for a in range(40))
    (kzoo.directory / "data.csv").write_text(f"id,a,b,c,y\n{rows}")
    options = [part for option in OPTIONS.values() for part in option]
    command = ("search", "mlp", "--data", "data.csv", *options, "--out", "RUN", "--json", "--trials")
    first, second = kzoo(*command, 1), kzoo(*command, 2)
    assert first.exit_code == second.exit_code == 0
    assert "which goes on: 1 trial finished" in json.loads(second.stdout)["understood"]["kept in"]
    record = json.loads(first.stdout)
    labels = {"model", "data", "target", "split", "tuned", "fixed", "search", "chosen by", "kept in"}
    assert record["understood"].keys() == labels and record["remarks"]
    assert len(Study.load(kzoo.directory / "RUN").trials) == 2


def test_other_options_survive_the_round_trip(tmp_path):
    source = Source("pictures", columns={"a": "category"}, drop=("b",), **APART)
    task = library.load_dataset("iris").task
    asked = Run("mlp", source, "0", task, 1, 1, "val_loss", ranges={"optimizer": {"values": ("adam", "sgd")}})
    asked.write(tmp_path)
    assert asked.differences(Run.read(tmp_path)) == []
    assert Run.read(tmp_path).data == source


def test_folds_and_executions(kzoo):
    options = ("--data", "wine", "--trials", 1, "--epochs", 2, "--folds", 3, "--executions", 2, "--out", "RUN")
    kzoo("search", "softmax_regression", *options)
    (trial,) = Study.load(kzoo.directory / "RUN").trials
    assert len(trial.history["val_loss"]) == 2
    exported = kzoo.json("export", "RUN", "--name", "wine")
    # The rows that the folds are of have been trained on.
    assert set(exported["metrics"]) == {"test"}
    assert exported["training"].endswith("the best of 3 folds")
    assert "none are left to choose shares by" in kzoo("export", "RUN", "--name", "wine", "--top", 2).stderr
    assert "folds 3 (there: none)" not in str(kzoo("search", "softmax_regression", *options).exception)


def test_folds_of_groups(kzoo):
    rows = "\n".join(f"{a % 7},{a // 4},{a % 2}" for a in range(60))
    (kzoo.directory / "data.csv").write_text(f"x,who,y\n{rows}")
    options = ("--data", "data.csv", "--target", "y", "--group", "who", "--folds", 3, "--epochs", 1, "--out", "RUN")
    assert kzoo("search", "softmax_regression", *options, "--trials", 1).exit_code == 0
    data = Run.read(kzoo.directory / "RUN").load_data()
    (trial,) = Study.load(kzoo.directory / "RUN").trials
    assert len(trial.executions) == 3 and data.groups is not None
    assert "too few for 40 folds" in kzoo("search", "mlp", *options[:7], 40, "--out", "MANY").stderr


def test_a_search_that_knows_another(searched):
    options = ("--data", "wine", "--epochs", 2, "--earlier", "RUN", "--trials", 1, "--out", "LATER")
    assert searched("search", "mlp", *options).exit_code == 0
    assert len(replay(read_journal(searched.directory / "LATER"), "LATER").header["earlier"]) == 6
    assert searched("search", "mlp", *options).exit_code == 0
    refused = searched("search", "mlp", "--data", "wine", "--epochs", 3, "--earlier", "RUN", "--out", "NONE")
    assert (refused.exit_code, "RUN has other epochs" in refused.stderr) == (2, True)


def test_a_search_that_learns_from_others(searched):
    options = ("--data", "iris", "--epochs", 1, "--learn-from", ".", "--trials", 1, "--out", "TAUGHT")
    result = searched("search", "mlp", *options)
    assert result.exit_code == 0 and re.search(r"learns from +\d+ search(es)? with \d+ trials", result.stdout)
    learned = replay(read_journal(searched.directory / "TAUGHT"), "TAUGHT").header["learned_from"]
    assert 6 in [len(each["trials"]) for each in learned if each["name"] == "RUN"]
    # It goes on with what it knows, whatever is there by now.
    assert searched("search", "mlp", *options).exit_code == 0
    other = searched("search", "mlp", *options[:4], "--out", "TAUGHT")
    assert other.exit_code == 1 and "learn_from none (there: " in str(other.exception)


def test_the_last_trials_run_the_leaders_again(kzoo):
    kzoo("search", "softmax_regression", "--data", "wine", "--trials", 3, "--epochs", 1, "--reruns", 1, "--out", "RUN")
    *first, last = (trial.values for trial in Study.load(kzoo.directory / "RUN").trials)
    assert first[0] != first[1] and last in first


def test_a_search_ends_by_patience_or_time(kzoo):
    options = ("softmax_regression", "--data", "wine", "--trials", 30, "--epochs", 1, "--out")
    shown = kzoo("search", *options, "PATIENT", "--patience", 2, columns=200).stdout
    study = Study.load(kzoo.directory / "PATIENT")
    assert len(study.trials) < 30 and "no longer improves" in study.stopped
    assert "no longer improves" in shown
    shown = kzoo("search", *options, "SHORT", "--max-time", "0.01s", columns=200).stdout
    assert "1 trial finished" in shown and "The time is used up (0.01 s)." in shown


def test_a_directory_with_other_things_is_left_alone(kzoo):
    (kzoo.directory / "RUN").mkdir()
    (kzoo.directory / "RUN" / "thesis.txt").write_text("precious")
    result = kzoo("search", "mlp", "--data", "wine", "--trials", 1, "--out", "RUN")
    assert "not empty" in str(result.exception)
    assert [each.name for each in (kzoo.directory / "RUN").iterdir()] == ["thesis.txt"]


def test_export_answers_as_the_model(exported):
    assert exported.export_result.exit_code == 0
    assert "test: accuracy" in exported.export_result.stdout
    request = exported.directory / "saved_models" / "wine" / "request.json"
    answer = json.loads(exported("predict", "saved_models/wine", request).stdout)
    data = library.load_dataset("wine")
    assert np.asarray(json.loads(request.read_text())["instances"]) == pytest.approx(data.x_train[:2])
    for prediction in answer["predictions"]:
        assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert prediction["label"] == data.task.class_names[int(np.argmax(prediction["probabilities"]))]


def test_another_format_that_there_is_not(exported):
    result = exported("export", "RUN", "--name", "wine", "--format", "onnx, tflite")
    assert result.exit_code == 2
    assert "tflite" in result.stderr or "kzoo[onnx]" in result.stderr


def test_export_of_a_trial_that_is_not_there(exported):
    result = exported("export", "RUN", "--name", "wine", "--trial", 99)
    assert result.exit_code == 2
    assert "No trial 99" in result.stderr


def test_changed_data_are_not_exported_against(exported, monkeypatch):
    description = exported.directory / "RUN" / "kzoo.json"
    kept = description.read_text()
    description.write_text(kept.replace('"fingerprint": "', '"fingerprint": "0'))
    try:
        result = exported("export", "RUN", "--name", "wine")
    finally:
        description.write_text(kept)
    assert "has changed since the search" in str(result.exception)


def test_a_csv_with_two_targets_goes_all_the_way(kzoo):
    rows = [f"{a},{a * a % 7},{a + 1},{2 * a}" for a in range(30)]
    (kzoo.directory / "data.csv").write_text("\n".join(["a,b,sum,double", *rows]))
    found = kzoo.json(
        "search", "mlp", "--data", "data.csv", "--target", "sum", "--target", "double", "--kind", "regression",
        "--trials", 1, "--epochs", 1, "--out", "RUN",
    )  # fmt: skip
    assert found["objective"] == "val_loss"
    assert kzoo("export", "RUN", "--name", "pair").exit_code == 0
    answer = json.loads(kzoo("predict", "saved_models/pair", "saved_models/pair/request.json").stdout)
    assert len(answer["predictions"][0]) == 2


def test_check_finds_damage(exported):
    versions = exported.directory / "saved_models" / "wine"
    newest = max(versions.glob("[0-9]*"), key=lambda path: int(path.name))
    result = exported("check", "saved_models/wine")
    assert result.exit_code == 0
    assert "whole" in result.stdout
    weights = newest / "variables" / "variables.data-00000-of-00001"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    try:
        result = exported("check", "saved_models/wine")
    finally:
        weights.write_bytes(content)
    assert "variables.data-00000-of-00001 has" in result.stdout
    assert "not fit to serve" in str(result.exception)


def test_an_export_says_where_it_comes_from(exported):
    card = exported.directory / "saved_models" / "wine" / "1" / "assets.extra" / "kzoo" / "model_card.json"
    record = json.loads(card.read_text())
    assert (record["family"], record["data"], record["rows"]["test"]) == ("mlp", "wine", 36)
    assert record["training"].startswith("trial ")
    assert set(record["metrics"]) == {"validation", "test"}


def test_export_of_a_model_trained_again(exported):
    result = exported("export", "RUN", "--name", "again", "--refit", "--seeds", 2, "--json")
    record = json.loads(result.stdout)
    assert set(record["metrics"]) == {"test"}
    card = exported.directory / record["path"] / "assets.extra" / "kzoo" / "model_card.json"
    assert "on training and validation rows; the mean of 2 models" in json.loads(card.read_text())["training"]
    assert "several seeds need" in exported("export", "RUN", "--name", "again", "--seeds", 2).stderr


def test_export_of_the_best_trials_together(exported):
    result = exported("export", "RUN", "--name", "together", "--top", 9)
    assert result.exit_code == 0
    assert "Of the 9 best trials asked for there are the weights of" in result.stderr
    assert "Exported to saved_models/together/1" in " ".join(result.stdout.split())
    record = exported.json("export", "RUN", "--name", "together", "--top", 2)
    assert sum(record["shares"].values()) == pytest.approx(1)
    alone = exported.json("export", "RUN", "--name", "together")
    assert alone["shares"] == {str(alone["trial"]): 1.0}
    assert record["metrics"]["validation"]["loss"] <= alone["metrics"]["validation"]["loss"] + 1e-6
    refused = exported("export", "RUN", "--name", "x", "--top", 2, "--refit")
    assert refused.exit_code == 2 and "averaged as they are" in refused.stderr


def test_versions_are_promoted_and_pruned(exported, monkeypatch):
    for _ in range(2):
        assert exported("export", "RUN", "--name", "many").exit_code == 0
    # Where nothing is served, so that nobody can be asked.
    monkeypatch.setattr("kzoo.serving.replicas.LOCAL", "127.0.0.1:1")
    assert exported.json("promote", "many", 1)["labels"] == {"stable": 1}
    assert "labels/canary:predict" in exported("promote", "many", 2, "--label", "canary").stdout
    assert "has no version 9" in str(exported("promote", "many", 9).exception)
    assert exported.json("prune", "many", "--keep", 1) == []
    assert "or with --wait SECONDS" in exported("promote", "many", 2).stdout
    assert exported("promote", "many", 2, "--wait", 0.01).exit_code == 0
    # A server may not have moved the label yet.
    assert exported.json("prune", "many", "--keep", 1) == []
    monkeypatch.setattr("kzoo.serving.releases.SETTLED", 0)
    assert exported.json("prune", "many", "--keep", 1) == [1]


def test_the_smallest_of_the_good_ones_is_exported(exported):
    record = exported.json("export", "RUN", "--name", "small", "--smallest-within", 100)
    study = Study.load(exported.directory / "RUN")
    fewest = min(trial.parameters for trial in study.completed)
    assert study.by_number(record["trial"]).parameters == fewest
    assert f"{fewest:,} weights, the fewest within 100 % of the best" in record["training"]
