"""The journal of a search: one line a record, appended and never rewritten.

Each line is the CRC-32 of its JSON text in eight hexadecimal digits, a space, and the text. A search costs the same to
save at trial 10,000 as at trial 10, and whatever happens to the machine, what was written stays readable: a line that
is torn or damaged is left out with a warning, the others are kept.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = "journal.jsonl"
LOCK = "journal.lock"
FORMAT = 1

LARGEST = 2**31
"""Bytes of the largest journal that is read, some million trials."""


class RunLocked(RuntimeError):
    """Another process searches in this directory."""


class JournalError(ValueError, RuntimeError):
    """A journal that cannot be used; the message says why and what to do.

    A RuntimeError as well, which is what keras-tuner raises where a project cannot be reloaded.
    """


def read_journal(directory: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The records of a search, without TensorFlow or keras-tuner.

    Args:
        directory: Directory of the search.

    Returns:
        The records in the order in which they were written; none where the file is empty.

    Raises:
        FileNotFoundError: The directory holds no journal.
        JournalError: It was written by a newer version, or is too large.

    Warns:
        UserWarning: Lines are damaged; they are left out.
    """
    path = Path(directory) / FILE
    if path.stat().st_size > LARGEST:
        raise JournalError(f"{path} is larger than {LARGEST} bytes, which no search needs: is it a journal?")
    records, damaged = _parse(path.read_bytes())
    if damaged:
        warnings.warn(
            f"{path}: {len(damaged)} damaged line(s) left out, the first is line {damaged[0]}; the others are kept.",
            stacklevel=2,
        )
    for record in records:
        if record.get("kind") == "header" and record.get("format", FORMAT) > FORMAT:
            raise JournalError(f"{path} is of format {record['format']}; this version reads up to {FORMAT}: upgrade.")
    return records


def _parse(content: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    records, damaged = [], []
    lines = content.split(b"\n")
    # What follows the last newline is a record that was not finished, or nothing.
    for number, line in enumerate(lines, start=1):
        last = number == len(lines)
        if last and not line:
            continue
        record = None if last else _decode(line)
        if record is None:
            damaged.append(number)
        else:
            records.append(record)
    return records, damaged


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        checksum, text = line[:8], line[9:]
        if line[8:9] != b" " or checksum != b"%08x" % zlib.crc32(text):
            return None
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("kind"), str) else None


def encode(record: dict[str, Any]) -> bytes:
    """A record as a line."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


class Journal:
    """The journal of a directory, open for writing by one process at a time.

    The lock is the kernel's: it goes with the process that holds it, however that ends. A second search of the same
    process takes the journal over from the first, as when a cell of a notebook is run again.

    Args:
        directory: Directory of the search; made if it is not there.

    Attributes:
        found: Bytes of the journal when it was opened.

    Raises:
        RunLocked: Another process has it.
        OSError: It cannot be written.
    """

    _open_here: dict[Path, Journal] = {}

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / FILE
        earlier = Journal._open_here.pop(self.directory, None)
        if earlier is not None:
            earlier.close()
        self._lock: int | None = self._acquire()
        self._file: int | None = None
        self.found = self.size()
        try:
            self._drop_damage()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except BaseException:
            self.close()
            raise
        Journal._open_here[self.directory] = self

    def _acquire(self) -> int:
        lock = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise RunLocked(
                f"{self.directory} is in use by another search (process {owner}); wait for it, stop it, or choose "
                "another directory."
            ) from None
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock

    def _drop_damage(self) -> None:
        """Start from undamaged lines; the damaged file is kept beside, once."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        records, damaged = _parse(content)
        if not damaged:
            return
        kept = self.path.with_suffix(".damaged.jsonl")
        if not kept.exists():
            shutil.copy2(self.path, kept)
        staged = self.path.with_suffix(".new")
        with staged.open("wb") as file:
            file.writelines(encode(record) for record in records)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self.path)

    def append(self, record: dict[str, Any], *, sync: bool = False) -> None:
        """Write a record, whole or not at all.

        Args:
            record: Plain data with a "kind".
            sync: Whether to wait until it is on the disk.

        Raises:
            JournalError: The journal was closed, or taken over by a later search of this process.
            OSError: It could not be written; what was there is intact.
        """
        if self._file is None:
            raise JournalError(f"{self.path} is no longer open here: a later search of this process has taken it over.")
        line = encode(record)
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, line[written:])
            if sync:
                os.fsync(self._file)
                self._check_place()
        except OSError as error:
            os.ftruncate(self._file, before)
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def size(self) -> int:
        """Bytes of the journal; 0 where it is not there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def _check_place(self) -> None:
        """What is written to a file that was removed is lost when the search ends."""
        there = os.stat(self.path)
        if self._file is not None and there.st_ino != os.fstat(self._file).st_ino:
            raise FileNotFoundError(errno.ENOENT, "Was removed or replaced while the search ran", str(self.path))

    def close(self) -> None:
        """Let another search have the directory."""
        for handle in (self._file, self._lock):
            if handle is not None:
                os.close(handle)
        self._file = self._lock = None
        if Journal._open_here.get(self.directory) is self:
            del Journal._open_here[self.directory]


def kinds(records: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    """The records of one kind."""
    return (record for record in records if record["kind"] == kind)
