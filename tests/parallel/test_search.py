"""`kzoo search` with workers: the same trials and results as without, whatever trains them."""

import json
import subprocess
import threading

import pytest
from typer.testing import CliRunner

import kzoo
from kzoo.cli.app import app
from kzoo.cli.effort import Effort
from kzoo.cli.live import data_of
from kzoo.cli.tuner import KEPT
from kzoo.cli.worker import make
from tuners import Study
from tuners.report import live
from tuners.report.live import LiveStudy
from tuners.store.checkpoints import kept_trials

seen = {}
"""What the live page of each search has shown while it ran."""

SEARCH = ["search", "mlp", "--data", "wine", "--trials", "4", "--epochs", "3", "--json", "--engine", "population"]
SEARCH += ["--fix", "layers=1", "--fix", "norm=none", "--fix", "optimizer=adam", "--fix", "decay=none"]

BOARD = ["--tensorboard", "logs"]


class Watching(threading.Thread):
    """Looks at the live page of a search until that has ended; use it as a context manager."""

    def __init__(self, directory):
        super().__init__()
        self.directory, self.over, self.seen = directory, threading.Event(), []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        page = LiveStudy(self.directory, lambda: data_of(self.directory))
        known, last = 0, False
        while not last:
            last = self.over.wait(0.02)
            if (self.directory / "journal.jsonl").exists():
                answer = page.answer(known)
                known = answer["live"]["version"]
                self.seen.append((answer["live"]["state"], len(page.data["progress"]["numbers"])))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Runs of the same search: alone, with one worker, and with two."""
    directory = tmp_path_factory.mktemp("searched")
    # A file of the working directory is not taken for the module of that name.
    (directory / "queue.py").write_text("raise SystemExit('not this one')")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.setattr(live, "MOST_OFTEN", 0.0)
        patch.setattr(live, "SHARE", 1e9)
        for name, options in (("alone", []), ("one", ["--trial-timeout", "300"]), ("two", ["--workers", "2", *BOARD])):
            with Watching(directory / name) as seen[name], pytest.MonkeyPatch.context() as own:
                if name == "one":  # Started as a user's is.
                    own.setattr("tuners.parallel.process.subprocess", subprocess)
                result = CliRunner().invoke(app, [*SEARCH, "--out", name, *options], catch_exceptions=False)
            assert result.exit_code == 0, result.stderr
        yield directory


def test_one_worker_gives_the_same_trials_as_none(searched):
    alone, one = (Study.load(searched / name) for name in ("alone", "one"))
    assert [trial.values for trial in one.trials] == [trial.values for trial in alone.trials]
    assert {trial.engines for trial in (*alone.trials, *one.trials)} == {("numpy",)}
    for here, there in zip(alone.trials, one.trials, strict=True):
        assert there.history["val_loss"] == pytest.approx(here.history["val_loss"], rel=1e-3)


def test_a_result_depends_on_the_trial_alone(searched):
    """Trials that both searches have, by their ids and values, have the same result in both."""
    alone, two = (Study.load(searched / name) for name in ("alone", "two"))
    same = [pair for pair in zip(alone.trials, two.trials, strict=True) if pair[0].values == pair[1].values]
    assert len(same) >= 2
    for here, there in same:
        assert there.history["val_loss"] == pytest.approx(here.history["val_loss"], rel=1e-3)


@pytest.mark.parametrize("name", ["alone", "one", "two"])
def test_the_weights_of_the_best_are_kept(searched, name):
    study = Study.load(searched / name)
    assert set(kept_trials(searched / name)) == {trial.trial_id for trial in study.best[:KEPT]}


def test_the_best_of_several_workers_is_exported(searched):
    best = Study.load(searched / "two").best[0]
    command = ["export", "two", "--name", "wine", "--json"]
    exported = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    assert exported["trial"] == best.number
    assert exported["metrics"]["validation"]["accuracy"] == pytest.approx(best.score, abs=1e-6)


def test_the_best_models_after_a_parallel_search(searched):
    made, _ = make(str(searched / "two"), Effort(4).to_json())
    best = Study.load(searched / "two").best
    data = kzoo.load_dataset("wine")
    for model, trial in zip(made.get_best_models(2), best, strict=False):
        found = model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)
        assert found["accuracy"] == pytest.approx(trial.score, abs=1e-6)


def test_tensorboard_has_a_directory_for_each_trial(searched):
    study = Study.load(searched / "two")
    assert {trial.engines for trial in study.trials} == {("numpy",)}
    for trial in study.trials:
        own = searched / "logs" / trial.trial_id / "execution0"
        for place in (own, own / "train", own / "validation"):
            assert list(place.glob("events*"))


@pytest.mark.parametrize("name", ["alone", "two"])
def test_the_live_page_keeps_up_with_a_search(searched, name):
    states, counts = zip(*seen[name].seen, strict=True)
    assert list(counts) == sorted(counts) and len({*counts}) > 2 and counts[-1] == 4
    kinds = [state.split(";")[0] for state in states]
    assert kinds[-1] == "The search has ended" and "The search is running" in kinds
    assert kinds == sorted(kinds, reverse=True)  # It runs, and then it has ended.


@pytest.mark.parametrize(
    ("options", "lengths"), [(["--prune"], {3, 4}), (["--prune", "--workers", "2"], {3, 4}), ([], {4})]
)
def test_pruning_is_asked_for_and_reported(tmp_path, options, lengths):
    out, more = tmp_path / "run", ["--trials", "8", "--epochs", "4", *options]
    result = CliRunner().invoke(app, [*SEARCH, "--out", str(out), *more], catch_exceptions=False)
    trials = Study.load(out).trials
    found = [len(trial.history["val_loss"]) for trial in trials]
    # Which trials two workers train depends on which of them is faster, and each may be better than those before it.
    in_order = "--workers" not in options
    assert len(found) == 8 and (set(found) == lengths if in_order else set(found) <= lengths)
    assert found[trials.index(Study.load(out).best[0])] == 4
    # The first to come so far goes on: of two workers it may be either one's.
    assert 4 in found[: 1 if in_order else 2]
    said, saved = json.loads(result.stdout), sum(4 - each for each in found)
    assert said["understood"]["search"].startswith("8 trials of 4 epochs" + ", fewer" * (3 in lengths))
    assert said["epochs_saved"] == saved
    report = CliRunner().invoke(app, ["report", str(out)], catch_exceptions=False)
    assert (f"which saved {saved} epochs" in report.stdout) == bool(saved)
