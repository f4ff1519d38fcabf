"""Starting a server and asking it by REST: against a stand-in, and the real one where there is one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from kzoo.serving import Client, ServingError, promote, start
from kzoo.serving.server import _docker_answers


def test_served_asked_and_stopped(base, stand_in, free_port, rows, expected):
    port = free_port()
    promote(base, 1)
    promote(base, 2, "canary")
    with start(base, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=60) as process:
        answer = Client("iris", rest_port=port).predict(rows)
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
        assert set(answer) == {"probabilities", "label", "classes"}
        numeric = Client("iris", rest_port=port, label="canary").predict({"inputs": rows}, "numeric")
        np.testing.assert_allclose(numeric["probabilities"], expected, atol=1e-6)
        older = Client("iris", rest_port=port, version=1).predict(rows, "numeric")["probabilities"]
        assert np.abs(older - expected).max() > 1e-3
        with pytest.raises(ServingError, match="There is no signature 'rank'"):
            Client("iris", rest_port=port).predict(rows, "rank")
        with pytest.raises(ServingError, match="expected"):
            Client("iris", rest_port=port).predict(rows[:, :2])
        with pytest.raises(ServingError, match="not found"):
            Client("wine", rest_port=port).state()
    assert process.poll() is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(("trouble", "message"), [("die", "Could not parse the configuration"), ("loading", "LOADING")])
def test_a_server_that_does_not_come_up(base, stand_in, free_port, monkeypatch, trouble, message):
    monkeypatch.setenv("KZOO_STAND_IN", trouble)
    with (
        pytest.raises(ServingError, match=message),
        start(base, host="0.0.0.0", rest_port=free_port(), grpc_port=free_port(), timeout=12),
    ):
        pytest.fail("it should not have come up")


def test_a_port_that_is_taken(base, free_port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServingError, match="is not to be had"), start(base, rest_port=other.getsockname()[1]):
            pytest.fail("it should not have started")


@pytest.mark.skipif(_docker_answers(), reason="Docker is here, which can listen on this machine only")
def test_what_cannot_be_done_is_said(base, free_port, tmp_path, stand_in):
    ports = {"rest_port": free_port(), "grpc_port": free_port()}
    with pytest.raises(ServingError, match=r"--host 0\.0\.0\.0"), start(base, **ports):
        pytest.fail("it listens on every address")
    with pytest.raises(ServingError, match="kzoo export"), start(tmp_path, **ports):
        pytest.fail("there is nothing to serve")


def test_the_command_ends_the_server_with_itself(base, stand_in, free_port):
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from kzoo.cli import main; main()", "serve", "iris", "--host", "0.0.0.0"),
            *("--rest-port", str(port), "--grpc-port", str(free_port())),
        ],
        cwd=base.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    client, deadline = Client("iris", rest_port=port), time.monotonic() + 60
    while True:
        try:
            if client.state() == "AVAILABLE":
                break
        except ServingError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert f"curl -d @saved_models/iris/request.json http://127.0.0.1:{port}/v1/models/iris:predict" in out
    with pytest.raises(ServingError, match="no server answers"):
        client.state()


REAL = shutil.which("tensorflow_model_server") or _docker_answers()


@pytest.mark.skipif(not REAL, reason="neither tensorflow_model_server nor a Docker engine is here")
def test_the_real_server(base, free_port, rows, expected):
    host = "127.0.0.1" if _docker_answers() else "0.0.0.0"
    rest, grpc = free_port(), free_port()
    promote(base, 2)
    with start(base, host=host, rest_port=rest, grpc_port=grpc, timeout=180):
        for client in (Client("iris", rest_port=rest), Client("iris", grpc_port=grpc, label="stable")):
            with client:
                np.testing.assert_allclose(client.predict(rows)["probabilities"], expected, atol=1e-5)
