"""The REST API of the embedded server against what the real one's source says, over HTTP."""

import gzip
import json
import re
import shutil
import socket
import time

import numpy as np
import pytest
import tensorflow as tf
from embedded import embedded

from kzoo.serving import promote
from kzoo.serving.embedded.addresses import Address, parse
from kzoo.serving.embedded.status import StatusError


@pytest.fixture(scope="module")
def server(published, tmp_path_factory):
    base = shutil.copytree(published, tmp_path_factory.mktemp("rest") / "iris")
    promote(base, 1, "stable")
    promote(base, 2, "canary")
    with embedded(base) as running:
        yield running


@pytest.fixture(scope="module")
def body(rows):
    return json.dumps({"instances": rows.tolist(), "signature_name": "numeric"})


ROW = json.dumps({"instances": [[1, 2, 3, 4]]})
MALFORMED = "Malformed request: {} {}"


@pytest.mark.parametrize(
    ("method", "target", "status", "error"),
    [
        # HttpRestApiHandler::ProcessRequest, http_rest_api_util.cc: ParseModelInfo and its two patterns
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/iris/", 400, MALFORMED),
        ("GET", "/v1/", 400, MALFORMED),
        ("GET", "/v1/models/iris:predict", 400, MALFORMED),
        ("POST", "/v1/models/iris", 400, MALFORMED),
        ("POST", "/v1/models/iris:explain", 400, MALFORMED),
        ("POST", "/v1/models/iris:PREDICT", 400, MALFORMED),
        ("POST", "/v1/models/iris:predict/", 400, MALFORMED),
        # A query is a part of the address, as `EvHTTPRequest::uri_path` has it.
        ("POST", "/v1/models/iris:predict?x=1", 400, MALFORMED),
        ("GET", "/v1/models/iris?x=1", 404, "Could not find any versions of model iris?x=1"),
        ("POST", "/v1/models/iris/versions/:predict", 400, MALFORMED),
        ("POST", "/v1/models/iris/versions/1/labels/stable:predict", 400, MALFORMED),
        ("PUT", "/v1/models/iris", 400, MALFORMED),
        ("DELETE", "/v1/models/iris", 400, MALFORMED),
        ("PATCH", "/v1/models/iris:predict", 400, MALFORMED),
        (
            *("GET", "/v1/models/iris/versions/9223372036854775808", 400),
            "Failed to convert version: 9223372036854775808 to numeric.",
        ),
        (
            *("POST", f"/v1/models/iris/versions/{'9' * 5000}:predict", 400),
            f"Failed to convert version: {'9' * 5000} to numeric.",
        ),
        # GetModelStatusImpl::GetModelStatusWithModelSpec
        ("GET", "/v1/models/wine", 404, "Could not find any versions of model wine"),
        ("GET", "/v1/models/iris/versions/7", 404, "Could not find version 7 of model iris"),
        # ServerCore::GetServableHandle, ServerCore::GetModelVersionForLabel
        ("POST", "/v1/models/wine:predict", 404, "Servable not found for request: Latest(wine)"),
        ("POST", "/v1/models/iris/versions/7:predict", 404, "Servable not found for request: Specific(iris, 7)"),
        ("POST", "/v1/models/iris/labels/blue:predict", 400, "Unrecognized servable version label: blue"),
        ("GET", "/v1/models/iris/labels/blue/metadata", 400, "Unrecognized servable version label: blue"),
        ("GET", "/v1/models/iris/versions/7/metadata", 404, "Servable not found for request: Specific(iris, 7)"),
    ],
)
def test_refusals(server, method, target, status, error):
    found, headers, answer = server.ask(method, target, ROW if method != "GET" else None)
    assert (found, headers["Content-Type"]) == (status, "application/json")
    # json_tensor.cc, MakeJsonFromStatus: rapidjson's PrettyWriter, four spaces and no end of line
    assert answer.decode() == '{\n    "error": ' + json.dumps(error.format(method, target)) + "\n}"


def test_a_body_is_parsed_before_its_model_is_looked_for(server):
    # HttpRestApiHandler::ProcessPredictRequest: FillPredictRequestFromJson comes first.
    for target in ("/v1/models/wine:predict", "/v1/models/iris/labels/blue:predict", "/v1/models/wine:classify"):
        status, answer = server.json("POST", target, "{")
        assert status == 400 and "wine" not in answer["error"] and "label" not in answer["error"]


def test_every_answer_says_what_it_is_from(server):
    for target in ("/", "/v1/models/iris", "/v2", "/nowhere", "/monitoring/prometheus/metrics"):
        assert re.fullmatch(r"kzoo-embedded/\d+\.\d+\.\d+", server.ask("GET", target)[1]["Server"])


