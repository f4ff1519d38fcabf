"""A search that begins in one process and goes on in several: no trial is lost or trained twice, whatever happens."""

import os
import signal
import sys
import types

import keras_tuner
import pytest
from forked_python import run
from keras_tuner.engine.trial import Trial
from typer.testing import CliRunner

from kzoo.cli import handover, training
from kzoo.cli.app import app
from kzoo.cli.effort import Effort
from kzoo.cli.progress import SearchProgress
from tuners import Study
from tuners.parallel.plan import Plan

SEARCH = ["search", "softmax_regression", "--data", "wine", "--trials", "4", "--epochs", "1", "--out", "RUN"]
OWN = """
import keras, keras_tuner
class Own(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.SGD(hp.Float("learning_rate", 1e-4, 1e-2)), "sparse_categorical_crossentropy")
        return model
    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        best = keras.callbacks.ModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True)
        history = model.fit(*args, callbacks=[*callbacks, best], **kwargs)
        model.load_weights("best.weights.h5")
        return history
"""
PAYS = Plan(2, "", alone=60.0, together=33.0, wished=2)

KILLED = """
import os, signal
from kzoo.cli import handover
from tuners.parallel import pool
from tuners.parallel.plan import Plan
handover.MEASURED, handover.SAVED = 1, 0.0
handover.plan = lambda work, room: Plan(2, "", 60.0, 33.0, 2)
pool.WorkerProcess = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from kzoo.cli import main; main()
"""


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Searches, of which it is foretold after the first trial that two processes pay; its words and the study."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(handover, "MEASURED", 1)
    monkeypatch.setattr(handover, "SAVED", 0.0)
    monkeypatch.setattr(handover, "plan", lambda work, room: PAYS)

    def made(*options, code=0):
        result = CliRunner().invoke(app, [*SEARCH, *options], catch_exceptions=False)
        assert result.exit_code == code, result.stderr
        return result.stderr, Study.load(tmp_path / "RUN")

    return made


def places(study):
    """Which worker has trained each trial, 0 for none."""
    return [int(trial.worker or 0) for trial in study.trials]


def whole(study):
    assert [trial.number for trial in study.trials] == [1, 2, 3, 4]
    assert {(trial.status, len(trial.history["val_loss"])) for trial in study.trials} == {("COMPLETED", 1)}
    return study


def test_several_processes_go_on_with_what_one_has_begun(search):
    said, study = search("--prune", "--max-time", "1h", "--workers", "auto")
    # Trials may end early, so that one more is looked at.
    assert "2 processes from trial 3 on: about 33 s instead of 1 min 00 s.\n" in said
    assert places(whole(study))[:2] == [0, 0] and min(places(study)[2:]) > 0
    assert sorted(line.split()[1] for line in said.splitlines() if line.startswith("trial")) == [*"1234"]


def test_where_no_worker_can_be_started_the_search_goes_on_here(search, monkeypatch):
    monkeypatch.setattr(training, "WORKER", "no_such_module")
    said, study = search()
    assert "On in this process: No worker can be started. The last one printed: " in said
    assert "No module named no_such_module" in said
    assert places(whole(study)) == [0] * 4


def test_an_interrupt_when_it_is_handed_over(search, monkeypatch):
    def interrupted(work, room):
        os.kill(os.getpid(), signal.SIGINT)
        return PAYS

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(handover, "plan", interrupted)
            assert places(search(code=130)[1]) == [0]
    finally:
        signal.signal(signal.SIGINT, before)
    said, study = search("--seed", "1")
    assert said.count("One process, since --seed 1 is to give the same trials again; --workers 2: about 33 s ") == 1
    assert places(whole(study)) == [0] * 4


