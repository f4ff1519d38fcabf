"""`kzoo serve` with the embedded server, as a process: what it says, how it ends, and what it takes up."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kzoo.serving import Client, Server, ServingError, find_server, promote, start
from kzoo.serving.configuration import NO_BATCHING

EMBEDDED = Server("embedded")
KZOO = [sys.executable, "-c", "from kzoo.cli import main; main()"]


@pytest.fixture
def serve(base):
    """serve(*options) -> the running command and what it has said up to its hint at curl."""
    running = []

    def run(*options):
        process = subprocess.Popen(
            [*KZOO, "serve", "iris", *options],
            cwd=base.parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"} | {"TF_CPP_MIN_LOG_LEVEL": "0"},
        )
        running.append(process)
        said = ""
        for line in process.stdout:
            said += line
            if "curl" in line:
                break
        return process, said

    yield run
    for process in running:
        process.kill()
        process.communicate()


def get(port, target):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{target}", timeout=20) as answer:
        return answer.read()


def answers(port):
    try:
        return bool(get(port, "/v2/health/live"))
    except OSError:
        return False


def test_where_there_is_no_other(serve, programs, free_port, base, rows, expected):
    port = free_port()
    process, said = serve("--rest-port", str(port))
    first, *lines = said.splitlines()
    assert first == f"iris is served by kzoo's embedded server on 127.0.0.1, REST on {port}, no gRPC; Ctrl-C ends it."
    assert "TensorFlow Serving is not here, neither its program nor Docker" in lines[0]
    assert (
        f"http://127.0.0.1:{port}/" in said
        and f"curl -d @saved_models/iris/request.json http://127.0.0.1:{port}" in said
    )
    np.testing.assert_allclose(Client("iris", rest_port=port).predict(rows)["probabilities"], expected, atol=1e-6)
    assert b"<form" in get(port, "/")
    # Twice, as an impatient user does; what runs is answered before.
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=30)
    # TensorFlow's remarks are not among what it says.
    assert (process.returncode, out, err) == (0, "The server has ended.\n", "")
    assert not answers(port)


def test_killed_and_started_again(serve, free_port, base):
    port = free_port()
    for _ in range(2):
        process, _ = serve("--embedded", "--rest-port", str(port), "--batching")
        assert answers(port)
        process.kill()
        process.wait()
        # The server goes with the command that has started it.
        deadline = time.monotonic() + 20
        while answers(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--embedded", "--grpc-port", "8500"), "The embedded server has no gRPC, only REST"),
        (("--embedded", "--host", "192.0.2.1"), "Port 8501 of 192.0.2.1 cannot be used"),
        (("--embedded", "--host", "no such host"), "no such host"),
    ],
)
def test_what_cannot_be_done_is_said(serve, options, words):
    process, said = serve(*options)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, said + out) == (1, "")
    assert words in " ".join(err.split()) and "Traceback" not in err


def test_which_server_is_taken(programs, monkeypatch):
    assert find_server() == Server("embedded", "TensorFlow Serving is not here, neither its program nor Docker")
    programs("tensorflow_model_server")
    assert find_server("0.0.0.0").kind == "tensorflow_model_server"
    assert find_server() == Server(
        "embedded", "tensorflow_model_server listens on every address, so that it needs --host 0.0.0.0"
    )
    assert find_server("0.0.0.0", embedded=True) == EMBEDDED
    programs("docker")
    assert find_server().kind == "docker"
    monkeypatch.setenv("KZOO_STAND_IN_DOCKER", "no engine")
    assert find_server("0.0.0.0").kind == "tensorflow_model_server"
    (Path(os.environ["PATH"]) / "tensorflow_model_server").unlink()
    assert find_server() == Server("embedded", "Docker is installed, but its engine does not answer")


def test_batching_is_not_for_the_real_one(base, stand_in, free_port):
    with pytest.raises(ServingError, match="--batching is for the embedded server"):
        with start(base, host="0.0.0.0", batching=True):
            pytest.fail("it should not have started")


def test_a_port_that_is_taken_meanwhile(base, free_port):
    port = free_port()
    with start(base, rest_port=port, server=EMBEDDED) as process:
        with (
            pytest.raises(ServingError, match=f"Port {port} .* --rest-port"),
            start(base, rest_port=port, server=EMBEDDED),
        ):
            pytest.fail("the port is taken")
        options = [f"--model_config_file={base}/serving/models.local.config", f"--rest_api_port={port}"]
        other = subprocess.run(
            [sys.executable, "-P", "-m", "kzoo.serving.embedded.run", *options],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert other.returncode == 1 and "cannot serve: [Errno" in other.stderr and "Traceback" not in other.stderr
        assert answers(port) and process.poll() is None


def test_a_broken_export(base, free_port):
    (base / "2" / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ServingError) as caught, start(base, rest_port=free_port(), server=EMBEDDED, timeout=60):
        pytest.fail("there is nothing to serve")
    assert "cannot serve" in str(caught.value) and "Traceback" not in str(caught.value)


def test_requests_that_run_are_answered_when_it_ends(base, free_port, rows):
    port = free_port()
    many = json.dumps({"signature_name": "classify", "examples": [{}] * 1})
    body = json.dumps({"instances": np.repeat(rows, 2000, axis=0).tolist()}).encode()
    with start(base, rest_port=port, server=EMBEDDED) as process, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(urllib.request.urlopen, f"http://127.0.0.1:{port}/v1/models/iris:predict", body, 60)
        metrics = "/monitoring/prometheus/metrics"
        time.sleep(0.3)
        process.terminate()
        with asked.result() as answer:
            assert len(json.loads(answer.read())["predictions"]) == 80_000
        assert process.wait(30) == 0


def test_labels_that_move_are_taken_up(base, free_port, rows, expected):
    port = free_port()
    promote(base, 1)
    with start(base, rest_port=port, server=EMBEDDED):
        client = Client("iris", rest_port=port, label="stable")
        assert np.abs(client.predict(rows)["probabilities"] - expected).max() > 1e-3
        stopped, failed = threading.Event(), []

        def ask():
            with Client("iris", rest_port=port, label="stable") as client:
                while not stopped.is_set():
                    try:
                        client.predict(rows)
                    except ServingError as error:
                        failed.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for each in threads:
            each.start()
        try:
            promote(base, 2)
            deadline = time.monotonic() + 20
            while np.abs(client.predict(rows)["probabilities"] - expected).max() > 1e-3:
                assert time.monotonic() < deadline, "the server has not seen the promotion"
                time.sleep(0.05)
        finally:
            stopped.set()
            for each in threads:
                each.join()
        assert not failed
