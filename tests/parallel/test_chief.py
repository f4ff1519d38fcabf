"""keras-tuner's distributed search, with our chief: real gRPC on loopback, workers as threads or as processes."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras_tuner
import pytest
from forked_python import ForkedPopen
from scripted_search import serve_as_chief, wait_for

import tuners
from tuners import Study
from tuners.parallel import chief, chief_client


class Numbers(keras_tuner.HyperModel):
    """Trials that take no training."""

    def __init__(self, deed=lambda trial: None):
        super().__init__()
        self.deed = deed

    def build(self, hp):
        import keras

        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, *args, **kwargs):
        self.deed(hp)
        return {"score": hp.get("x")}


class Distributed:
    """A chief and its workers in one process."""

    def __init__(self, directory, setenv, **options):
        self.directory, self.setenv = directory, setenv
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
        setenv("KERASTUNER_ORACLE_PORT", str(self.port))
        self.chief = self.tuner("chief", **options)
        assert isinstance(self.chief.oracle, keras_tuner.Oracle)
        self.threads = []

    def tuner(self, tuner_id, deed=lambda hp: None, kind=tuners.CoarseToFineSearch, **options):
        self.setenv("KERASTUNER_TUNER_ID", tuner_id)
        oracle = {"objective": keras_tuner.Objective("score", "max"), "max_trials": 6, "seed": 1, **options}
        if kind is keras_tuner.Tuner:
            oracle = {"oracle": tuners.CoarseToFineOracle(**oracle)}
        return kind(hypermodel=Numbers(deed), **oracle, directory=str(self.directory), project_name="run")

    def worker(self, tuner_id, deed=lambda hp: None, **options):
        made = self.tuner(tuner_id, deed, **options)
        self.threads.append(threading.Thread(target=made.search, kwargs={"verbose": 0}, daemon=True))
        self.threads[-1].start()
        return made

    def serve(self, **limits):
        self.chief.oracle.verbose = 0
        chief.serve_oracle(self.chief, **limits)
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()

    @property
    def trials(self):
        return Study.load(self.directory / "run").trials


@pytest.fixture
def distributed(tmp_path, monkeypatch):
    monkeypatch.setattr(chief_client, "PERIOD", 0.1)
    monkeypatch.setattr(chief, "WAIT", 0.5)
    return lambda **options: Distributed(tmp_path, monkeypatch.setenv, **options)


def test_workers_share_the_trials_and_all_come_to_an_end(distributed):
    search = distributed()
    for name in ("worker1", "worker2"):
        search.worker(name, lambda hp: time.sleep(0.05))
    search.serve()
    assert [trial.status for trial in search.trials] == ["COMPLETED"] * 6
    assert all(trial.score == trial.values["x"] for trial in search.trials)


def test_a_plain_keras_tuner_is_served(distributed):
    search = distributed(max_trials=3)
    search.worker("worker1", kind=keras_tuner.Tuner, max_trials=3)
    search.serve()
    assert [trial.status for trial in search.trials] == ["COMPLETED"] * 3


def test_the_trial_of_a_silent_worker_is_handed_on(distributed):
    search = distributed(max_trials=3)
    silent = search.tuner("silent")

    def take_and_fall_silent():
        trial = silent.oracle.create_trial("silent")
        silent.oracle.get_trial(trial.trial_id)

    search.threads.append(threading.Thread(target=take_and_fall_silent, daemon=True))
    search.threads[0].start()
    threading.Timer(0.5, search.worker, ["worker1"]).start()
    search.serve(lease=1.0)
    assert [trial.status for trial in search.trials] == ["COMPLETED"] * 3


def test_a_trial_that_takes_long_is_not_taken_away(distributed):
    search = distributed(max_trials=2)
    seen = []
    search.worker("worker1", lambda hp: (seen.append(1), time.sleep(1.5)))
    search.serve(lease=0.5)
    assert [trial.status for trial in search.trials] == ["COMPLETED"] * 2
    assert len(seen) == 2


def test_a_trial_that_silences_two_workers_has_failed(distributed):
    search = distributed(max_trials=1)

    def take_and_fall_silent(name):
        silent = search.tuner(name)
        while silent.oracle.create_trial(name).status != "RUNNING":
            pass

    for name in ("one", "two"):
        search.threads.append(threading.Thread(target=take_and_fall_silent, args=[name], daemon=True))
        search.threads[-1].start()
    search.serve(lease=0.4, silent_lease=0.8, patience=3.0)
    assert [trial.status for trial in search.trials] == ["FAILED"]
    assert "fell silent" in search.trials[0].message


def raise_error(hp):
    raise ValueError("does not work")


def test_when_every_trial_raises_chief_and_workers_come_to_an_end(distributed, capfd):
    search = distributed(max_trials=20)
    for name in ("worker1", "worker2"):
        search.worker(name, raise_error)
    with pytest.raises(RuntimeError, match="3 trials in a row(.|\n)*raised on worker"):
        search.serve()
    wait_for(lambda: not any(thread.is_alive() for thread in search.threads), 30)
    assert "does not work" in capfd.readouterr().err


def test_without_workers_the_chief_gives_up(distributed):
    with pytest.raises(RuntimeError, match=r"No worker has asked for a trial in 0\.3 s"):
        distributed().serve(patience=0.3)


def test_a_second_chief_is_refused_at_once(distributed):
    search = distributed()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", search.port))
        taken.listen()
        with pytest.raises(RuntimeError, match="Failed to bind|bind address"):
            search.serve(patience=5.0)


@pytest.mark.parametrize(("deed", "times"), [("take", 3), ("end", 2)])
def test_a_chief_that_is_killed_while_it_is_asked_is_followed_by_another(distributed, tmp_path, deed, times):
    search = distributed()
    # Not forked by a server, which would keep the variables of this test for the processes of all later ones.
    killed = multiprocessing.get_context("spawn").Process(
        target=serve_as_chief, args=(tmp_path, search.port, deed, times)
    )
    killed.start()
    search.worker("worker1")
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    kept = [(trial.values, trial.score) for trial in search.trials if trial.status == "COMPLETED"]
    assert len(kept) == 2
    with pytest.raises(tuners.JournalError, match="another search has gone on here"):
        search.chief.oracle.create_trial("too late")
    search.chief = search.tuner("chief")
    assert len(search.chief.oracle.end_order) == 2
    search.serve()
    assert [trial.status for trial in search.trials] == ["COMPLETED"] * 6
    assert [(trial.values, trial.score) for trial in search.trials][:2] == kept


def test_processes_one_of_which_is_killed(tmp_path):
    script = Path(__file__).parent / "distributed.py"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}

    def start(name):
        environment = {**os.environ, **address, "KERASTUNER_TUNER_ID": name}
        return ForkedPopen(
            [sys.executable, script, tmp_path], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    running = [start(name) for name in ("chief", "worker1", "worker2")]
    try:
        wait_for(lambda: (tmp_path / "worker1 trains").exists(), 100)
        running[1].send_signal(signal.SIGKILL)
        output = running[0].communicate(timeout=100)[0]
        assert running[0].returncode == 0, output.decode()
        assert running[2].wait(timeout=60) == 0
    finally:
        for process in running:
            process.kill()
            process.communicate()
    trials = Study.load(tmp_path / "run").trials
    assert [trial.status for trial in trials] == ["COMPLETED"] * 4
    made = tuners.CoarseToFineSearch(Numbers(), max_trials=4, objective=keras_tuner.Objective("val_loss", "min"),
                                     directory=str(tmp_path), project_name="run")  # fmt: skip
    assert made.oracle.get_best_trials()
