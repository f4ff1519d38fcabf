"""The client against a stand-in by REST and a service by gRPC, both on top of an export."""

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import grpc_service
import numpy as np
import pandas as pd
import pytest

import kzoo
from kzoo.export import Runner
from kzoo.serving import BadRequest, Client, DeadlineExceeded, ModelNotFound, ServerUnreachable, ServingError, promote


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def exports(published, tmp_path_factory):
    """Two versions, the first stable."""
    base = Path(shutil.copytree(published, tmp_path_factory.mktemp("served") / "iris"))
    promote(base, 1)
    return base


@pytest.fixture(scope="module")
def rest(exports):
    """A port where the stand-in answers."""
    port = unused_port()
    config = exports.parent / "models.config"
    text = (exports / "serving" / "models.config").read_text()
    config.write_text(
        text.replace('"/models/iris"', f'"{exports}"').replace("versions: 1 ", "versions: 1 versions: 2 ")
    )
    command = [sys.executable, Path(__file__).parent / "tensorflow_model_server"]
    command += [f"--rest_api_port={port}", f"--model_config_file={config}"]
    command += ["--allow_version_labels_for_unavailable_models=true"]
    environment = {**os.environ, "PYTHONPATH": str(Path(kzoo.__file__).parents[1])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ServingError):
            if Client("iris", rest_port=port).status():
                break
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def rpc(exports):
    """A port where a PredictionService and a ModelService answer."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    with Runner(exports / "1") as runner:
        grpc_service.add_to(server, runner)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield port
        server.stop(None).wait()


@pytest.fixture(params=["rest_port", "grpc_port"])
def ask(request):
    """Makes a client of the iris, or of another name."""
    port = request.getfixturevalue("rest" if request.param == "rest_port" else "rpc")
    with contextlib.ExitStack() as stack:

        def client(name="iris", port=port, **options):
            return stack.enter_context(Client(name, **{request.param: port}, **options))

        yield client


def test_it_answers_as_the_export_does(ask, exports, rows):
    answer = ask(version=1).predict(rows)
    expected = kzoo.predict(exports / "1", {"inputs": rows.tolist()})["outputs"]
    assert set(answer) == {"probabilities", "label", "classes"}
    assert answer["probabilities"].dtype == np.float32
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], rtol=1e-5, atol=1e-6)
    assert answer["label"].tolist() == expected["label"]
    assert answer["label"].dtype.kind == "U"
    assert answer["classes"].shape == (len(rows), 3)


def test_a_single_output_has_its_name(ask, rows):
    answer = ask().predict({"inputs": rows}, "numeric")
    assert set(answer) == {"probabilities"}
    assert answer["probabilities"].shape == (len(rows), 3)


def test_lists_and_other_dtypes_become_what_the_model_takes(ask, rows):
    labels = ask(version=1).predict(rows)["label"]
    for other in (rows.tolist(), rows.astype("float64")):
        np.testing.assert_array_equal(ask(version=1).predict(other)["label"], labels)


def test_versions_and_labels(ask, rows):
    for which in ({"version": 1}, {"label": "stable"}):
        assert ask(**which).predict(rows)["label"].shape == (len(rows),)
    for which in ({"version": 7}, {"label": "canary"}):
        with pytest.raises(ModelNotFound, match=r"does not serve iris, (version 7|label canary), or not yet"):
            ask(**which).predict(rows)


def test_the_version_that_answers(ask):
    assert ask().served_version() == 2
    assert ask(label="stable").served_version() == 1


def test_status(ask):
    assert {each.version: each.state for each in ask().status()} == {1: "AVAILABLE", 2: "AVAILABLE"}
    assert ask().state() == "AVAILABLE"


def test_no_rows_are_answered_alike(ask, rows):
    for nothing in ([], rows[:0]):
        answer = ask().predict(nothing)
        assert {name: array.shape for name, array in answer.items()} == {
            "probabilities": (0, 3),
            "label": (0,),
            "classes": (0, 3),
        }
        assert answer["probabilities"].dtype == np.float32
        assert answer["label"].dtype.kind == "U"
    with pytest.raises(BadRequest, match="no signature"):
        ask().predict([], "train")


def test_a_frame_in_and_a_frame_out(ask, rows):
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "d"], index=[f"flower {i}" for i in range(len(rows))])
    answer = ask(version=1).predict(frame)
    expected = ask(version=1).predict(rows)
    assert answer.index.equals(frame.index)
    assert answer["label"].tolist() == expected["label"].tolist()
    assert [name for name in answer if name.startswith("probabilities")] == [f"probabilities_{i}" for i in range(3)]
    np.testing.assert_allclose(answer["probabilities_2"], expected["probabilities"][:, 2], rtol=1e-6)
    assert len(ask().predict(frame.iloc[:0])) == 0
    with pytest.raises(BadRequest, match="has nan"):
        ask().predict(pd.DataFrame({"inputs": [float("nan")]}).astype(str).replace("nan", np.nan), "classify")


def test_no_such_model(ask, rows):
    with pytest.raises(ModelNotFound, match="moths"):
        ask("moths").state()
    with pytest.raises(ModelNotFound, match="moths"):
        ask("moths").predict(rows)


def test_no_such_signature(ask, rows):
    with pytest.raises(BadRequest, match="no signature 'train'; it has classify, numeric, serving_default"):
        ask().predict(rows, "train")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.zeros((2, 3), "float32"), r"has shape \[2, 3\]; expected \[any, 4\]"),
        (np.full((2, 4), "x"), "is <U1; the model takes float32"),
        ({"petals": np.zeros((1, 4))}, "takes 'inputs', not 'petals'"),
        ([[1.0], [1.0, 2.0]], "ragged"),
        (np.zeros((1, 4), "complex64"), "is complex64"),
    ],
)
def test_inputs_that_do_not_fit(ask, inputs, words):
    with pytest.raises(BadRequest, match=words):
        ask().predict(inputs)


def test_a_refusal_of_the_server_is_told(ask):
    with pytest.raises(BadRequest, match="refuses the request to iris"):
        ask().predict(np.array([b"no example"]), "classify")


def test_no_server(ask, rows):
    port = unused_port()
    with pytest.raises(ServerUnreachable, match=f"No server answers at 127.0.0.1:{port} .*kzoo serve"):
        ask(port=port).predict(rows)


def test_a_deadline(ask):
    with pytest.raises(DeadlineExceeded, match="has not answered"):
        ask("slow", timeout=0.2).state()


def test_a_proxy_is_not_for_servers_of_ones_own(rest, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    assert Client("iris", rest_port=rest).state() == "AVAILABLE"


def test_what_answers_is_no_server():
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with (
            Client("iris", rest_port=server.server_port) as client,
            pytest.raises(ServingError, match="not TensorFlow Serving"),
        ):
            client.status()
    finally:
        server.shutdown()
        server.server_close()


def test_arguments():
    with pytest.raises(ValueError, match="Both version and label"):
        Client("iris", version=1, label="stable")
    with pytest.raises(ValueError, match="more than 0"):
        Client("iris", timeout=0)
