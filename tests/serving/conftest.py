import os
import shutil
import socket
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from hollow import hollow_versions

import kzoo

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_server_here(monkeypatch):
    """Whatever this machine serves at the usual port is none of the tests' business."""
    monkeypatch.setattr("kzoo.serving.replicas.LOCAL", "127.0.0.1:1")


@pytest.fixture(scope="session")
def rows():
    return kzoo.load_dataset("iris").x_train[:40]


@pytest.fixture(scope="session")
def published(rows, tmp_path_factory):
    """Two versions of an export called iris; read them only."""
    data = kzoo.load_dataset("iris")
    base = tmp_path_factory.mktemp("exports") / "iris"
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = kzoo.create_model("mlp", data.task, units=16, layers=1)
        kzoo.export_model(model, base, task=data.task, examples=rows)
    return base


@pytest.fixture
def base(published, tmp_path):
    # A test of another file may have served it.
    ignored = shutil.ignore_patterns("serving")
    return Path(shutil.copytree(published, tmp_path / "saved_models" / "iris", ignore=ignored))


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts stand-ins on a PATH where nothing else could serve: programs("docker")."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in ("sh", "bash", "head", "grep"):
        (directory / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("PYTHONPATH", str(Path(kzoo.__file__).parents[1]))
    monkeypatch.setenv("KZOO_STAND_IN_NOTES", str(tmp_path / "docker.jsonl"))

    def put(*names):
        for name in names:
            script = directory / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / name}" "$@"\n')
            script.chmod(0o755)

    return put


@pytest.fixture
def stand_in(programs):
    """The stand-in is found where the server would be."""
    programs("tensorflow_model_server")


@pytest.fixture
def hollow(tmp_path):
    """Three versions with nothing much in them, for where nobody looks."""
    return hollow_versions(tmp_path / "saved_models" / "moths", 1, 2, 3)


@pytest.fixture
def settled():
    """Makes the labels look as if they had been written a while ago: settled(base)."""

    def age(base):
        then = time.time() - 100
        os.utime(base / "serving" / "labels.json", (then, then))

    return age


@pytest.fixture
def free_port():
    def find():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture(scope="session")
def expected(published, rows):
    """Probabilities of the newest version."""
    answer = kzoo.predict(published, {"inputs": rows.tolist(), "signature_name": "numeric"})["outputs"]
    return np.asarray(answer)
