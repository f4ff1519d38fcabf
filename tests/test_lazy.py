"""TensorFlow imported without its remarks."""

import os
import sys

import pytest

from kzoo.lazy import LEVEL, quietly

REMARKS = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"I0000 00:00:1796027452.079336   18576 port.cc:153] oneDNN custom operations are on.\n"
    b"E0000 00:00:1796027455.151497   18576 cuda_platform.cc:52] failed call to cuInit\n"
    b"To enable the following instructions: AVX2, in other operations, rebuild TensorFlow.\n"
)


@pytest.fixture
def untouched(monkeypatch):
    """As before TensorFlow is imported."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(LEVEL, raising=False)


def test_remarks_are_left_out_and_all_else_is_not(untouched, capfd):
    with quietly(), quietly():
        os.write(2, REMARKS + b"I am a message of yours\n")
    assert capfd.readouterr().err == "I am a message of yours\n"
    assert os.environ[LEVEL] == "3"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_where_the_import_fails_all_is_shown(untouched, capfd):
    with pytest.raises(ImportError), quietly():
        os.write(2, REMARKS)
        raise ImportError
    assert capfd.readouterr().err == REMARKS.decode()


def test_who_asks_for_remarks_gets_them(untouched, monkeypatch, capfd):
    monkeypatch.setenv(LEVEL, "0")
    with quietly():
        os.write(2, REMARKS)
    assert capfd.readouterr().err == REMARKS.decode()
    assert os.environ[LEVEL] == "0"
