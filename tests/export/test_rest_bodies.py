"""Request bodies, good and bad, with the status and the answer that TensorFlow Serving's sources give them.

Places are functions of `tensorflow_serving/util/json_tensor.cc`, unless a file is named. Where ours is stricter or
laxer is the table `DIFFERENT`.
"""

# ruff: noqa: E501 - a case stands in one line

import json
import re

import numpy as np
import pytest
from echo_export import write_echo_export
from hypothesis import given, settings
from hypothesis import strategies as st

from kzoo.export import Runner
from kzoo.export.inference import request_tensors
from kzoo.export.inference.answer_json import decimals
from kzoo.export.inference.prediction import answer_request
from kzoo.export.inference.request_json import parse_body
from kzoo.export.inference.rest_api import metadata, respond


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with Runner(write_echo_export(tmp_path_factory.mktemp("echo") / "1")) as runner:
        yield runner


def ask(signature, field, value):
    return f'{{"signature_name": "{signature}", "{field}": {value}}}'


def rows(signature, value, answer):
    """A body with "instances"."""
    return ask(signature, "instances", value), answer if isinstance(answer, int) else f'{{"predictions":{answer}}}'


def whole(signature, value, answer):
    """A body with "inputs"."""
    return ask(signature, "inputs", value), answer if isinstance(answer, int) else f'{{"outputs":{answer}}}'


def both(signature, value, answer):
    """The same list as rows and as a whole array."""
    return [rows(signature, value, answer), whole(signature, value, answer)]


def plain(body, answer):
    return body, answer


GOOD = '{"instances": [[1, 2, 3]]}'
GOOD_ANSWER = '{"predictions":[[1.0,2.0,3.0]]}'