def test_a_kill_when_it_is_handed_over(search, tmp_path):
    killed = run([sys.executable, "-c", KILLED, *SEARCH], cwd=tmp_path, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [trial.status for trial in Study.load(tmp_path / "RUN").trials] == ["COMPLETED", "RUNNING"]
    said, study = search("--workers", "1")
    assert "process" not in said and places(whole(study)) == [0] * 4


def test_models_of_the_users_own_do_not_write_over_each_others_files(search, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    own = ["search", "mine.py:Own", *SEARCH[2:]]
    result = CliRunner().invoke(app, own, catch_exceptions=False)
    assert "One process, since mine.py:Own may write files of its own; --workers 2: about 33 s" in result.stderr
    assert places(whole(Study.load(tmp_path / "RUN"))) == [0] * 4


class Trials:
    """Ends trials that took so many seconds on the wall and of a processor, while others kept cores busy."""

    def __init__(self, monkeypatch, trials=30, cores=2.0, others=0.0, **effort):
        self.now, self.others = (0.0, 10.0, 0.0), others
        clock = types.SimpleNamespace(monotonic=lambda: self.now[0], process_time=lambda: self.now[1])
        monkeypatch.setattr(handover, "time", clock)
        monkeypatch.setattr("kzoo.cli.progress.time", clock)
        monkeypatch.setattr(handover, "busy_seconds", lambda: self.now[2])
        monkeypatch.setattr(handover, "core_limit", lambda: cores)
        monkeypatch.setattr(handover, "available_cores", lambda: list(range(int(cores))))
        monkeypatch.setattr(handover, "free_memory", lambda: 2**40)
        self.tuner = types.SimpleNamespace(stop_search=False)
        limit = effort.get("max_time")
        progress = SearchProgress(trials=trials, objective="score", direction="max", time_left=limit)
        self.watched = handover.HandOver(self.tuner, progress, Effort(trials, **effort))

    def end(self, *trials, status="COMPLETED"):
        """How many processes go on after each trial."""
        for wall, cpu in trials:
            self.now = (self.now[0] + wall, self.now[1] + cpu, self.now[2] + cpu + wall * self.others)
            trial = Trial(keras_tuner.HyperParameters(), status=status)
            trial.score = -self.now[0]
            self.watched.on_trial_end(trial)
            yield self.watched.workers


@pytest.mark.parametrize(
    ("options", "trials", "workers"),
    [
        ({}, [(10, 10)] * 3, [1, 1, 2]),
        ({}, [(0.3, 0.3)] * 4, [1] * 4),
        ({}, [(10, 19)] * 4, [1] * 4),
        # The first compiles: neither is it taken for a trial, nor is it free of charge for workers.
        ({}, [(9, 9), (0.4, 0.4), (0.4, 0.4), (0.4, 0.4)], [1] * 4),
        ({}, [(50, 50), (2, 2), (2, 2)], [1, 1, 1]),
        # It comes to larger models.
        ({}, [(0.3, 0.3)] * 5 + [(4, 4)] * 3, [1] * 6 + [2, 2]),
        # A long one is enough.
        ({}, [(70, 70)], [2]),
        ({"trials": 4}, [(5, 5)] * 3, [1] * 3),
        ({"patience": 4}, [(5, 5)] * 4, [1] * 4),
        ({"max_time": 60.0}, [(10, 10)] * 4, [1] * 4),
        ({"prune": True}, [(10, 10)] * 6, [1] * 5 + [2]),
        # Somebody else computes on the second core, as another search does that was begun with &.
        ({"others": 1.0}, [(10, 10)] * 4, [1] * 4),
        ({"others": 0.2}, [(10, 10)] * 3, [1, 1, 2]),
        ({"cores": 1.0}, [(10, 10)] * 4, [1] * 4),
        ({"cores": 8.0}, [(10, 10)] * 3, [1, 1, 4]),
    ],
)
def test_when_it_is_handed_over(monkeypatch, options, trials, workers):
    made = Trials(monkeypatch, **options)
    assert list(made.end(*trials)) == workers
    assert made.tuner.stop_search == (max(workers) > 1)


def test_a_trial_that_failed_tells_nothing(monkeypatch):
    made = Trials(monkeypatch)
    assert list(made.end(*[(10, 10)] * 5, status="FAILED")) == [1] * 5
    assert list(made.end(*[(10, 10)] * 3)) == [1, 1, 2]


def test_where_the_time_is_what_ends_a_search_more_trials_are_foretold(monkeypatch, capsys):
    made = Trials(monkeypatch, max_time=130.0)
    assert list(made.end(*[(10, 10)] * 3)) == [1, 1, 2]
    assert "2 processes from trial 4 on: about 1.7 times as many trials in the time that is left." in (
        capsys.readouterr().err
    )
    assert made.watched.progress.seconds_left() == 100.0
