"""Locks between processes and threads.

What is locked is an open file, so that a lock ends with its process, however that ends; a file that a killed process
leaves behind stops nobody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock


def take_lock(path: Path, *, wait: bool = False) -> filelock.BaseFileLock | None:
    """Take a lock; give it back with `release_lock`.

    Args:
        path: The file to lock; made where it does not exist, and its directory too.
        wait: Whether to wait for it.

    Returns:
        The lock, or None where another has it.

    Raises:
        OSError: The file cannot be made, or its file system has no locks.
    """
    # With `preserve_lock_file` a file system without locks is an error, not a reason to take the file for the lock.
    lock = filelock.FileLock(path, thread_local=False, preserve_lock_file=True)
    try:
        lock.acquire(blocking=wait)
    except filelock.Timeout:
        return None
    return lock


def release_lock(lock: filelock.BaseFileLock) -> None:
    """Give a lock back and remove its file; who waits for it notices that and makes a new one."""
    with contextlib.suppress(OSError):  # Windows removes no file that is open.
        Path(lock.lock_file).unlink()
    lock.release()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a lock, and hold it until the end; see `take_lock`."""
    lock = take_lock(path, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            release_lock(lock)
