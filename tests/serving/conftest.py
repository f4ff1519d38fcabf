import os
import shutil
import socket
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kzoo

STAND_IN = Path(__file__).parent / "tensorflow_model_server"


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
        model = kzoo.create_model("softmax_regression", data.task)
        kzoo.export_model(model, base, task=data.task, examples=rows)
    return base


@pytest.fixture
def base(published, tmp_path):
    return Path(shutil.copytree(published, tmp_path / "saved_models" / "iris"))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """The stand-in is found where the server would be."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "tensorflow_model_server"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(kzoo.__file__).parents[1]))


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