@pytest.mark.parametrize("target", ["/nowhere", "/v1", "/v3/models/iris", "/favicon.ico", "/v2/models", "//v1/models"])
def test_elsewhere_there_is_nothing(server, target):
    # EvHTTPServer::DispatchEvRequest answers with libevent's own page.
    status, headers, answer = server.ask("GET", target)
    assert (status, headers.get_content_type()) == (404, "text/html")
    assert b"Not Found" in answer


def test_methods_that_are_not_let_through(server):
    assert server.ask("TRACE", "/v1/models/iris")[0] == 501
    status, headers, answer = server.ask("HEAD", "/v1/models/iris")
    assert (status, answer) == (400, b"")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/models/iris:predict",
        "/V1/Models/iris:predict",
        "/v1/models/iris/versions/2:predict",
        "/v1/models/iris/versions/0000000000000000000002:predict",
        "/v1/models/iris/labels/canary:predict",
        "/v1/models/%69ris/labels/c%61nary:predict",
    ],
)
def test_predictions(server, body, expected, target):
    # A Content-Type is not looked at.
    status, answer = server.json("POST", target, body, Content_Type="image/png")
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)


def test_the_other_version_answers_otherwise(server, body, expected):
    for target in ("/v1/models/iris/versions/1:predict", "/v1/models/iris/labels/stable:predict"):
        status, answer = server.json("POST", target, body)
        assert status == 200 and np.abs(np.asarray(answer["predictions"]) - expected).max() > 1e-3


def test_classify(server):
    row = dict.fromkeys(("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"), 1.5)
    request = {"signature_name": "classify", "examples": [row]}
    status, answer = server.json("POST", "/v1/models/iris:classify", request)
    assert status == 200 and [name for name, _ in answer["results"][0]] == ["setosa", "versicolor", "virginica"]
    status, answer = server.json("POST", "/v1/models/iris:regress", request)
    assert status == 400 and "error" in answer


