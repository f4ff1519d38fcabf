"""The Open Inference Protocol, by its specification."""

import base64
import json
import re

import keras
import numpy as np
import pytest
from embedded import embedded

import kzoo
from kzoo.export.errors import RequestError
from kzoo.export.inference.runner import Runner
from kzoo.serving.embedded.inference_protocol import infer, model_metadata


@pytest.fixture(scope="module")
def server(published):
    with embedded(published) as running:
        yield running


def tensor(rows, **other):
    data = {"name": "inputs", "shape": list(rows.shape), "datatype": "FP32", "data": rows.reshape(-1).tolist()}
    return data | other


def test_health_and_metadata(server):
    known = {"name": "kzoo-embedded", "version": kzoo.__version__, "extensions": ["binary_tensor_data"]}
    assert server.json("GET", "/v2") == (200, known)
    assert server.json("GET", "/v2/health/live") == (200, {"live": True})
    assert server.json("GET", "/v2/health/ready") == (200, {"ready": True})
    assert server.json("GET", "/v2/models/iris/ready") == (200, {"name": "iris", "ready": True})
    assert server.json("GET", "/v2/models/iris/versions/2/ready")[0] == 200
    assert server.json("GET", "/v2/models/iris/versions/7/ready") == (503, {"name": "iris", "ready": False})
    for target in (
        "/v2/models/wine/ready",
        "/v2/models/wine",
        "/v2/models/iris/versions/7",
        "/v2/models/iris/versions/x",
    ):
        status, answer = server.json("GET", target)
        assert (status, list(answer)) == (404, ["error"])
    status, known = server.json("GET", "/v2/models/iris")
    assert (status, known["name"], known["versions"], known["platform"]) == (
        200,
        "iris",
        ["2"],
        "tensorflow_savedmodel",
    )
    assert known["inputs"] == [{"name": "inputs", "datatype": "FP32", "shape": [-1, 4]}]
    assert {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]} in known["outputs"]
    assert {"name": "label", "datatype": "BYTES", "shape": [-1]} in known["outputs"]
    status, headers, answer = server.ask("GET", "/v2/models/iris/infer")
    assert (status, headers["Allow"], list(json.loads(answer))) == (405, "POST", ["error"])
    assert server.ask("POST", "/v2")[0] == server.ask("POST", "/")[0] == 405


