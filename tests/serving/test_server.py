"""Starting a server and asking it by REST: against a stand-in, and the real one where there is one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from kzoo.serving import Client, ServingError, promote, start
from kzoo.serving.deployment import health_probe
from kzoo.serving.server import _docker_answers


def test_served_asked_and_stopped(base, stand_in, free_port, rows, expected):
    port = free_port()
    promote(base, 1)
    promote(base, 2, "canary")
    with start(base, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=60) as process:
        answer = Client("iris", rest_port=port).predict(rows)
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
        assert set(answer) == {"probabilities", "label"}
        numeric = Client("iris", rest_port=port, label="canary").predict({"inputs": rows}, "numeric")
        np.testing.assert_allclose(numeric["probabilities"], expected, atol=1e-6)
        older = Client("iris", rest_port=port, version=1).predict(rows, "numeric")["probabilities"]
        assert np.abs(older - expected).max() > 1e-3
        with pytest.raises(ServingError, match="has no signature 'rank'"):
            Client("iris", rest_port=port).predict(rows, "rank")
        with pytest.raises(ServingError, match="expected"):
            Client("iris", rest_port=port).predict(rows[:, :2])
        with pytest.raises(ServingError, match="does not serve wine"):
            Client("wine", rest_port=port).state()
    assert process.poll() is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("die", "ended with code 1. Its last lines:\n.*\n.*Could not parse the configuration"),
        # The real server, too, listens only when a version is available, and ends where none becomes so.
        ("loading", r"After 3 s: version 3 not known\. The server's last lines:\nstand-in"),
        ("broken", r"ended with code 255(.|\n)*1 servable\(s\) did not become available(.|\n)*Read less bytes"),
    ],
)
def test_a_server_that_does_not_come_up(hollow, stand_in, free_port, monkeypatch, trouble, message):
    monkeypatch.setenv("KZOO_STAND_IN", trouble)
    monkeypatch.setenv("KZOO_STAND_IN_HASTE", "1e6")
    port = free_port()
    with (
        pytest.raises(ServingError, match=message),
        start(hollow, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=3 if trouble == "loading" else 30),
    ):
        pytest.fail("it should not have come up")
    assert not listens(port)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def docker_commands(tmp_path):
    return [json.loads(line) for line in (tmp_path / "docker.jsonl").read_text().splitlines()]


def test_docker_keeps_to_this_machine_and_is_cleaned_up(hollow, programs, free_port, tmp_path, monkeypatch):
    programs("docker", "tensorflow_model_server")
    monkeypatch.setenv("KZOO_STAND_IN", "hollow")
    rest, grpc = free_port(), free_port()
    with start(hollow, rest_port=rest, grpc_port=grpc, timeout=20):
        assert Client("moths", rest_port=rest).state() == "AVAILABLE"
    (run,) = [each for each in docker_commands(tmp_path) if each[0] == "run"]
    assert [run[i + 1] for i, word in enumerate(run) if word == "-p"] == [
        f"127.0.0.1:{rest}:8501",
        f"127.0.0.1:{grpc}:8500",
    ]
    assert "--init" in run
    # A request may have more rows than a batch.
    assert not [word for word in run if "batching" in word]
    assert docker_commands(tmp_path)[-1] == ["rm", "--force", run[run.index("--name") + 1]]
    assert not listens(rest)


def test_an_image_that_cannot_be_fetched(hollow, programs, free_port, tmp_path, monkeypatch):
    programs("docker")
    monkeypatch.setenv("KZOO_STAND_IN_DOCKER", "no image")
    with (
        pytest.raises(ServingError, match="could not fetch"),
        start(hollow, rest_port=free_port(), grpc_port=free_port()),
    ):
        pytest.fail("there is nothing to start")
    assert docker_commands(tmp_path)[-1] == ["pull", "tensorflow/serving:latest"]


def test_the_health_probe_of_compose(hollow, stand_in, free_port, monkeypatch):
    monkeypatch.setenv("KZOO_STAND_IN", "hollow")
    port = free_port()

    def healthy(name):
        return subprocess.run(["bash", "-c", health_probe(name, port)], capture_output=True).returncode == 0

    assert not healthy("moths")
    with start(hollow, host="0.0.0.0", rest_port=port, grpc_port=free_port(), timeout=20):
        assert healthy("moths")
        assert not healthy("wasps")


def test_a_port_that_is_taken(base, free_port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServingError, match="cannot be used"), start(base, rest_port=other.getsockname()[1]):
            pytest.fail("it should not have started")


def test_what_cannot_be_done_is_said(base, free_port, tmp_path, stand_in):
    ports = {"rest_port": free_port(), "grpc_port": free_port()}
    with pytest.raises(ServingError, match=r"--host 0\.0\.0\.0"), start(base, **ports):
        pytest.fail("it listens on every address")
    with pytest.raises(ServingError, match="kzoo export"), start(tmp_path, **ports):
        pytest.fail("there is nothing to serve")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_the_server_with_itself(hollow, stand_in, free_port, monkeypatch, number):
    monkeypatch.setenv("KZOO_STAND_IN", "hollow")
    port = free_port()
    command = [sys.executable, "-c", "from kzoo.cli import main; main()", "serve", "moths", "--host", "0.0.0.0"]
    process = subprocess.Popen(
        [*command, "--rest-port", str(port), "--grpc-port", str(free_port())],
        cwd=hollow.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "80", "PYTHONUNBUFFERED": "1"},
    )
    said = ""
    for line in process.stdout:
        said += line
        if "curl" in line:
            break
    assert f"curl -d @saved_models/moths/request.json http://127.0.0.1:{port}/v1/models/moths:predict" in said
    assert listens(port)
    # Twice, as an impatient user does.
    process.send_signal(number)
    time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "The server has ended.\n")
    assert not listens(port)


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
        with urllib.request.urlopen(f"http://127.0.0.1:{rest}/monitoring/prometheus/metrics", timeout=10) as metrics:
            assert b"tensorflow" in metrics.read()
        # A label that moves has a version under it all the while, until it stands where it should.
        promotion = promote(base, 1, servers=[f"127.0.0.1:{rest}"], wait=100)
        assert promotion.left == ""
        with Client("iris", rest_port=rest, label="stable") as client:
            assert client.served_version() == 1
