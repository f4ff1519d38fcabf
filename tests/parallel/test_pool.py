import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from scripted_search import make_tuner, processes_with, seconds_of, wait_for

import tuners
from tuners import Study


@pytest.fixture(autouse=True)
def _no_worker_lingers(tmp_path, monkeypatch):
    # Started as a user's are: by their command lines they are found.
    monkeypatch.setattr("tuners.parallel.process.subprocess", subprocess)
    yield
    wait_for(lambda: not processes_with(tmp_path), 10)


def statuses(directory):
    return [trial.status for trial in Study.load(directory / "run").trials]


def test_whatever_trials_do_the_search_ends_with_every_result(search, tmp_path):
    deeds = ["work", "die once", "die", "leave", "hang", "raise", "flood", "leave a child", "chatter", "inf", "work"]
    made = search(*deeds, trial_timeout=2)
    trials = Study.load(tmp_path / "run").trials
    assert [trial.values["deed"] for trial in trials] == deeds
    assert dict(zip(deeds, statuses(tmp_path), strict=True)) == {
        "work": "COMPLETED", "die once": "COMPLETED", "die": "FAILED", "leave": "FAILED", "hang": "FAILED",
        "raise": "FAILED", "flood": "FAILED", "leave a child": "COMPLETED", "chatter": "COMPLETED", "inf": "INVALID",
    }  # fmt: skip
    assert "last words" in trials[2].message and "signal 9 (Killed)" in trials[2].message
    assert "with exit code 3" in trials[3].message
    assert "does: hang" in trials[4].message and "longer than 2 s" in trials[4].message
    assert "more than 16777216 bytes" in trials[6].message
    assert trials[10].score == pytest.approx(10 / 16)
    assert sorted(made.observer.ended) == [trial.trial_id for trial in trials]
    assert {epoch[1:3] for epoch in made.observer.epochs} == {(1, 1)}


def test_nonsense_costs_the_worker_and_the_trial_is_run_again(search, tmp_path):
    search("nonsense", "work", workers=1)
    assert statuses(tmp_path) == ["COMPLETED", "COMPLETED"]


def test_each_trial_is_trained_once_and_a_lost_one_twice(search, tmp_path):
    search(*["work"] * 7, "die once", *["work"] * 8, workers=4)
    assert statuses(tmp_path) == ["COMPLETED"] * 16
    trained = (tmp_path / "trained").read_text().split()
    assert sorted(trained) == sorted([*(f"{number:04d}" for number in range(16)), "0007"])


def test_a_worker_is_replaced_after_so_many_trials(search, tmp_path):
    search(*["work"] * 6, workers=1, trials_per_worker=2)
    trials = Study.load(tmp_path / "run").trials
    assert [trial.history["served"][0] for trial in trials] == [1, 2] * 3
    assert len({trial.history["worker"][0] for trial in trials}) == 3


def test_a_worker_whose_memory_has_grown_is_replaced(search, tmp_path):
    search("work", "work", "grow", "work", "work", workers=1, memory_growth=2**25)
    trials = Study.load(tmp_path / "run").trials
    assert statuses(tmp_path) == ["COMPLETED"] * 5
    assert [trial.history["served"][0] for trial in trials] == [1, 2, 3, 1, 2]
    assert len({trial.history["worker"][0] for trial in trials}) == 2


def test_no_more_workers_than_trials(search):
    made = search("work", workers=4)
    assert made.observer.workers == [(1, "starting"), (1, "training"), (1, "idle")]


def test_a_finished_search_starts_no_worker(search):
    search("work")
    assert search("work").observer.workers == []


def test_failures_in_a_row_stop_the_search_with_the_reason(search, tmp_path):
    with pytest.raises(RuntimeError, match="3 trials in a row(.|\n)*does not work"):
        search(*["raise"] * 9, oracle={"max_consecutive_failed_trials": 3})
    assert statuses(tmp_path).count("FAILED") == 3


def test_nan_in_every_trial_is_a_result(search, tmp_path):
    search(*["nan"] * 5)
    assert statuses(tmp_path) == ["INVALID"] * 5


def test_what_no_trial_can_mend_stops_the_search(search):
    with pytest.raises(RuntimeError, match="nothing works"):
        search("fatal", "work")


def test_workers_that_cannot_start_are_said(tmp_path):
    made = make_tuner(tmp_path, ["work"] * 4)
    with pytest.raises(RuntimeError, match="No worker can be started(.|\n)*no such data(.|\n)*exit code 1"):
        tuners.search_in_processes(made, [sys.executable, "-c", 'raise SystemExit("no such data")'], workers=2)
    assert made.observer.workers.count((1, "starting")) == 2


def test_a_worker_that_is_never_ready(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(RuntimeError, match=r"not ready after 0\.2 s"):
        tuners.search_in_processes(make_tuner(tmp_path, ["work"]), command, workers=1, start_timeout=0.2)


def test_a_command_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        tuners.search_in_processes(make_tuner(tmp_path, ["work"]), ["no-such-command"], workers=1)


@pytest.mark.parametrize("limit", [{"workers": 0}, {"trial_timeout": 0}, {"start_timeout": -1.0}])
def test_limits_that_cannot_be(search, limit):
    with pytest.raises(ValueError, match=f"{next(iter(limit))} is {next(iter(limit.values()))}"):
        search("work", **limit)


def interrupt_when(condition, times):
    def interrupt():
        for _ in range(times):
            wait_for(condition)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    threading.Thread(target=interrupt, daemon=True).start()


def test_an_interrupted_search_ends_the_trials_that_run_and_goes_on(search, tmp_path):
    journal = tmp_path / "run" / "journal.jsonl"
    interrupt_when(lambda: journal.exists() and b'"created"' in journal.read_bytes(), 1)
    with pytest.raises(KeyboardInterrupt):
        search(*["slow"] * 8)
    assert statuses(tmp_path) == ["COMPLETED"] * 2
    search(*["slow"] * 4)
    assert statuses(tmp_path) == ["COMPLETED"] * 4


def test_a_second_interrupt_is_at_once(search, tmp_path):
    journal = tmp_path / "run" / "journal.jsonl"
    interrupt_when(lambda: journal.exists() and b'"created"' in journal.read_bytes(), 2)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search("hang", "hang")
    assert time.monotonic() - began < 60
    assert statuses(tmp_path) == ["RUNNING", "RUNNING"]


def test_a_killed_worker_costs_its_trial_a_second_run(search, tmp_path):
    journal = tmp_path / "run" / "journal.jsonl"

    def kill():
        wait_for(lambda: journal.exists() and b'"ended"' in journal.read_bytes())
        os.kill(processes_with(tmp_path)[0], signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    search(*["slow"] * 5)
    assert statuses(tmp_path) == ["COMPLETED"] * 5


def test_an_idle_worker_and_its_parent_take_no_time(search, tmp_path):
    times = []

    def measure():
        wait_for(lambda: processes_with(tmp_path))
        time.sleep(0.5)
        for _ in range(2):
            times.append((sum(map(seconds_of, processes_with(tmp_path))), time.process_time()))
            time.sleep(1.5)

    watch = threading.Thread(target=measure, daemon=True)
    watch.start()
    search("hang", "hang", trial_timeout=3)
    watch.join()
    (workers, parent), (workers_later, parent_later) = times
    assert workers_later - workers <= 0.03
    assert parent_later - parent < 0.05
