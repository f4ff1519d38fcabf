"""What `kzoo search` and `kzoo report` show, at several widths and without a terminal."""

import io
import json
import re
import shutil
import signal
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from keras_tuner.engine.trial import Trial

import kzoo as library
from kzoo.cli import arguments, search, summary, understood
from kzoo.cli.console import NOTEBOOK, Failure, console
from kzoo.cli.progress import STOPPING, SearchProgress
from kzoo.cli.shown import aligned, counted, even, reason
from tuners import Study
from tuners.trial_metrics import set_score, take_metrics


def test_a_search_says_what_it_has_understood_before_tensorflow_is_loaded(kzoo, monkeypatch):
    def no_tensorflow():
        raise Failure("too early")

    monkeypatch.setattr("kzoo.cli.search.import_tensorflow", no_tensorflow)
    options = ("--max-time", "2h", "--folds", 3, "--range", "units=8:64", "--range", "momentum=0.8:0.99")
    result = kzoo("search", "mlp", "--data", "wine", *options, "--fix", "norm=none", columns=200)
    assert str(result.exception) == "too early"
    said = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    tuned = (
        "learning_rate; then units (8 to 64), optimizer, momentum (0.8 to 0.99), batch_size; then layers, activation"
    )
    assert said["tuned"].startswith(tuned)
    assert "batch_norm" not in said["tuned"]
    assert said["fixed"].strip() == "norm none"
    assert "class_1 71, class_0 59, class_2 48; always answering class_1 is right in 39.9 %" in said["target"]
    search = "30 trials of 20 epochs, each on 3 folds of the training and validation rows, at most 2 h 00 min"
    assert said["search"].strip() == search


def test_every_trial_is_a_line_without_a_terminal(searched):
    lines = [line for line in searched.result.stderr.splitlines() if line.startswith("trial ")]
    assert [line.split()[1] for line in lines] == [*"123456"]
    assert "best so far: the defaults" in lines[0]
    assert "left" in lines[0] and "left" not in lines[-1]


@pytest.mark.parametrize("notebook", [False, True])
def test_the_cell_of_a_notebook_is_no_terminal(monkeypatch, notebook):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", NOTEBOOK):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-color")
    monkeypatch.setattr("sys.stderr", Terminal())
    if notebook:
        monkeypatch.setenv(NOTEBOOK, "12")
    shown = SearchProgress(trials=9, objective="val_loss", direction="min")
    assert console(stderr=True).is_terminal == shown.console.is_terminal == (not notebook)
    assert shown.bar.disable == notebook


def progress_of(capsys, trials, gone=0.0, **options):
    """What is said of trials, each an accuracy and a loss, as they end so many seconds after the search began."""
    objective = keras_tuner.Objective("val_accuracy", "max")
    shown = SearchProgress(trials=9, objective="val_accuracy", direction="max", **options)
    shown.began -= gone
    for number, (accuracy, loss) in enumerate(trials):
        trial = Trial(keras_tuner.HyperParameters(), trial_id=f"{number:04d}", status="COMPLETED")
        take_metrics(trial, objective, {"val_accuracy": accuracy, "val_loss": loss}, 0)
        set_score(trial, objective)
        shown.on_trial_end(trial)
    return shown, capsys.readouterr().err.splitlines()


def test_of_trials_with_the_same_score_the_best_so_far_is_that_with_the_least_loss(capsys):
    _, lines = progress_of(capsys, [(0.9, 0.5), (0.9, 0.4), (0.9, 0.4), (0.8, 0.1), (0.9, 0.3)])
    assert ["best so far" in line for line in lines] == [True, True, False, False, True]


def test_the_best_of_the_trials_before_is_known(capsys):
    shown, _ = progress_of(capsys, [(0.9, 0.5)])
    _, (line,) = progress_of(capsys, [(0.9, 0.6)], ended=[shown.best])
    assert "best so far" not in line and line.startswith("trial 1 of 9")


def test_the_time_left_is_what_the_limit_leaves(capsys):
    left = [progress_of(capsys, [(0.9, 0.5)], gone=100.0, time_left=limit)[1][0] for limit in (None, 160.0, 90.0)]
    assert [each.rpartition("  ")[2] for each in left] == ["about 13 min 20 s left", "about 1 min 00 s left"] + [
        "under 10 s left"
    ]


def test_the_time_of_an_earlier_part_counts(searched):
    options = ("--data", "wine", "--trials", 6, "--epochs", 2, "--out", "RUN", "--max-time", "2h")
    shown = searched("search", "mlp", *options, columns=200).stdout
    assert re.search(r"at most 2 h 00 min, [\d.]+ s of them gone", shown)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_lets_the_trial_end_and_a_second_one_does_not(kzoo, monkeypatch, times):
    class Interrupted(SearchProgress):
        def on_epoch(self, trial, epoch, *rest):
            for _ in range(times if epoch == 1 else 0):
                signal.raise_signal(signal.SIGINT)
            super().on_epoch(trial, epoch, *rest)

    monkeypatch.setattr("kzoo.cli.training.SearchProgress", Interrupted)
    options = ("--data", "wine", "--trials", 3, "--epochs", 3, "--out", "RUN")
    result = kzoo("search", "softmax_regression", *options, columns=200)
    assert result.exit_code == 130
    (trial,) = Study.load(kzoo.directory / "RUN").trials
    if times == 1:
        assert STOPPING in result.stderr
        assert "Interrupted: RUN keeps the 1 trial that ended; the same command goes on." in result.stderr
        assert len(trial.history["val_loss"]) == 3
    else:
        assert "keeps the 0 trials that ended; trial 1 will begin again; the same" in result.stderr
        assert trial.status == "RUNNING"


