"""What readers of the base path see while versions are published, and what a killed exporter leaves."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import kzoo
from kzoo.export import list_versions
from kzoo.export.staging import claim_and_publish, staging

PARTS = ("saved_model.pb", "variables/variables.index", "variables/variables.data")


def publish(base, content="x" * 5000):
    with staging(base) as directory:
        (directory / "variables").mkdir()
        for part in reversed(PARTS):
            (directory / part).write_text(content)
            time.sleep(0.001)
        return claim_and_publish(directory)


def test_a_reader_never_sees_a_version_that_is_not_whole(tmp_path):
    seen, halves, done = set(), [], threading.Event()

    def poll():
        while not done.is_set() or seen != set(list_versions(tmp_path)):
            for number in list_versions(tmp_path):
                seen.add(number)
                halves.extend(part for part in PARTS if (tmp_path / str(number) / part).stat().st_size != 5000)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for _ in range(20):
            publish(tmp_path)
    finally:
        done.set()
        reader.join()
    assert seen == set(range(1, 21))
    assert halves == []


def test_exporters_at_once_get_numbers_of_their_own(tmp_path):
    threads = [threading.Thread(target=publish, args=(tmp_path,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list_versions(tmp_path) == list(range(1, 13))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".staging")]


def test_a_number_is_not_used_again(tmp_path):
    publish(tmp_path)
    newest = publish(tmp_path)
    newest.rename(tmp_path / "elsewhere")
    assert publish(tmp_path).name == "3"


EXPORTER = """
import sys, time
sys.path.insert(0, sys.argv[2])
from test_staging import PARTS, publish
publish.__globals__["PARTS"] = PARTS * 200
publish(sys.argv[1])
"""


@pytest.mark.parametrize("moment", [0.1, 0.2, 0.35])
def test_a_killed_exporter_leaves_nothing_to_load_and_is_cleaned_up_after(tmp_path, moment):
    base = tmp_path / "base"
    process = subprocess.Popen([sys.executable, "-c", EXPORTER, base, os.path.dirname(__file__)])
    deadline = time.monotonic() + 60
    while not (base.exists() and any(base.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list_versions(base) == []
    assert publish(base).name == "1"
    assert not [path for path in base.iterdir() if path.name.startswith(".staging")]


def test_two_real_exports_at_once(model, rows, task, tmp_path):
    found = []

    def export():
        found.append(kzoo.export_model(model, tmp_path, task=task, examples=rows))

    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in found) == ["1", "2"]
    assert kzoo.check(tmp_path) == {tmp_path / "1": [], tmp_path / "2": []}
