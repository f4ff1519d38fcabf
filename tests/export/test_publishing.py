"""Whatever happens to an exporter, the server finds whole versions and nothing else."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import kzoo
from kzoo.export import list_versions
from kzoo.export.checksums import checksum_problems
from kzoo.export.staging import PREFIX, staging

PUBLISHER = Path(__file__).with_name("publisher.py")
PIPE = subprocess.PIPE

EXPORT = """
import sys, numpy as np, keras, kzoo
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
print("ready", flush=True)
sys.stdin.readline()
print(kzoo.export_model(model, sys.argv[1], examples=np.eye(3, dtype="float32")).name)
"""


def start(*command):
    return subprocess.Popen(
        [sys.executable, *map(str, command)], stdin=PIPE, stdout=PIPE, stderr=PIPE, encoding="utf-8"
    )


def output(process, text=None):
    out, remarks = process.communicate(text, timeout=120)
    assert process.returncode == 0, remarks
    return out.split()


def servable(base):
    """What the server would take for versions, files and odd spellings included."""
    return [path for path in base.iterdir() if path.name.strip().lstrip("+-").isdigit()]


def test_a_reader_never_sees_a_half_written_version(exported, tmp_path):
    base = tmp_path / "polled"
    base.mkdir()
    watcher = start(PUBLISHER, "watch", base)
    assert watcher.stdout.readline() == "watching\n"
    publishers = [start(PUBLISHER, "publish", base, exported, 20) for _ in range(2)]
    numbers = [int(number) for publisher in publishers for number in output(publisher)]
    # Two exporters at once: all succeed, no number twice.
    assert sorted(numbers) == list_versions(base) == list(range(1, 41))
    assert output(watcher, "end\n") == ["40"]


def test_a_killed_publisher_leaves_nothing_that_the_server_would_load(exported, tmp_path):
    base = tmp_path / "killed"
    draw = random.Random(1)
    for _ in range(8):
        publisher = start(PUBLISHER, "publish", base, exported, 1000)
        publisher.stdout.readline()
        time.sleep(draw.uniform(0, 0.05))
        publisher.kill()
        publisher.communicate()
        for version in servable(base):
            assert checksum_problems(version) == []
    before = list_versions(base)
    assert len(before) >= 8
    with staging(base) as directory:
        # What the killed ones had begun is removed by whoever exports next, and nothing else is.
        assert list(base.glob(f"{PREFIX}*")) == [directory]
    assert list_versions(base) == before


def test_two_real_exporters_at_once_and_one_killed_while_its_export_is_checked(tmp_path):
    base = tmp_path / "both"
    exporters = [start("-c", EXPORT, base) for _ in range(2)]
    for exporter in exporters:
        assert exporter.stdout.readline() == "ready\n"
    killed, other = exporters
    killed.stdin.write("\n")
    killed.stdin.flush()
    deadline = time.monotonic() + 60
    while not list(base.glob(f"{PREFIX}*/assets.extra/kzoo/SHA256SUMS")):
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    killed.kill()
    killed.communicate()
    assert servable(base) == []
    assert output(other, "\n") == ["1"]
    assert [path.name for path in servable(base)] == ["1"]
    assert list(base.glob(f"{PREFIX}*")) == []
    assert kzoo.check_export(base)[0].problems == ()


def test_two_exports_in_a_row_with_a_pruned_version_between(exported, tmp_path):
    base = tmp_path / "pruned"
    assert output(start(PUBLISHER, "publish", base, exported, 2)) == ["1", "2"]
    os.rename(base / "2", tmp_path / "away")
    assert output(start(PUBLISHER, "publish", base, exported, 1)) == ["3"]