PREDICT = {
    "ParseJson: what is no object": [
        *(plain(body, 400) for body in ("", " ", "[]", "1", "null", '"x"', "true", "NaN", "{", "}", "{]", "\0", "{'a': 1}")),
        *(plain(body, 400) for body in ('{"instances": [1,]}', '{"instances": [1] "x": 2}', "{1: 2}", '{"instances"}')),
    ],
    "ParseJson, kParseStopWhenDoneFlag: what follows the object is not read": [
        plain(GOOD + tail, GOOD_ANSWER) for tail in ("", " ", "}", " garbage", "{", "\0", " " + GOOD)
    ],
    "ParseJson, EncodedInputStream: a byte order mark, white space": [
        plain("\ufeff" + GOOD, GOOD_ANSWER),
        plain(" \t\r\n" + GOOD, GOOD_ANSWER),
        plain("\v" + GOOD, 400),
        plain("\u00a0" + GOOD, 400),
        plain("// a remark\n" + GOOD, 400),
    ],
    "ParseJson, kParseNanAndInfFlag": [
        *both("float", "[NaN, Infinity, -Infinity]", "[NaN,Infinity,-Infinity]"),
        *both("float", "[Inf, -Inf, -NaN]", "[Infinity,-Infinity,NaN]"),
        *(rows("float", f"[{value}]", 400) for value in ("nan", "+Infinity", "Infinit", "inf", "-", "+1", ".5", "1.", "01")),
        *(rows("float", f"[{value}]", 400) for value in ("1e", "1e+", "0x10", "1_000", "1 2", "--1", "1.e5", "١")),
        rows("text", '["Inf", "-NaN", "NaN"]', '["Inf","-NaN","NaN"]'),
    ],
    "RapidJSON 1.1.0, ParseNumber: too big": [
        *(rows("float", f"[{value}]", 400) for value in ("1e400", "-1e400", "1e309", "0e400", "1e99999999999", "1" * 310)),
        plain(GOOD[:-1] + ', "unknown": 1e400}', 400),
        plain(GOOD[:-1] + f', "unknown": {"1" * 5000}}}', 400),
        rows("double", "[1e308]", "[1e+308]"),
        rows("double", "[9e308]", "[Infinity]"),
        rows("double", "[1e-400]", "[0.0]"),
        rows("double", "[1e-99999999999]", "[0.0]"),
        rows("float", "[1e39, -1e39, 1e-60]", "[Infinity,-Infinity,0.0]"),
        rows("float", f"[{'1' * 30}]", "[1.11111106e+29]"),
    ],
    "RapidJSON, ParseString": [
        rows("text", r'["\u00e9\ud83d\ude00\/\b"]', '["é😀/\\b"]'),
        *(rows("text", f'["{value}"]', 400) for value in (r"\ud83d", r"\ud83dA", r"\ud83d\u0041", r"\x", r"\u12", "\t", "\n", "\0")),
        *(rows("text", f"[{value}]", 400) for value in ("'a'", '"a', 'a"', r'"\"')),
        plain(GOOD[:-1] + r', "unknown": "\ud83d"}', 400),
        rows("text", r'["\\ud83d"]', r'["\\ud83d"]'),
        rows("text", r'["a\u0000b"]', r'["a\u0000b"]'),
    ],
    "FillSignature": [
        *(plain(f'{{"signature_name": {name}, "instances": [[1, 2, 3]]}}', 400) for name in ("null", "1", "[]", "{}", "true")),
        plain('{"signature_name": "", "instances": [[1, 2, 3]]}', GOOD_ANSWER),
        plain('{"signature_name": "doubled", "instances": [[1, 2, 3]]}', '{"predictions":[[2.0,4.0,6.0]]}'),
        plain('{"signature_name": "Doubled", "instances": [[1, 2, 3]]}', 400),
        plain('{"signature_name": "__saved_model_init_op", "instances": [1]}', 400),
        plain('{"signature_name": "no\\u0000pe", "instances": [1]}', 400),
        # FindMember: the first of two.
        plain('{"signature_name": "doubled", "instances": [[1, 2, 3]], "signature_name": null}', '{"predictions":[[2.0,4.0,6.0]]}'),
        plain('{"signature_name": null, "instances": [[1, 2, 3]], "signature_name": "doubled"}', 400),
    ],
    "FillPredictRequestFromJson: which key": [
        plain("{}", 400),
        plain('{"x": [[1, 2, 3]]}', 400),
        plain('{"Instances": [[1, 2, 3]]}', 400),
        plain('{"examples": [{"v": 1.0}]}', 400),
        plain('{"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]}', 400),
        plain('{"instances": [], "inputs": null}', 400),
        plain('{"zebra": {"a": [null]}, "instances": [[1, 2, 3]], "id": 7}', GOOD_ANSWER),
        plain('{"instances": [[1, 2, 3]], "instances": "no"}', GOOD_ANSWER),
        plain('{"instances": "no", "instances": [[1, 2, 3]]}', 400),
        plain('{"inputs": [[1, 2, 3]], "inputs": 5}', '{"outputs":[[1.0,2.0,3.0]]}'),
        *(plain(f'{{"instances": {value}}}', 400) for value in ("[]", "{}", "null", "1", '"abc"', "true", '{"x": [[1, 2, 3]]}')),
    ],
    "FillTensorMapFromInstancesList": [
        rows("serving_default", '[{"x": [1, 2, 3]}, {"x": [4, 5, 6]}]', "[[1.0,2.0,3.0],[4.0,5.0,6.0]]"),
        rows("pair", '[{"a": 1, "b": 2}, {"b": 3, "a": 4.5}]', '[{"b":2,"sum":3.0},{"b":3,"sum":7.5}]'),
        *(rows("pair", value, 400) for value in ("[[1, 2]]", "[1]", '[{"a": 1}]', '[{"a": 1, "b": 2, "c": 3}]', "[{}]", "[null]")),
        *(rows("pair", value, 400) for value in ('[{"a": 1, "b": 2}, 5]', '[{"a": 1, "b": 2}, {"a": 1}]', '[{"b64": "YQ=="}]')),
        *(rows("float", value, 400) for value in ('[1, {"x": 1}]', '[{"x": 1}, 1]', '[{"y": 1}]', '[{"x": 1, "y": 1}]')),
        rows("pair", '[{"a": 1, "b": 2}, {"a": [1], "b": 2}]', 400),
        rows("pair", '[{"a\\u0000z": 1, "b": 2}]', '[{"b":2,"sum":3.0}]'),
        # A name twice in a row: its values are added one behind the other, and the surplus falls off at the end.
        rows("float", '[{"x": 1, "x": 2}, {"x": 3}]', "[1.0,2.0]"),
        rows("pair", '[{"a": 1, "b": 2, "a": 9}, {"a": 3, "b": 4}]', '[{"b":2,"sum":3.0},{"b":4,"sum":13.0}]'),
        rows("float", '[{"x": 1, "x": [2]}]', 400),
        rows("text", '[{"b64": "YQ==", "b64": "YQ=="}]', 400),
    ],
    "GetDenseTensorShape, FillTensorProto: shapes": [
        rows("float", "[1, 2]", "[1.0,2.0]"),
        rows("float", "[[[1]], [[2]]]", "[[[1.0]],[[2.0]]]"),
        rows("float", "[[], []]", "[[],[]]"),
        rows("float", "[[[], []]]", "[[[],[]]]"),
        rows("int32", "[[]]", "[[]]"),
        rows("text", "[[]]", "[[]]"),
        rows("bool", "[[], []]", "[[],[]]"),
        whole("float", "5", "5.0"),
        whole("float", "[]", "[]"),
        whole("float", "[[]]", "[[]]"),
        whole("text", '"a"', '"a"'),
        whole("text", '{"b64": "YQ=="}', '"a"'),
        whole("float", '{"x": [1, 2]}', "[1.0,2.0]"),
        whole("float", '{"x": 5, "unknown": "no"}', "5.0"),
        whole("float", '{"x": 5, "x": "no"}', "5.0"),
        *(rows("float", v, 400) for v in ("[[1], [2, 3]]", "[[1], 2]", "[1, [2]]", "[[], [1]]", "[[1], []]", "[[[1], 2]]")),
        *(whole("float", v, 400) for v in ("[[1], [2, 3]]", "[[1], 2]", "[1, [2]]", "[[], [1]]", "[[1], []]", "[[[1], [[2]]]]")),
        *(whole("float", v, 400) for v in ("null", '"5"', "true", "{}", '{"y": 5}', '{"b64": "YQ=="}', '{"x": null}')),
        *(whole("pair", v, 400) for v in ("[1]", "1", '{"a": [1]}', '{"a": [1], "b": [1.5]}')),
        whole("pair", '{"a": [1], "b": [2], "c": [3]}', '{"b":[2],"sum":[3.0]}'),
        # servables/tensorflow/predict_util.cc, PreProcessPrediction: shapes of inputs are not looked at.
        rows("doubled", "[[1, 2, 3, 4]]", "[[2.0,4.0,6.0,8.0]]"),
        rows("doubled", "[1]", "[2.0]"),
        whole("doubled", "7", "14.0"),
        rows("serving_default", "[[1, 2]]", 400),
        rows("serving_default", "[1, 2, 3]", 400),
        whole("serving_default", "7", 400),
    ],
    "AddValueToTensor: floats": [
        *both("float", "[1, 0.1, -0.0, -0]", "[1.0,0.1,-0.0,0.0]"),
        *both("float", "[16777217, 9007199254740993]", "[16777216.0,9.00719925e+15]"),
        *both("float", "[18446744073709551616, -9223372036854775809]", "[1.84467441e+19,-9.22337204e+18]"),
        *both("double", "[9007199254740993, 0.1]", "[9007199254740992.0,0.1]"),
        *(rows("float", f"[{v}]", 400) for v in ('"1"', "true", "null", "{}", '{"b64": "YQ=="}')),
        *(rows("float", f"[1, {v}]", 400) for v in ('"1"', "true", "false", "null", "[2]")),
    ],
    "AddValueToTensor: integers": [
        *both("int64", "[9223372036854775807, -9223372036854775808, 0]", "[9223372036854775807,-9223372036854775808,0]"),
        *(rows("int64", f"[{v}]", 400) for v in ("9223372036854775808", "-9223372036854775809", "1.0", "1e2", "NaN", "true", '"1"')),
        *both("int32", "[2147483647, -2147483648]", "[2147483647,-2147483648]"),
        *(rows("int32", f"[{v}]", 400) for v in ("2147483648", "-2147483649", "0.0", "false", "null")),
        *both("uint8", "[0, 255, 256, -1, 70000]", "[0,255,0,255,112]"),
        *both("int8", "[127, 128, -129]", "[127,-128,127]"),
        *both("int16", "[32768]", "[-32768]"),
        rows("uint8", "[2147483648]", 400),
        rows("uint8", "[[[1, 2], [3, 4]]]", "[[[1,2],[3,4]]]"),
        *both("uint32", "[0, 4294967295]", "[0,4294967295]"),
        *(rows("uint32", f"[{v}]", 400) for v in ("-1", "4294967296", "1.5")),
        *both("uint64", "[0, 18446744073709551615]", "[0,18446744073709551615]"),
        *(rows("uint64", f"[{v}]", 400) for v in ("-1", "18446744073709551616", "1.5")),
    ],
    "AddValueToTensor: truth values, text, and what has no case": [
        *both("bool", "[true, false]", "[true,false]"),
        *(rows("bool", f"[{v}]", 400) for v in ("0", "1", '"true"', "null")),
        *both("text", '["a", "ä\\n\\"\\\\/"]', '["a","ä\\n\\"\\\\/"]'),
        *(rows("text", f"[{v}]", 400) for v in ("1", "true", "null", "{}", '{"b64": 1}', '{"b64": "YQ==", "x": 1}')),
        # In rows any status becomes INVALID_ARGUMENT; elsewhere UNIMPLEMENTED stays.
        rows("half", "[1.5]", 400),
        whole("half", "[1.5]", 501),
        rows("uint16", "[1]", 400),
        whole("uint16", "[1]", 501),
        whole("half", '[{"b64": "YQ=="}]', 400),
    ],
    "JsonDecodeBase64Object, absl::Base64Unescape": [
        *both("text", '[{"b64": "YWI="}, {"b64": "YWI"}, {"b64": ""}, {"b64": "Y W\\nI="}]', '["ab","ab","","ab"]'),
        rows("text", '["a", {"b64": "Yg=="}]', '["a","b"]'),
        rows("text", '[{"b64": "YQ.."}]', '["a"]'),  # padded as tf.io.encode_base64 of old did
        *(rows("text", f'[{{"b64": "{v}"}}]', 400) for v in ("Y", "YWI==", "YW=", "Y=I=", "äöü", "Y-_=", "=", "YWJj=")),
        rows("as_bytes", '[{"b64": "/w=="}]', '[{"b64":"/w=="}]'),
    ],
    "AddSingleValueAndAdvance, MakeRowFormatJsonFromTensors": [
        rows("half_out", "[[1, 2, 3]]", 400),
        whole("half_out", "[[1, 2, 3]]", 400),
        whole("half_out", "[[], []]", "[[],[]]"),
        rows("complex_out", "[[1, 2, 3]]", 400),
        rows("no_rows", "[[1, 2, 3]]", 400),
        whole("no_rows", "[[1, 2, 3]]", "6.0"),
        rows("no_row", "[[1, 2, 3]]", "[]"),
        whole("no_row", "[[1, 2, 3]]", "[]"),
        rows("uneven", "[[1, 2, 3], [4, 5, 6]]", 400),
        rows("uneven", "[[1, 2, 3]]", '[{"all":[1.0,2.0,3.0],"first":[1.0,2.0,3.0]}]'),
        whole("uneven", "[[1, 2, 3], [4, 5, 6]]", '{"all":[[1.0,2.0,3.0],[4.0,5.0,6.0]],"first":[[1.0,2.0,3.0]]}'),
        rows("as_bytes_pair", '["a"]', '[{"x_bytes":{"b64":"YQ=="},"z":"a"}]'),
        whole("as_bytes", '["a", "b"]', '[{"b64":"YQ=="},{"b64":"Yg=="}]'),
    ],
    "http_server.cc, ToHTTPStatusCode: errors of the graph": [
        rows("asserts", "[[1, 2, 3]]", "[[1.0,2.0,3.0]]"),
        rows("asserts", "[[1, 200, 3]]", 400),
    ],
}  # fmt: skip


