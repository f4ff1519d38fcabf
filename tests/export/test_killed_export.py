"""A real exporter that is killed while its export is being checked."""

import sys
import time

from forked_python import ForkedPopen

from kzoo.export.layout import WARMUP
from kzoo.export.staging import PREFIX, staging

EXPORT = """
import sys, numpy as np, keras, kzoo
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
kzoo.export_model(model, sys.argv[1], examples=np.eye(3, dtype="float32"))
"""


def servable(base):
    """What the server would take for versions, files and odd spellings included."""
    return [path for path in base.iterdir() if path.name.strip().lstrip("+-").isdigit()]


def test_a_killed_export_leaves_nothing_that_the_server_would_load(tmp_path):
    exporter = ForkedPopen([sys.executable, "-c", EXPORT, tmp_path])
    deadline = time.monotonic() + 100
    while not list(tmp_path.glob(f"{PREFIX}*/{WARMUP}")):
        assert exporter.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    exporter.kill()
    exporter.wait()
    assert servable(tmp_path) == []
    with staging(tmp_path) as directory:
        assert list(tmp_path.glob(f"{PREFIX}*")) == [directory]
