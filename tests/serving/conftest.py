import socket
import sys
from pathlib import Path

import pytest


@pytest.fixture
def base(tmp_path):
    """A directory with three versions, hollow ones: what is served is not looked into."""
    base = tmp_path / "insects"
    for version in ("1", "2", "3"):
        (base / version).mkdir(parents=True)
        (base / version / "saved_model.pb").write_bytes(b"model")
    (base / "request.json").write_text("{}")
    (base / ".staging-abc").mkdir()
    return base


STANDIN = Path(__file__).parent / "standin"


def put_on_path(directory, name, script):
    """An executable that runs a Python script of ours under the name of a program."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STANDIN / script}" "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts stand-ins on a PATH with nothing of this machine that could serve: programs("tensorflow_model_server")."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("KZOO_STANDIN", "hollow")
    monkeypatch.setenv("KZOO_STANDIN_DOCKER", str(tmp_path / "docker.jsonl"))

    def put(*names):
        for name in names:
            put_on_path(directory, name, {"docker": "docker.py", "tensorflow_model_server": "server.py"}[name])

    return put


@pytest.fixture
def ports():
    """Two free ports, for REST and gRPC."""
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
