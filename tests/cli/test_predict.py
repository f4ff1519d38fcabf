"""`kzoo predict` answers as the server does, and runs exports of others with care."""

import json
import sys
from pathlib import Path

import pytest
import tensorflow as tf

sys.path.append(str(Path(__file__).parents[1] / "export"))
from echo_export import write_echo_export
from hostile_exports import HOSTILE, save

from kzoo.cli.console import Failure, mendable


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    return write_echo_export(tmp_path_factory.mktemp("echo") / "1")


@pytest.fixture
def ask(kzoo, echo):
    def ask(body, *options):
        (kzoo.directory / "request.json").write_bytes(body.encode())
        return kzoo("predict", echo, "request.json", *options)

    return ask


def test_numbers_that_are_none_are_printed_as_the_server_does(ask):
    result = ask('{"signature_name": "float", "instances": [NaN, -Inf, 1e30, 3]}')
    assert result.exit_code == 0
    assert result.stdout == '{\n    "predictions": [NaN, -Infinity, 1e+30, 3.0\n    ]\n}\n'


def test_a_reader_that_has_seen_enough_is_no_mistake():
    with pytest.raises(BrokenPipeError), mendable(OSError):
        raise BrokenPipeError
    with pytest.raises(Failure), mendable(OSError):
        raise ConnectionResetError


@pytest.mark.parametrize(("signature", "answer"), [("classify", [[["yes", 1.5], ['n"o', -1.5]]]), ("regress", [1.5])])
def test_examples_go_to_the_method_of_the_signature(ask, signature, answer):
    result = ask(json.dumps({"signature_name": signature, "examples": [{"v": 1.5}]}))
    assert json.loads(result.stdout) == {"results": answer}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ('{"instances": [[1, 2, 3]]}', 200, None),
        ('{"instances": [[1, 2]]}', 400, r"has shape \[1, 2\]; expected"),
        ('{"signature_name": "half", "inputs": [1]}', 501, "no float16"),
        ('{"signature_name": "half_out", "inputs": [[1, 2, 3]]}', 400, "float16, which the server cannot write"),
        ('{"examples": [{"v": 1.0}]}', 400, 'ask with "signature_name": "classify"'),
        ('{"instances": [1e400]}', 400, "too big"),
        ("[" * 100_000, 400, "nested deeper"),
    ],
)
def test_the_status_is_the_servers(ask, body, status, words):
    result = ask(body, "--status")
    assert result.stdout.splitlines()[0] == str(status)
    assert result.exit_code == (0 if status == 200 else 1)
    if words:
        assert len(result.stdout.splitlines()) == 1
        with pytest.raises(type(result.exception), match=words) as caught:
            raise result.exception
        assert "\n" not in str(caught.value) and str(caught.value).startswith("request.json: ")


def test_requests_from_standard_input(process, echo):
    result = process("predict", echo, "-", "--status", input='{"instances": [[1, 2, 3]]}')
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith('200\n{\n    "predictions": [[1.0, 2.0, 3.0]\n')


def test_exports_of_others_run_only_if_trusted(kzoo):
    HOSTILE["WriteFile"](kzoo.directory / "1", kzoo.directory / "mark")
    (kzoo.directory / "request.json").write_text('{"instances": [[1, 2]]}')
    assert "--trust" in str(kzoo("predict", ".", "request.json").exception)
    result = kzoo("check", ".")
    assert result.exit_code == 1
    assert not (kzoo.directory / "mark").exists()
    assert kzoo("predict", ".", "request.json", "--trust").exit_code == 0
    assert (kzoo.directory / "mark").exists()


def test_what_never_ends_is_ended(forked, tmp_path):
    save(tmp_path / "1", lambda x: tf.while_loop(lambda x: tf.reduce_sum(x) > -1, lambda x: (x * 0,), (x,))[0])
    (tmp_path / "request.json").write_text('{"instances": [[1, 2]]}')
    result = forked("predict", "1", "request.json", "--timeout", 2)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: no end after 2 seconds; allow it more with --timeout.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files")
def test_requests_that_are_no_files(kzoo, echo):
    import os

    os.mkfifo(kzoo.directory / "pipe")
    (kzoo.directory / "directory").mkdir()
    for name in ("pipe", "directory"):
        result = kzoo("predict", echo, name)
        assert str(result.exception) == f"{name}: it is no file."
