"""The examples run as they are, in a directory of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("01_python_api.py", ("10 of 10", "the best:", "answers")),
        ("02_search_script.py", ("6 of 6", "zoo under RandomSearch")),
    ],
)
def test_example(tmp_path, script, words):
    result = subprocess.run(
        [sys.executable, EXAMPLES / script, tmp_path], capture_output=True, text=True, timeout=200, check=False
    )
    assert result.returncode == 0, result.stderr
    for word in words:
        assert word in result.stdout