def results(signature, examples, answer, extra=""):
    body = f'{{"signature_name": "{signature}", "examples": {examples}{extra}}}'
    return body, answer if isinstance(answer, int) else f'{{"results":{answer}}}'


def value_of(feature, status):
    return [results("regress", f'[{{"v": {feature}}}]', status)]


REGRESS = {
    "FillClassifyRegressRequestFromJson": [
        results("regress", '[{"v": 1.5}, {"v": [2.0], "w": 3}]', "[1.5,5.0]"),
        results("regress_column", '[{"v": 1.5}]', "[1.5]"),
        results("regress", '[{"w": 3}]', "[2.5]", ', "context": {"v": -0.5}'),
        results("regress", '[{"v": 1.0, "unknown": ["a", {"b64": "YQ=="}]}]', "[1.0]"),
        *(results("regress", value, 400) for value in ("[]", "{}", "null", "5", "[5]", "[null]", "[[]]", '[{"v": 1.0}, 5]')),
        results("regress", '[{"v": 1.0}]', 400, ', "context": []'),
        results("regress", '[{"v": 1.0}]', 400, ', "context": null'),
        plain('{"signature_name": "regress", "instances": [{"v": 1.0}]}', 400),
        plain('{"signature_name": null, "examples": [{"v": 1.0}]}', 400),
        plain('{"signature_name": "regress"}', 400),
        plain("[]", 400),
        results("regress", '[{"v": 1.0, "v": 2.0}]', "[2.0]"),
        results("regress", '[{"v\\u0000x": 1.0}]', "[1.0]"),
    ],
    "AddValueToFeature": [
        *value_of("1", 400),  # an integer makes an int64 list, which a float feature refuses
        *value_of("1e0", "[1.0]"),
        *value_of("NaN", "[NaN]"),
        *value_of("-Infinity", "[-Infinity]"),
        *value_of("1e39", "[Infinity]"),
        *value_of("18446744073709551616", "[1.84467441e+19]"),
        *value_of("true", 400),
        *value_of('"1.0"', 400),
        *value_of("null", 400),
        *value_of("[[1.0]]", 400),
        *value_of("[1.0, 2]", 400),
        *value_of("[1.0, 2.0]", 400),
        *value_of("[]", 400),
        *value_of("{}", 400),
        *value_of('{"b64": "Y"}', 400),
        *value_of('{"b64": "YQ=="}', 400),
        results("regress", '[{"v": 1.0, "w": true}]', "[2.0]"),
        results("regress", '[{"v": 1.0, "w": [true]}, {"v": 1.0, "w": -5}]', "[2.0,-4.0]"),
        results("regress", '[{"v": 1.0, "w": 2.0}]', 400),
        results("regress", '[{"v": 1.0, "w": 9223372036854775808}]', 400),
        results("regress", '[{"v": 1.0, "u": [1, true]}]', "[1.0]"),
        results("regress", '[{"v": 1.0, "u": [1, "a"]}]', 400),
        results("regress", '[{"v": 1.0, "u": 18446744073709551615}]', 400),
    ],
    "servables/tensorflow/regressor.cc, PreProcessRegression, PostProcessRegressionResult": [
        results("", '[{"v": 1.0}]', 400),
        plain('{"examples": [{"v": 1.0}]}', 400),
        results("nowhere", '[{"v": 1.0}]', 400),
        results("classify", '[{"v": 1.0}]', 400),
        results("float", '[{"v": 1.0}]', 400),
        results("regress_wide", '[{"v": 1.0}]', 400),
        results("serialized", "[{}]", "[0.0]"),
    ],
}  # fmt: skip

