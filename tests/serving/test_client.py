"""The client against a stand-in over REST and a service over gRPC, both with a real export."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import grpc_service
import numpy as np
import pytest

import kzoo
from kzoo.export.runner import Runner
from kzoo.serving import (
    BadRequest,
    Client,
    DeadlineExceeded,
    ModelNotFound,
    ServerUnreachable,
    ServingError,
    promote,
)

READY = Path(__file__).parents[2] / "saved_models" / "digits"


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Two versions of the export that comes with the repository, the first of them stable."""
    base = tmp_path_factory.mktemp("exports") / "digits"
    for version in ("1", "2"):
        shutil.copytree(READY / "1", base / version)
    promote(base, 1)
    return base


@pytest.fixture(scope="module")
def rows():
    return kzoo.load_dataset("digits").x_test[:5]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def rest(exports):
    """A port where the stand-in answers."""
    port = free_port()
    config = exports / "serving" / "models.config"
    config.write_text(config.read_text().replace("/models/digits", str(exports)))
    (exports / "serving" / "monitoring.config").write_text("")
    server = Path(__file__).parent / "standin" / "server.py"
    flags = [f"--rest_api_port={port}", f"--model_config_file={config}"]
    flags += [f"--monitoring_config_file={exports / 'serving' / 'monitoring.config'}"]
    environment = {**os.environ, "KZOO_STANDIN": ""}
    process = subprocess.Popen([sys.executable, server, *flags], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    with Client("digits", port=port) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(ServingError):
                if client.status():
                    break
            time.sleep(0.1)
    yield port
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def rpc(exports):
    """A port where a PredictionService and a ModelService answer."""
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", -1)])
    with Runner(exports / "1") as runner:
        grpc_service.add_to(server, runner)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield port
        server.stop(None).wait()


@pytest.fixture(params=["rest", "grpc"])
def ask(request):
    """Makes a client of the digits, or of another name."""
    port = request.getfixturevalue("rest" if request.param == "rest" else "rpc")
    with contextlib.ExitStack() as stack:

        def client(name="digits", **options):
            return stack.enter_context(Client(name, **{"port": port, "protocol": request.param, **options}))

        client.protocol = request.param
        yield client


def test_it_answers_as_the_export_does(ask, exports, rows):
    answer = ask().predict(rows)
    expected = kzoo.predict(exports / "1", {"inputs": rows.tolist()})["outputs"]
    assert set(answer) == {"probabilities", "label", "classes"}
    assert answer["probabilities"].dtype == np.float32
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], rtol=1e-5, atol=1e-7)
    assert answer["label"].tolist() == expected["label"]
    assert answer["label"].dtype.kind == "U"
    assert answer["classes"].shape == (5, 10)


def test_a_single_output_has_its_name(ask, rows):
    answer = ask().predict({"inputs": rows}, signature="numeric")
    assert set(answer) == {"probabilities"}
    assert answer["probabilities"].shape == (5, 10)


def test_integers_become_what_the_model_takes(ask, rows):
    whole = rows.astype("int64")
    np.testing.assert_array_equal(ask().predict(whole)["label"], ask().predict(whole.astype("float32"))["label"])


def test_versions_and_labels(ask, rows):
    for which in ({"version": 1}, {"label": "stable"}):
        assert ask().predict(rows, **which)["label"].shape == (5,)
    for which in ({"version": 7}, {"label": "canary"}):
        with pytest.raises(ModelNotFound, match=r"does not serve digits, (version 7|label canary), or not yet"):
            ask().predict(rows, **which)
    with pytest.raises(ValueError, match="give one of them"):
        ask().predict(rows, version=1, label="stable")


def test_status(ask):
    assert {each.version: each.state for each in ask().status()} == {1: "AVAILABLE", 2: "AVAILABLE"}


def test_no_such_model(ask, rows):
    with pytest.raises(ModelNotFound, match="moths"):
        ask("moths").status()
    with pytest.raises(ModelNotFound, match="moths"):
        ask("moths").predict(rows)


def test_no_such_signature(ask, rows):
    with pytest.raises(BadRequest, match="no signature 'train'; it has classify, numeric, serving_default"):
        ask().predict(rows, signature="train")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.zeros((2, 3), "float32"), r"has shape \[2, 3\]; expected \[any, 8, 8, 1\]|expected \[any, 64\]"),
        (np.full((2,), "x"), "has shape|takes float32"),
        ({"pixels": np.zeros((1, 64))}, "takes 'inputs', not 'pixels'"),
        ([[1.0], [1.0, 2.0]], "ragged"),
        (np.zeros((1, 64), "complex64"), "is complex64|has shape"),
    ],
)
def test_inputs_that_do_not_fit(ask, inputs, words):
    with pytest.raises(BadRequest, match=words):
        ask().predict(inputs)


def test_a_refusal_of_the_server_is_told(ask):
    with pytest.raises(BadRequest, match="refuses the request to digits"):
        ask().predict(np.array([b"no example"]), signature="classify")


def test_no_server(ask, rows):
    port = free_port()
    with pytest.raises(ServerUnreachable, match=f"No server answers at 127.0.0.1:{port} .*kzoo serve"):
        ask(port=port).predict(rows)


def test_a_deadline(ask):
    with pytest.raises(DeadlineExceeded, match="has not answered"):
        ask("slow", timeout=0.2).status()


def test_arguments():
    with pytest.raises(ValueError, match="'rest' or 'grpc'"):
        Client("digits", protocol="http")
    with pytest.raises(ValueError, match="more than 0"):
        Client("digits", timeout=0)
