"""Locks: one holder at a time, and none outlives its process."""

import os
import signal
import subprocess
import sys

import pytest

from kzoo.locks import locked, release_lock, take_lock

HOLD = """
import pathlib, sys
from kzoo.locks import take_lock
lock = take_lock(pathlib.Path(sys.argv[1]))
print("has it", flush=True)
input()
"""

FORK = """
import os, pathlib, sys, time
from kzoo.locks import take_lock
lock = take_lock(pathlib.Path(sys.argv[1]))
if not os.fork():
    # By now it has let go of what it inherited.
    print(os.getpid(), flush=True)
time.sleep(60)
"""

COUNT = """
import pathlib, sys
from kzoo.locks import locked
path = pathlib.Path(sys.argv[1])
for _ in range(50):
    with locked(path / "lock"):
        (path / "count").write_text(str(int((path / "count").read_text()) + 1))
"""


def test_a_killed_process_leaves_no_lock(tmp_path):
    path = tmp_path / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline().strip() == "has it"
    assert take_lock(path) is None
    other.kill()
    other.communicate()
    assert path.exists()
    with locked(path):
        pass
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_that_outlives_its_parent_keeps_no_lock(tmp_path):
    path = tmp_path / "lock"
    parent = subprocess.Popen([sys.executable, "-c", FORK, path], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    try:
        assert take_lock(path) is None
        parent.kill()
        parent.wait()
        lock = take_lock(path)
        assert lock is not None
        release_lock(lock)
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_processes_that_wait_take_turns(tmp_path):
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, tmp_path]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for each in running:
        assert each.communicate(timeout=60)[1] == ""
    assert (tmp_path / "count").read_text() == "150"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_directory_that_cannot_be_written_is_an_error_and_no_lock(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        take_lock(tmp_path / "file" / "lock")


def test_a_lock_is_free_after_its_release(tmp_path):
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    release_lock(lock)
    again = take_lock(tmp_path / "lock")
    assert again is not None
    release_lock(again)
