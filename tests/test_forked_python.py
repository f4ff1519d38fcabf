"""Forked Python processes get the files that they are given, whatever their numbers."""

import os
import subprocess
import sys

import pytest
from forked_python import ForkedPopen


@pytest.mark.parametrize("number", [40, 203, 204, 205, 300])
def test_files_keep_their_numbers(number):
    made = []
    try:
        while not made or made[-1] < number:
            made += os.pipe()
        ends = made[-2:]
        writes = f"import os; os.write({ends[1]}, os.read({ends[0]}, 9) + b' back')"
        os.write(ends[1], b"there and")
        with ForkedPopen([sys.executable, "-c", writes], pass_fds=ends, stderr=subprocess.PIPE) as process:
            assert process.communicate() == (None, b"") and process.returncode == 0
        assert os.read(ends[0], 100) == b"there and back"
    finally:
        for each in made:
            os.close(each)
