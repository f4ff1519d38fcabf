import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuners import Study
from tuners.parallel.process import shares

SCRIPT = Path(__file__).parent / "script.py"


def parent(directory, deeds, timeout=60):
    return subprocess.Popen(
        [sys.executable, SCRIPT, "parent", directory, ",".join(deeds), str(timeout)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(directory):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"worker" in command and str(directory).encode() in command:
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_whatever_trials_do_the_search_ends_with_every_result(tmp_path):
    deeds = ["work", "die once", "die", "work", "hang", "raise", "work"]
    out, error = parent(tmp_path, deeds, timeout=5).communicate(timeout=200)
    assert "the search has ended" in out, error
    trials = Study.load(tmp_path / "run").trials
    assert [trial.values["deed"] for trial in trials] == deeds
    assert [trial.status for trial in trials] == [
        "COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "FAILED", "FAILED", "COMPLETED"
    ]  # fmt: skip
    assert "last words" in trials[2].message
    assert "signal 9" in trials[2].message
    assert "longer than 5 s" in trials[4].message
    assert "does not work" in trials[5].message
    assert trials[3].score == pytest.approx(0.3)
    wait_for(lambda: not workers_of(tmp_path))


def test_a_killed_parent_leaves_no_workers_and_the_search_goes_on(tmp_path):
    deeds = ["slow"] * 4
    running = parent(tmp_path, deeds)
    journal = tmp_path / "run" / "journal.jsonl"
    wait_for(lambda: journal.exists() and b'"ended"' in journal.read_bytes())
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    wait_for(lambda: not workers_of(tmp_path))
    before = len(Study.load(tmp_path / "run").completed)
    assert 1 <= before < 4
    parent(tmp_path, deeds).communicate(timeout=120)
    assert [trial.status for trial in Study.load(tmp_path / "run").trials] == ["COMPLETED"] * 4


def test_an_interrupted_search_ends_the_trials_that_run(tmp_path):
    running = parent(tmp_path, ["slow"] * 6)
    journal = tmp_path / "run" / "journal.jsonl"
    wait_for(lambda: journal.exists() and b'"ended"' in journal.read_bytes())
    os.kill(running.pid, signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert "KeyboardInterrupt" in error
    trials = Study.load(tmp_path / "run").trials
    assert {trial.status for trial in trials} == {"COMPLETED"}
    assert len(trials) < 6


def test_workers_that_cannot_start_are_said(tmp_path):
    command = [sys.executable, SCRIPT, "broken", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert "Workers end before they are ready" in result.stderr
    assert "no such data" in result.stderr


def test_cores_are_divided():
    assert shares([0, 1, 2, 3], 2) == [[0, 2], [1, 3]]
    assert shares([4, 5], 3) == [[4], [5], [4]]
    assert shares([0, 1, 2], 1) == [[0, 1, 2]]