CLASSIFY = {
    "servables/tensorflow/classifier.cc, PreProcessClassification, PostProcessClassificationResult": [
        results("classify", '[{"v": 0.1}, {"v": 2e10}]', r'[[["yes",0.1],["n\"o",-0.1]],[["yes",2e+10],["n\"o",-2e+10]]]'),
        results("classify", '[{"v": NaN}]', r'[[["yes",NaN],["n\"o",NaN]]]'),
        results("only_classes", '[{"v": 0.1}]', r'[[["yes",0.0],["n\"o",0.0]]]'),
        results("only_scores", '[{"v": 0.1}]', '[[["",0.1],["",-0.1]]]'),
        results("flat_scores", '[{"v": 0.1}]', 400),
        results("regress", '[{"v": 0.1}]', 400),
        results("pair", '[{"v": 0.1}]', 400),
        results("nowhere", '[{"v": 0.1}]', 400),
        plain('{"examples": [{"v": 0.1}]}', 400),
        results("classify", '[{"v": 1}]', 400),
        results("classify", "[]", 400),
    ],
}  # fmt: skip

DIFFERENT = [
    # body, what the server does, our status
    (ask("float", "instances", "[" * 300 + "]" * 300), "400: TensorFlow has 254 dimensions at most", 400),
    (ask("float", "instances", "[" * 100_000), "ends", 400),
    (ask("float", "instances", "[" * 99 + "1" + "]" * 99), "200", 400),
    (GOOD[:-1] + ', "unknown": ' + '{"a": ' * 300 + "1" + "}" * 301, "200", 400),
    (ask("text", "instances", r'["\udc80"]').encode()[:-2] + b', "\xff"]}', "200", 400),
]

