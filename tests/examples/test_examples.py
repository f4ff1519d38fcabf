"""The examples run as they are, in a directory of their own."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import forked_python
import pytest

import kzoo

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("01_python_api.py", ("10 of 10", "the best:", "answers")),
        ("02_search_script.py", ("6 of 6", "zoo under RandomSearch")),
        ("04_ready_export.py", ("digits/1: test accuracy 0.9",)),
    ],
)
def test_example(tmp_path, script, words):
    command = [sys.executable, EXAMPLES / script, tmp_path]
    result = forked_python.run(command, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    for word in words:
        assert word in result.stdout


COMMITTED = EXAMPLES.parent / "saved_models" / "digits"


def test_the_export_in_the_repository_is_ready_and_small():
    size = sum(file.stat().st_size for file in COMMITTED.rglob("*") if file.is_file())
    assert size < 300_000
    data = kzoo.load_dataset("digits")
    answers = kzoo.predict(COMMITTED, {"instances": data.x_test.tolist()})["predictions"]
    accuracy = sum(answer["label"] == str(label) for answer, label in zip(answers, data.y_test, strict=True)) / len(
        answers
    )
    assert accuracy >= 0.965


def test_the_export_is_served(tmp_path):
    base = shutil.copytree(COMMITTED, tmp_path / "digits")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    result = subprocess.run(
        [sys.executable, EXAMPLES / "03_serve.py", base, port], capture_output=True, text=True, timeout=200, check=False
    )
    assert result.returncode == 0, result.stderr
    first, *answers = result.stdout.splitlines()
    assert first.startswith("served by: ") and answers
    (labels,) = {line.partition(": ")[2] for line in answers}
    body = json.loads((base / "request.json").read_text())
    assert labels == str([each["label"] for each in kzoo.predict(base, body)["predictions"]])
