"""The real TensorFlow Serving, where there is one."""

import shutil
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import kzoo
from kzoo.serving import Client, ModelNotFound, promote, serve
from kzoo.serving.launchers import BINARY, docker_answers

READY = Path(__file__).parents[2] / "saved_models" / "digits"
DOCKER = docker_answers()

pytestmark = pytest.mark.skipif(
    not (DOCKER or shutil.which(BINARY)), reason="neither tensorflow_model_server nor a Docker engine is here"
)


@pytest.mark.timeout(900)  # the image may have to be fetched
def test_the_real_server_takes_what_we_hand_it(tmp_path, ports):
    base = tmp_path / "digits"
    for version in ("1", "2"):
        shutil.copytree(READY / "1", base / version)
    promote(base, 1)
    rows = kzoo.load_dataset("digits").x_test[:40]
    expected = kzoo.predict(base, {"inputs": rows.tolist()})["outputs"]
    host = "127.0.0.1" if DOCKER else "0.0.0.0"
    with serve(base, host=host, rest_port=ports[0], grpc_port=ports[1]) as server:
        for protocol, port in zip(("rest", "grpc"), ports, strict=True):
            with Client("digits", port=port, protocol=protocol) as client:
                answer = client.predict(rows, label="stable")
                np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], rtol=1e-5, atol=1e-6)
                assert answer["label"].tolist() == expected["label"]
                assert {each.version for each in client.status() if each.state == "AVAILABLE"} == {1, 2}
                with pytest.raises(ModelNotFound):
                    client.predict(rows, label="canary")
        url = f"http://127.0.0.1:{ports[0]}/monitoring/prometheus/metrics"
        with urllib.request.urlopen(url, timeout=5) as metrics:
            assert b"tensorflow" in metrics.read()
        promote(base, 2, label="canary")
        server.follow()
        deadline = time.monotonic() + 60
        with server.client() as client:
            while time.monotonic() < deadline:
                try:
                    assert client.predict(rows, label="canary")["label"].tolist() == expected["label"]
                    return
                except ModelNotFound:
                    time.sleep(0.5)
    raise AssertionError("the server has not seen the promotion within a minute")