def test_errors_are_said_in_the_unit_of_the_target(kzoo):
    options = ("--data", "diabetes", "--trials", 1, "--epochs", 1, "--out", "RUN")
    result = kzoo("search", "linear_regression", *options)
    line, header = result.stderr.splitlines()[-1], "trial  val_loss"
    assert 20 < float(line.partition("(RMSE ")[2].partition(")")[0]) < 200
    (titles,) = [each.split() for each in result.stdout.splitlines() if each.startswith(header)]
    assert titles == ["trial", "val_loss", "RMSE", "MAE"]


def again(searched, run, columns=80):
    """What a finished search shows where it is asked for again: nothing but its summary is new."""
    options = ("--data", "wine", "--trials", 6, "--epochs", 2, "--out", run)
    return searched("search", "mlp", *options, columns=columns).stdout


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
def test_a_summary_fits_the_screen(searched, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.chdir(searched.directory)
    summary.show(Path("RUN"), summary.load(Path("RUN")))
    shown = capsys.readouterr().out
    assert "RUN: 6 trials finished" in shown and "is the best:" in shown
    # What can be copied is left whole.
    lines = [line for line in shown.splitlines() if not line.startswith(("Next:", "Pictures:"))]
    assert max(map(len, lines)) <= columns
    assert ("No room for learning_rate" in shown) == (columns == 40) or columns == 40


def test_no_better_than_an_answer_that_is_always_the_same(searched, tmp_path):
    shutil.copytree(searched.directory / "RUN", tmp_path / "RUN")
    description = tmp_path / "RUN" / "kzoo.json"
    record = json.loads(description.read_text())
    assert 0.3 < record["constant"] < 0.5
    assert "To look at" not in again(searched, "RUN")
    description.write_text(json.dumps({**record, "constant": 1.0}))
    shown = again(searched, tmp_path / "RUN", 200)
    assert "as good as always answering the largest class (val_accuracy 1)" in shown


def test_the_score_of_a_constant_answer():
    wine, diabetes = library.load_dataset("wine"), library.load_dataset("diabetes")
    most = np.bincount(wine.y_train).argmax()
    assert understood.constant_score(wine, "val_accuracy") == (wine.y_val == most).mean()
    shares = np.bincount(wine.y_train) / len(wine.y_train)
    assert understood.constant_score(wine, "val_loss") == pytest.approx(-np.log(shares[wine.y_val]).mean())
    assert understood.constant_score(wine, "val_f1") is None
    mean = diabetes.y_train.mean()
    rmse = understood.constant_score(diabetes, "val_root_mean_squared_error")
    assert rmse == pytest.approx(np.sqrt(((diabetes.y_val - mean) ** 2).mean()))
    loss = understood.constant_score(diabetes, "val_loss")
    assert loss == pytest.approx((rmse / diabetes.task.target_scale[0]) ** 2, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("45s", 45), ("30m", 1800), ("1h30m", 5400), ("1.5 h", 5400), ("2d", 172800)]
)
def test_durations(text, seconds):
    assert arguments.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "1h30", "3 weeks", "inf", "1e3"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a time; expected seconds"):
        arguments.duration(text)


def test_words_and_numbers():
    assert (counted(1, "trial"), counted(0, "trial"), counted(2, "process", "processes")) == (
        *("1 trial", "0 trials", "2 processes"),
    )
    assert aligned([1.0, 0.66667, None]) == ["1.000", "0.667", ""]
    assert aligned([60.371, 6.2]) == ["60.37", "6.20"]
    assert aligned([0.0123, 0.5]) == ["0.0123", "0.5000"]
    assert even(["0.001", "0.00281", "0", "relu", "64"]) == ["0.00100", "0.00281", "0", "relu", "64"]
    raised = "Traceback (most recent call last):\n  File\nValueError: no rows\n\n\t [[{{node x}}]]"
    assert reason(raised) == "ValueError: no rows"
    assert reason("infeasible: loss was nan.") == "infeasible: loss was nan."


COMMANDS = ("models", "search", "export", "check", "predict", "serve", "promote", "prune")


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), (), *((name, "-h") for name in COMMANDS)])
def test_help_fits_80_columns_and_has_an_example(kzoo, arguments):
    result = kzoo(*arguments)
    assert result.exit_code == 0
    assert "Example: kzoo " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_version(kzoo):
    assert kzoo("--version").stdout == f"kzoo {library.__version__}\n"


def test_the_names_of_engines_are_those_that_there_are():
    from tuners.engine import choice

    assert {*choice.ENGINES, *choice.EARLIER_NAMES} == set(search.ENGINES)
