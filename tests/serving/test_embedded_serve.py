"""`kzoo serve` with the embedded server, as a process: what it says, how it ends, and what it takes up."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from embedded import wait_until

from kzoo.cli.serve import _banner
from kzoo.export.layout import CARD
from kzoo.serving import Client, Server, ServingError, find_server, promote, start
from kzoo.serving.configuration import write_local_models
from kzoo.serving.embedded.run import main
from kzoo.serving.releases import write_current_configuration

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
    process, _ = serve("--embedded", "--rest-port", str(port), "--batching")
    assert answers(port)
    process.kill()
    process.wait()
    # The server goes with the command that has started it, and leaves its port.
    wait_until(lambda: not answers(port))

    process, said = serve("--rest-port", str(port))
    first, *lines = said.splitlines()
    assert first == f"iris is served by kzoo's embedded server on 127.0.0.1, REST on {port}, no gRPC; Ctrl-C ends it."
    assert "TensorFlow Serving is not here, neither its program nor Docker" in lines[0]
    assert f"curl -d @saved_models/iris/request.json http://127.0.0.1:{port}/v1/models/iris:predict" in said
    np.testing.assert_allclose(Client("iris", rest_port=port).predict(rows)["probabilities"], expected, atol=1e-6)
    assert b"<form" in get(port, "/")
    # Twice, as an impatient user does.
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=30)
    # TensorFlow's remarks are not among what it says.
    assert (process.returncode, out, err) == (0, "The server has ended.\n", "")
    assert not answers(port)


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
    assert find_server("0.0.0.0", embedded=True) == Server("embedded")
    programs("docker")
    assert find_server().kind == "docker"
    monkeypatch.setenv("KZOO_STAND_IN_DOCKER", "no engine")
    assert find_server("0.0.0.0").kind == "tensorflow_model_server"
    (Path(os.environ["PATH"]) / "tensorflow_model_server").unlink()
    assert find_server() == Server("embedded", "Docker is installed, but its engine does not answer")


@pytest.mark.parametrize(("shape", "words"), [("[any, 4]", "Batching is on."), ("[any, any]", "Batching is off: ")])
def test_the_banner_says_whether_batching_is_on(tmp_path, shape, words):
    card = tmp_path / "texts" / "1" / CARD
    card.parent.mkdir(parents=True)
    (tmp_path / "texts" / "1" / "saved_model.pb").touch()
    card.write_text(json.dumps({"signatures": {"serving_default": {"inputs": [f"inputs: float32 {shape}"]}}}))
    said = _banner(tmp_path / "texts", Server("embedded", "why not"), "127.0.0.1", 8501, 8500, batching=True)
    assert words in said and "Why not by TensorFlow Serving: why not." in said


def test_batching_is_not_for_the_real_one(base, stand_in, free_port):
    with (
        pytest.raises(ServingError, match="--batching is for the embedded server"),
        start(base, host="0.0.0.0", batching=True),
    ):
        pytest.fail("it should not have started")


def test_what_a_server_does_not_start_with(base, capsys):
    """Told in one line, with what the parent process shows of it."""
    options = [f"--model_config_file={base}/serving/models.local.config", "--max_num_load_retries=0"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        write_local_models(base, write_current_configuration(base))
        assert main([*options, f"--rest_api_port={other.getsockname()[1]}"]) == 1
    (base / "2" / "saved_model.pb").write_bytes(b"no graph")
    assert main([*options, "--rest_api_port=0"]) == 1
    (base / "serving" / "models.local.config").write_text("?")
    assert main([*options, "--rest_api_port=0"]) == 1
    taken, broken, unreadable = capsys.readouterr().err.strip().splitlines()
    assert "cannot serve: [Errno" in taken
    assert "1 servable(s) did not become available" in broken and "Invalid protobuf file" in unreadable


def test_labels_that_move_and_requests_that_run(base, free_port, rows, expected):
    port = free_port()
    promote(base, 1)
    with start(base, rest_port=port, server=Server("embedded")) as process:
        with (
            pytest.raises(ServingError, match=f"Port {port} .* --rest-port"),
            start(base, rest_port=port, server=Server("embedded")),
        ):
            pytest.fail("the port is taken")
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
            promotion = promote(base, 2, servers=[f"127.0.0.1:{port}"], wait=30)
            assert not promotion.left
            np.testing.assert_allclose(client.predict(rows)["probabilities"], expected, atol=1e-6)
        finally:
            stopped.set()
            for each in threads:
                each.join()
        assert not failed
        # What runs when it is told to end is answered.
        body = json.dumps({"instances": np.repeat(rows, 1000, axis=0).tolist()}).encode()
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(urllib.request.urlopen, f"http://127.0.0.1:{port}/v1/models/iris:predict", body, 60)
            wait_until(lambda: asked.running())
            time.sleep(0.1)
            process.terminate()
            with asked.result() as answer:
                assert len(json.loads(answer.read())["predictions"]) == 40_000
        assert process.wait(30) == 0


def test_roll_overs_under_load():
    """A small version of the benchmark: every answer is right, though versions come, go and are pruned."""
    script = Path(__file__).parents[1] / "benchmarks" / "embedded_load.py"
    options = ["--requests=300", "--clients=8", "--rollovers=3", "--connections=200", "--pause=0.05"]
    result = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 roll-overs, 1 versions pruned" in result.stdout and "0 errors" in result.stdout