class Heights(tf.Module):
    """A model of one signature that is asked with tf.Examples and answers with numbers."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def __call__(self, inputs):
        features = {"girth": tf.io.FixedLenFeature([], tf.float32), "age": tf.io.FixedLenFeature([], tf.float32, 0)}
        parsed = tf.io.parse_example(inputs, features)
        return {"outputs": 2 * parsed["girth"] + parsed["age"]}


def test_regress(tmp_path):
    """http_rest_api_handler.cc, ProcessRegressRequest: one number per example, in "results"."""
    module = Heights()
    tf.saved_model.save(module, str(tmp_path / "heights/1"), signatures={"serving_default": module.__call__})
    with embedded(tmp_path / "heights") as running:
        request = {"examples": [{"girth": 1.5, "age": 1.0}, {"girth": [2.0]}]}
        assert running.json("POST", "/v1/models/heights:regress", request) == (200, {"results": [4.0, 4.0]})
        shared = {"context": {"age": 3.0}, "examples": [{"girth": 1.5}]}
        assert running.json("POST", "/v1/models/heights:regress", shared) == (200, {"results": [6.0]})
        whole = {"examples": [{"girth": 1.5, "age": 1}]}  # A whole number is an int64.
        assert running.json("POST", "/v1/models/heights:regress", whole)[0] == 400
        for wrong in ("classify", "predict"):
            assert running.json("POST", f"/v1/models/heights:{wrong}", request)[0] == 400


def test_status(server):
    ok = {"error_code": "OK", "error_message": ""}
    both = [{"version": version, "state": "AVAILABLE", "status": ok} for version in ("2", "1")]
    # A label is not looked at.
    for target in ("/v1/models/iris", "/v1/models/iris/labels/blue", "/v1/models/iris/METADATA"):
        assert server.json("GET", target) == (200, {"model_version_status": both})
    assert server.json("GET", "/v1/models/iris/versions/1") == (200, {"model_version_status": both[1:]})
    assert server.ask("GET", "/v1/models/iris")[2].startswith(b'{\n "model_version_status": [\n  {\n   "version": "2",')


def test_metadata(server):
    status, answer = server.json("GET", "/v1/models/iris/labels/stable/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "iris", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["numeric"]
    assert signature["inputs"]["inputs"]["dtype"] == "DT_FLOAT"


def test_preflights_allow_nothing(server):
    # RestApiRequestDispatcher::ProcessRequest, without --enable_cors_support
    for origin, status in ((None, 400), ("null", 400), ("https://example.org", 200)):
        headers = {"Origin": origin} if origin else {}
        found, answered, answer = server.ask("OPTIONS", "/v1/models/iris:predict", **headers)
        assert (found, answer) == (status, b"")
        assert not [name for name in answered if name.lower().startswith("access-control")]


def test_packed_bodies(server, body, expected):
    packed = gzip.compress(body.encode())
    for encoding in ("gzip", "x-gzip", "identity, gzip"):
        status, answer = server.json("POST", "/v1/models/iris:predict", packed, Content_Encoding=encoding)
        assert status == 200
        np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)
    # EvHTTPRequest::ReadRequestBytes: what cannot be unpacked is an empty body; without the header it is not unpacked.
    empty = server.json("POST", "/v1/models/iris:predict", b"")
    assert empty[0] == 400
    for broken in (b"no gzip", packed[:-9], body.encode()):
        assert server.json("POST", "/v1/models/iris:predict", broken, Content_Encoding="gzip") == empty
    assert server.json("POST", "/v1/models/iris:predict", packed)[0] == 400


def test_pages_of_the_web_cannot_ask_by_another_name(published):
    with embedded(published, hosts=("localhost", "127.0.0.1", "")) as server:
        for host in ("127.0.0.1:8501", "localhost", "LOCALHOST:1", ""):
            assert server.ask("GET", "/v2/health/live", Host=host)[0] == 200
        for host in (
            "example.org",
            "example.org:8501",
            "127.0.0.1.example.org",
            "[::2]:8501",
            "x:y:z",
            "[",
            "localhost.",
        ):
            for target in ("/v1/models/iris", "/", "/v2", "/nowhere"):
                status, answer = server.json("GET", target, Host=host)
                assert status == 403 and "is asked as localhost" in answer["error"]


def test_bodies_where_none_is_looked_at(server):
    """A GET with a large body ended the real server (tensorflow/serving issue 1925)."""
    for size in (10, 1_000_000):
        assert server.json("GET", "/v1/models/iris", b" " * size)[0] == 200
        assert server.json("GET", "/v1/models/iris:predict", b" " * size)[0] == 400
    assert server.ask("GET", "/v2/health/live", b" " * 1_000_000)[0] == 200


def test_answers_are_sent_at_once(server):
    """Held back until the client has acknowledged the headers, an answer would take 40 ms more."""
    with server.connect() as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100)
        sockets = [each.transport.get_extra_info("socket") for each in server.connections]
        assert sockets and all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_metrics(server, body):
    def counted():
        text = server.ask("GET", "/monitoring/prometheus/metrics")[2].decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in values.items()}, text

    before, _ = counted()
    for _ in range(3):
        server.json("POST", "/v1/models/iris:predict", body)
    server.json("POST", "/v1/models/iris:predict", "{")
    server.json("POST", '/v1/models/"no\\such:predict', body)
    after, text = counted()

    def added(name):
        return after[name] - before.get(name, 0)

    # util.cc: RecordModelRequestCount, RecordRequestLatency
    assert added(':tensorflow:serving:request_count{model_name="iris",status="OK"}') == 3
    assert added(':tensorflow:serving:request_count{model_name="iris",status="INVALID_ARGUMENT"}') == 1
    latency = ":tensorflow:serving:request_latency"
    labels = 'model_name="iris",API="predict",entrypoint="REST"'
    assert added(f"{latency}_count{{{labels}}}") == 3
    assert added(f'{latency}_bucket{{{labels},le="+Inf"}}') == 3
    assert after[f"{latency}_sum{{{labels}}}"] > 0
    assert 0 < after["process_start_time_seconds"] <= time.time()
    assert f"# TYPE {latency} histogram" in text and "# TYPE :tensorflow:serving:request_count counter" in text
    # Names that clients make up do not become series.
    assert "no" not in {match for match in re.findall(r'model_name="([^"]*)', text)}
    # ProcessPrometheusRequest
    status, _, answer = server.ask("GET", "/monitoring/prometheus/metrics?x=1")
    assert (status, answer.decode()) == (
        400,
        "Unexpected path: /monitoring/prometheus/metrics?x=1. Should be /monitoring/prometheus/metrics",
    )


def test_addresses_are_taken_apart():
    assert parse("POST", "/v1/models/a%2Fb/versions/3:predict") == Address("a/b", 3, None, "predict")
    assert parse("GET", "/v1/models/a/metadata") == Address("a", part="metadata")
    assert parse("GET", "/v1/models") == Address("")
    # \d of RE2 is an ASCII digit.
    with pytest.raises(StatusError, match="Malformed"):
        parse("GET", "/v1/models/a/versions/٣")