def test_inference(server, rows, expected):
    for target in ("/v2/models/iris/infer", "/v2/models/iris/versions/2/infer"):
        request = {"id": "42", "inputs": [tensor(rows)], "outputs": [{"name": "probabilities"}]}
        status, answer = server.json("POST", target, request)
        assert (status, answer["id"], answer["model_name"], answer["model_version"]) == (200, "42", "iris", "2")
        (output,) = answer["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [40, 3])
        np.testing.assert_allclose(np.reshape(output["data"], (40, 3)), expected, atol=1e-6)
    # Nested data and another signature.
    request = {"inputs": [tensor(rows, data=rows.tolist())], "parameters": {"signature_name": "numeric"}}
    status, answer = server.json("POST", "/v2/models/iris/infer", request)
    assert status == 200 and "id" not in answer and len(answer["outputs"]) == 1
    status, answer = server.json("POST", "/v2/models/iris/infer", {"inputs": [tensor(rows[:2])]})
    label = next(each for each in answer["outputs"] if each["name"] == "label")
    assert (label["datatype"], label["shape"]) == ("BYTES", [2]) and set(label["data"]) <= {
        "setosa",
        "versicolor",
        "virginica",
    }
    counts = server.ask("GET", "/monitoring/prometheus/metrics")[2].decode()
    assert 'request_latency_count{model_name="iris",API="infer",entrypoint="REST"} 4' in counts


ONE = np.ones((1, 4), "float32")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5000, "not JSON"),
        ([], "The body is not an object"),
        ({}, 'no list of "inputs"'),
        ({"inputs": [1]}, "An input is not an object"),
        ({"inputs": []}, "lacks the input 'inputs'"),
        ({"inputs": [tensor(ONE), tensor(ONE)]}, "is there twice"),
        ({"inputs": [tensor(ONE, name="x")]}, "is not one of the model's"),
        ({"inputs": [tensor(ONE, name=["x"])]}, "is not one of the model's"),
        ({"inputs": [tensor(ONE, datatype="FP64")]}, "the model takes 'FP32'"),
        ({"inputs": [tensor(ONE, shape=[1, 5])]}, "has 4 elements, but the shape"),
        ({"inputs": [tensor(ONE, shape=[-1, 4])]}, "no shape"),
        ({"inputs": [tensor(ONE, shape=[True, 4])]}, "no shape"),
        ({"inputs": [tensor(ONE, shape=[2**40, 2**40])]}, "no shape"),
        ({"inputs": [tensor(ONE, shape=[1] * 100 + [4])]}, "elements|shape"),
        ({"inputs": [tensor(ONE, shape=[2, 2])]}, r"the model takes \[-1, 4\]"),
        ({"inputs": [tensor(ONE, data="aaaa")]}, "no list"),
        ({"inputs": [tensor(ONE, data=None)]}, "no list"),
        ({"inputs": [tensor(ONE, parameters={"binary_data_size": 16})]}, "not so many bytes"),
        ({"inputs": [tensor(ONE, parameters=3)]}, '"parameters" is not an object'),
        ({"inputs": [tensor(ONE, data=[1, 2, 3, "x"])]}, "no FP32"),
        ({"inputs": [tensor(ONE, data=[1, 2, 3, None])]}, "no FP32"),
        ({"inputs": [tensor(ONE, data=[1, [2], 3, 4])]}, "no FP32"),
        ({"inputs": [tensor(ONE, data=[1, 2, 3, {}])]}, "no FP32"),
        ({"inputs": [tensor(ONE, data=[1, 2, 3, 1e39])]}, "no FP32"),
        ({"inputs": [tensor(ONE, data=[1, 2, 3, 10**400])]}, "no FP32"),
        ({"inputs": [tensor(ONE)], "outputs": [{"name": "x"}]}, "no output 'x'"),
        ({"inputs": [tensor(ONE)], "outputs": "x"}, "not a list"),
        ({"inputs": [tensor(ONE)], "parameters": {"signature_name": "x"}}, "no signature 'x'"),
        ({"inputs": [tensor(ONE)], "parameters": 1}, '"parameters" is not an object'),
    ],
)
def test_refusals(server, request_, words):
    status, answer = server.json("POST", "/v2/models/iris/infer", request_)
    assert status == 400
    assert re.search(words, answer["error"]), answer


def test_models_and_versions_that_are_not_there(server):
    for target in ("/v2/models/wine/infer", "/v2/models/iris/versions/9/infer"):
        assert server.json("POST", target, {"inputs": [tensor(ONE)]})[0] == 404


@pytest.fixture(scope="module")
def dtypes(tmp_path_factory):
    """An export that answers what it takes, in several dtypes."""
    names = {"int64": "int64", "uint8": "uint8", "boolean": "bool", "text": "string"}
    inputs = {name: keras.Input((2,), dtype=dtype, name=name) for name, dtype in names.items()}
    outputs = {f"{name}_back": keras.layers.Identity()(each) for name, each in inputs.items()}
    examples = {
        "int64": np.array([[2**62, -1]]),
        "uint8": np.array([[0, 255]], "uint8"),
        "boolean": np.array([[True, False]]),
        "text": np.array([["é", ""]], object),
    }
    base = tmp_path_factory.mktemp("dtypes") / "echo"
    return kzoo.export_model(keras.Model(inputs, outputs), base, examples=examples)


