"""What readers of the base path see while versions are published, and what a killed exporter leaves."""

import os
import subprocess
import sys
import threading
import time

import kzoo
from kzoo.export import list_versions
from kzoo.export.manifest import damage
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


KILLED_AT_EVERY_STEP = """
import itertools, os, pathlib, signal, sys
sys.path.insert(0, sys.argv[2])
from test_staging import PARTS, publish
from kzoo.export.staging import PREFIX

def die_at(step):
    steps = itertools.count()
    def hook(event, arguments):
        if event.startswith(("open", "os.", "fcntl.")) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

for step in itertools.count():
    base = pathlib.Path(sys.argv[1]) / f"killed at {step}"
    if not (child := os.fork()):
        die_at(step)
        publish(base)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    for version in base.glob("[0-9]*"):
        assert all((version / part).stat().st_size == 5000 for part in PARTS), version
    there = [path.name for path in base.glob("[0-9]*")]
    publish(base)
    assert not list(base.glob(f"{PREFIX}*")), "what the killed process has left is still there"
    assert len(list(base.glob("[0-9]*"))) == len(there) + 1, "a number was used twice"
    if not ended:
        break
print(step)
"""


def test_an_exporter_killed_at_any_step_leaves_nothing_half_written_and_is_cleaned_up_after(tmp_path):
    script = [sys.executable, "-c", KILLED_AT_EVERY_STEP, tmp_path, os.path.dirname(__file__)]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_two_real_exports_at_once_and_a_reader(model, rows, task, tmp_path):
    found, seen = [], {}

    def export():
        found.append(kzoo.export_model(model, tmp_path, task=task, examples=rows))

    threads = [threading.Thread(target=export) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(seen) < 2 and (len(found) == 2 or any(thread.is_alive() for thread in threads)):
        for number in set(list_versions(tmp_path)) - seen.keys():
            seen[number] = list(damage(tmp_path / str(number)))
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in found) == ["1", "2"]
    assert seen == {1: [], 2: []}
    assert kzoo.check(tmp_path) == {tmp_path / "1": [], tmp_path / "2": []}