CASES = [
    pytest.param(method, body, answer, id=f"{method}-{number}-{body[:60].encode('ascii', 'backslashreplace').decode()}")
    for method, table in (("predict", PREDICT), ("regress", REGRESS), ("classify", CLASSIFY))
    for number, (body, answer) in enumerate(case for cases in table.values() for case in cases)
]


def tight(body):
    """JSON without the white space between its tokens."""
    return "".join(re.findall(r'"(?:[^"\\]|\\.)*"|\S', body))


def test_there_are_many():
    assert len(CASES) > 300


@pytest.mark.parametrize(("method", "body", "answer"), CASES)
def test_status_and_answer_are_the_servers(runner, method, body, answer):
    response = respond(runner, method, body.encode())
    if isinstance(answer, int):
        assert response.status == answer, response.body
        (message,) = json.loads(response.body).values()
        assert message and "\n" not in message
    else:
        assert (response.status, tight(response.body.decode())) == (200, answer)


@pytest.mark.parametrize(("body", "server", "status"), DIFFERENT)
def test_what_is_other_than_in_the_server(runner, body, server, status):
    assert respond(runner, "predict", body if isinstance(body, bytes) else body.encode()).status == status, server


def test_the_layout_is_the_servers(runner):
    """RapidJSON's PrettyWriter with kFormatSingleLineArray for rows, as MakeRowFormatJsonFromTensors sets it."""
    for method, body, expected in [
        ("predict", '{"instances": [[1, 2, 3], [4, 5, 6]]}',
         '{\n    "predictions": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]\n    ]\n}'),
        ("predict", ask("pair", "instances", '[{"a": 1, "b": 2}, {"a": 3, "b": 4}]'),
         '{\n    "predictions": [\n        {\n            "b": 2,\n            "sum": 3.0\n        },\n        {\n'
         '            "b": 4,\n            "sum": 7.0\n        }\n    ]\n}'),
        ("predict", ask("float", "inputs", "[[1], [2]]"),
         '{\n    "outputs": [\n        [\n            1.0\n        ],\n        [\n            2.0\n        ]\n    ]\n}'),
        ("predict", ask("pair", "inputs", '{"a": [1], "b": [2]}'),
         '{\n    "outputs": {\n        "b": [\n            2\n        ],\n        "sum": [\n            3.0\n        ]\n    }\n}'),
        ("predict", ask("float", "inputs", "[[], []]"), '{\n    "outputs": [\n        [],\n        []\n    ]\n}'),
        ("predict", ask("as_bytes", "instances", '["a"]'),
         '{\n    "predictions": [{\n            "b64": "YQ=="\n        }\n    ]\n}'),
        ("classify", '{"signature_name": "only_scores", "examples": [{"v": 1.0}]}',
         '{\n    "results": [[["", 1.0], ["", -1.0]]\n    ]\n}'),
        ("regress", '{"signature_name": "regress", "examples": [{"v": 1.0}, {"v": 2.0}]}', '{\n    "results": [1.0, 2.0]\n}'),
    ]:  # fmt: skip
        assert respond(runner, method, body.encode()).body.decode() == expected
    assert respond(runner, "predict", b"").body.startswith(b'{\n    "error": "')


