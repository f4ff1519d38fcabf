"""The journal of a search: one line per record, appended and never rewritten.

Each line is the CRC-32 of its JSON text in eight hexadecimal digits, a space, and the text. A search costs the same to
save at trial 10,000 as at trial 10, and whatever happens to the machine, what was written stays readable: a line that
is torn or damaged is left out with a warning, the others are kept.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import warnings
import zlib
from pathlib import Path
from typing import Any

import filelock

from tuners.store.files import write_file

FILE = "journal.jsonl"
LOCK = "journal.lock"
FORMAT = 1

_BINARY = getattr(os, "O_BINARY", 0)

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
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{path} is no file.")
    if found.st_size > LARGEST:
        raise JournalError(f"{path} is larger than {LARGEST} bytes, which no search needs: is it a journal?")
    records, damaged = _parse(path.read_bytes())
    if damaged:
        warnings.warn(
            f"{path}: {len(damaged)} damaged line(s) left out, the first is line {damaged[0]}; the others are kept.",
            stacklevel=2,
        )
    for record in records:
        written = record.get("format", FORMAT)
        if record.get("kind") == "header" and not (isinstance(written, int) and written <= FORMAT):
            raise JournalError(f"{path} is of format {str(written)[:20]}; this version reads up to {FORMAT}: upgrade.")
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

    The lock is the operating system's: it ends with the process that holds it, however that ends, and the file that
    stays behind stops nobody. A second search of the same process takes the journal over from the first, as when a cell
    of a notebook is run again.

    Args:
        directory: Directory of the search; made if it does not exist.

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
        self._lock = _locked(self.directory / LOCK)
        self._file: int | None = None
        self.found = self.size()
        try:
            self._drop_damage()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o644)
        except BaseException:
            self.close()
            raise
        Journal._open_here[self.directory] = self

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
            write_file(kept, content)
        write_file(self.path, b"".join(map(encode, records)))

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
            while line:
                line = line[os.write(self._file, line) :]
            if sync:
                os.fsync(self._file)
                self._check_place()
        except OSError as error:
            os.ftruncate(self._file, before)
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def size(self) -> int:
        """Bytes of the journal; 0 where it does not exist."""
        return self.path.stat().st_size if self.path.exists() else 0

    def _check_place(self) -> None:
        """What is written to a file that was removed is lost when the search ends."""
        there = os.stat(self.path)
        if self._file is not None and there.st_ino != os.fstat(self._file).st_ino:
            raise FileNotFoundError(errno.ENOENT, "Was removed or replaced while the search ran", str(self.path))

    def close(self) -> None:
        """Let another search have the directory."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lock.release()
        if Journal._open_here.get(self.directory) is self:
            del Journal._open_here[self.directory]


def in_use(directory: str | os.PathLike[str]) -> bool | None:
    """Whether a search has the journal of a directory open for writing; None where that cannot be told.

    Args:
        directory: Directory of the search; nothing is written there.
    """
    path = Path(directory) / LOCK
    if not path.exists():  # A search of keras-tuner's own, say.
        return None
    lock = filelock.FileLock(path, thread_local=False, preserve_lock_file=True)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return True
    except OSError:  # No right to write there, or a file system without locks.
        return None
    lock.release()
    return False


def _locked(path: Path) -> filelock.BaseFileLock:
    """The lock of a directory, taken; its file tells others which process has it."""
    # Not bound to a thread: a chief opens the journal in one thread and closes it in another. With `preserve_lock_file`
    # a file system without locks is an error, where a file that merely exists would outlive a process that is killed.
    lock = filelock.FileLock(path, thread_local=False, preserve_lock_file=True, on_acquired=_write_owner)
    try:
        # For a moment `in_use` of another process may have it.
        lock.acquire(timeout=0.2)
    except filelock.Timeout:
        raise RunLocked(
            f"{path.parent} is in use by another search (process {_owner(path)}); wait for it, stop it, or choose "
            "another directory."
        ) from None
    return lock


def _write_owner(lock: int) -> None:
    os.ftruncate(lock, 0)
    os.lseek(lock, 0, os.SEEK_SET)
    os.write(lock, b" %d" % os.getpid())


def _owner(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        # Windows lets nobody else read the first byte, which is what is locked, and is a blank.
        file.seek(1)
        return file.read(32).decode(errors="replace").strip() or "unknown"
