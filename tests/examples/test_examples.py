"""The examples run as they are, in a directory of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

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
    result = subprocess.run(
        [sys.executable, EXAMPLES / script, tmp_path], capture_output=True, text=True, timeout=200, check=False
    )
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


def server_is_here():
    docker = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False)
    return bool(shutil.which("tensorflow_model_server") or (docker and docker.returncode == 0))


@pytest.mark.skipif(server_is_here(), reason="there is a server here")
def test_serve_says_how_to_get_a_server():
    result = subprocess.run([sys.executable, EXAMPLES / "03_serve.py"], capture_output=True, text=True, check=True)
    assert "There is no TensorFlow Serving here" in result.stdout
    assert "would answer: ['" in result.stdout