def test_bytes_that_are_no_utf8_go_through_as_they_are(runner):
    """RapidJSON validates neither what it reads nor what it writes."""
    response = respond(runner, "predict", b'{"signature_name": "text", "instances": ["\xff\xfe", "\xe9"]}')
    assert response.status == 200 and b'["\xff\xfe", "\xe9"' in response.body
    response = respond(runner, "predict", rb'{"signature_name": "text", "instances": ["\udc80"]}')
    assert response.status == 200 and b'["\xed\xb2\x80"' in response.body


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b"[" * 300 + b'"' + b'\\"' * 500_000,
        b'{"a": ' + b"[" * 300 + b'"' * 1_000_001,
        b'{"a": Inf, "' + b'\\"' * 500_000,
        b'{"a": "' + b"\\\\u" * 500_000,
        b'{"instances": [' + b"1" * 1_000_000 + b"]}",
        b'{"instances": [0.' + b"1" * 1_000_000 + b"e" + b"9" * 1_000_000 + b"]}",
        b'{"instances": [' + b'{"x": 1, "x": 2},' * 50_000,
        b"[" * 10_000_000,
    ],
    ids=range(8),
)
def test_bodies_that_could_take_long(runner, body):
    """Each is read in a time that grows with its size alone; the square of it would be hours."""
    assert respond(runner, "predict", body).status == 400