def test_every_dtype_comes_back(dtypes):
    raw = base64.b64encode(b"\xff\xfe").decode()
    given = [
        {"name": "int64", "datatype": "INT64", "shape": [1, 2], "data": [2**63 - 1, -(2**63)]},
        {"name": "uint8", "datatype": "UINT8", "shape": [1, 2], "data": [[0, 255]]},
        {"name": "boolean", "datatype": "BOOL", "shape": [1, 2], "data": [True, False]},
        {"name": "text", "datatype": "BYTES", "shape": [1, 2], "data": ["日本", "x"]},
    ]
    with Runner(dtypes) as runner:
        assert {each["datatype"] for each in model_metadata(runner, "echo", [1])["inputs"]} == {
            *("INT64", "UINT8", "BOOL", "BYTES")
        }

        def ask(*changed):
            inputs = {each["name"]: each for each in [*given, *changed]}
            answer = json.loads(infer(runner, "echo", json.dumps({"inputs": list(inputs.values())}).encode()).body)
            return {each["name"].removesuffix("_back"): each for each in answer["outputs"]}

        outputs = ask()
        for each in given:
            found = outputs[each["name"]]
            assert (found["datatype"], found["data"]) == (each["datatype"], list(np.ravel(each["data"]).tolist()))
        encoded = {"parameters": {"content_type": "base64"}, "data": [raw, raw]}
        assert ask(given[3] | encoded)["text"] | encoded == ask(given[3] | encoded)["text"]
        for number, data in ((1, [0, 256]), (1, [0, 1.5]), (0, [2**63, 0]), (2, [0, 1]), (3, [1, 2])):
            with pytest.raises(RequestError):
                ask(given[number] | {"data": data})
        for text in ("\ud800", "not base64"):
            with pytest.raises(RequestError):
                ask(given[3] | encoded | {"data": [text, text]})


BINARY = {
    "int64": ("INT64", np.array([[2**62, -1]], "<i8").tobytes()),
    "uint8": ("UINT8", b"\x00\xff"),
    "boolean": ("BOOL", b"\x01\x00"),
    "text": ("BYTES", b"\x02\x00\x00\x00\xff\xfe\x00\x00\x00\x00"),
}


def binary_request(**changed):
    data = {name: changed.get(name, data) for name, (_, data) in BINARY.items()}
    inputs = [
        {"name": name, "datatype": datatype, "shape": [1, 2], "parameters": {"binary_data_size": len(data[name])}}
        for name, (datatype, _) in BINARY.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return head + b"".join(data.values()), len(head)


def test_binary_data_come_back(dtypes):
    with Runner(dtypes) as runner:
        answer = infer(runner, "echo", *binary_request())
        outputs = json.loads(answer.body[: answer.json_bytes])["outputs"]
        rest = answer.body[answer.json_bytes :]
        for each in outputs:
            size = each["parameters"]["binary_data_size"]
            assert (each["datatype"], rest[:size]) == BINARY[each["name"].removesuffix("_back")]
            rest = rest[size:]
        assert rest == b""
        for name, data in (("int64", b"123"), ("uint8", b"1"), ("text", b"\xff\xff\xff\xff1"), ("text", b"\x01\x00")):
            with pytest.raises(RequestError):
                infer(runner, "echo", *binary_request(**{name: data}))
        body, length = binary_request()
        for wrong in (body + b"x", body[:-1]):
            with pytest.raises(RequestError, match="binary data"):
                infer(runner, "echo", wrong, length)


def test_binary_data_over_http(server, rows, expected):
    data = rows.astype("<f4").tobytes()
    head = {
        "inputs": [
            {"name": "inputs", "datatype": "FP32", "shape": [40, 4], "parameters": {"binary_data_size": len(data)}}
        ],
        "outputs": [{"name": "label"}, {"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(head).encode()
    target = "/v2/models/iris/infer"
    status, headers, body = server.ask("POST", target, text + data, Inference_Header_Content_Length=str(len(text)))
    length = int(headers["Inference-Header-Content-Length"])
    label, probabilities = json.loads(body[:length])["outputs"]
    assert (status, headers["Content-Type"], len(label["data"])) == (200, "application/octet-stream", 40)
    assert len(body) - length == probabilities["parameters"]["binary_data_size"]
    np.testing.assert_allclose(np.frombuffer(body[length:], "<f4").reshape(40, 3), expected, atol=1e-6)
    for wrong in ("", "x", "-1", "0", "5", "9" * 30):
        assert server.json("POST", target, text + data, Inference_Header_Content_Length=wrong)[0] == 400
