"""Files are written whole or not at all, in both packages."""

import errno
import os
from pathlib import Path

import pytest

from kzoo.files import write_text
from tuners.store.files import write_file


def write_bytes_as_text(path, content):
    write_text(path, content.decode())


@pytest.mark.parametrize("write", [write_file, write_bytes_as_text])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_what_was_there_and_nothing_else(write, step, tmp_path, monkeypatch):
    path = tmp_path / "file"
    write(path, b"old")

    def fail(*_):
        assert path.read_bytes() == b"old"
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("write", [write_file, write_bytes_as_text])
def test_the_error_names_the_file_that_was_asked_for(write, tmp_path):
    path = tmp_path / "missing" / "page.html"
    with pytest.raises(FileNotFoundError) as caught:
        write(path, b"content")
    assert caught.value.filename == str(path)


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(tmp_path / "pipe", "new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo() and list(tmp_path.iterdir()) == [tmp_path / "pipe"]
    with pytest.raises(IsADirectoryError) as refused:
        write_text(tmp_path, "new")
    assert refused.value.filename == str(tmp_path)
    with pytest.raises(FileNotFoundError) as refused:
        write_text(tmp_path / "none" / "file", "new")
    assert refused.value.filename == str(tmp_path / "none" / "file")