def test_numbers_are_written_as_the_server_does():
    """WriteDecimal; the first six are those of JsontensorTest.FromJsonSingleFloatTensorSixDigitPrecision."""
    numbers = np.array(
        [9000000, 999999, 0.5, 0.0003, 0.00003, 555557.5, 0.2, 1 / 3, 1e6, 16777216, 123456789, 3.4e38, 1e-45], "f"
    )
    assert decimals(numbers) == [
        "9e+06", "999999.0", "0.5", "0.0003", "3e-05", "555557.5", "0.2", "0.333333343", "1e+06", "16777216.0",
        "123456792.0", "3.4e+38", "1.4013e-45",
    ]  # fmt: skip
    numbers = np.array([1 / 3, 0.1, 1e15, 2.0**60, 1e300, 5e-324, 1234567.5])
    assert decimals(numbers) == [
        "0.33333333333333331", "0.1", "1e+15", "1.152921504606847e+18", "1e+300", "4.94066e-324", "1234567.5",
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.floats(width=32), max_size=20), st.lists(st.floats(), max_size=20))
def test_numbers_are_the_shorter_form_that_reads_back(singles, doubles):
    for array in (np.array(singles, "float32"), np.array(doubles, "float64")):
        most = 9 if array.dtype == np.float32 else 17
        for written, value in zip(decimals(array), array, strict=True):
            assert np.array_equal(array.dtype.type(written.replace("Infinity", "inf")), value, equal_nan=True)
            if np.isfinite(value):
                short = f"{value:g}"
                digits = short if array.dtype.type(short) == value else f"{value:.{most}g}"
                assert written in (digits, f"{digits}.0")


LEAVES = st.one_of(
    st.integers(-5, 300), st.integers(-(2**65), 2**65), st.floats(), st.booleans(), st.none(), st.just("a"), st.just({})
)
NUMBERS = st.one_of(st.integers(-(2**33), 2**33), st.floats(width=32))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["float", "double", "int8", "int64", "uint8", "uint32", "uint64", "bool"]),
    st.one_of(
        st.lists(NUMBERS, min_size=1, max_size=4),
        st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=3),
        st.lists(st.recursive(LEAVES, lambda each: st.lists(each, max_size=3), max_leaves=5), min_size=1, max_size=3),
    ),
    st.sampled_from(["instances", "inputs"]),
)
def test_arrays_at_once_are_those_element_by_element(runner, signature, value, field):
    """Reading numbers at once may only be faster, or decline."""
    body = parse_body(json.dumps({"signature_name": signature, field: value}).encode())
    signature = runner.signatures[signature]
    found = []
    for at_once in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not at_once:
                patch.setattr(request_tensors, "_uniform_array", lambda *_: None)
            try:
                found.append(request_tensors.parse_predict(body, signature).inputs["x"])
            except ValueError as error:
                found.append(str(error))
    one, other = found
    if isinstance(other, str):
        assert one == other
    else:
        assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def test_metadata_are_the_servers(runner):
    """model_servers/http_rest_api_util.cc, ToJsonString."""
    found = json.loads(metadata(runner, "echo", 7))
    assert found["model_spec"] == {"name": "echo", "signature_name": "", "version": "7"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures["pair"]["inputs"]["b"] == {
        "dtype": "DT_INT64",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "pair_b:0",
    }
    assert signatures["__saved_model_init_op"]["outputs"]["__saved_model_init_op"]["dtype"] == "DT_INVALID"


def test_from_python(runner):
    assert answer_request(runner, {"inputs": [[1, 2, 3]]}) == {"outputs": [[1.0, 2.0, 3.0]]}
    answer = answer_request(runner, {"signature_name": "regress", "examples": [{"v": 1.5}]})
    assert answer == {"results": [1.5]}
    with pytest.raises(ValueError, match="JSON can say"):
        answer_request(runner, {"inputs": np.zeros(3)})
    with pytest.raises(ValueError, match="no uint16") as caught:
        answer_request(runner, {"signature_name": "uint16", "inputs": [1]})
    assert caught.value.status == 501
