"""Writing a version where the server does not look, and publishing it with one rename.

Beside each staging directory is a file that is locked by the process which writes there. The lock ends with that
process, however it ends, so that the next export to the same place can tell an abandoned directory from one in use and
remove it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from kzoo.export.errors import ExportError
from kzoo.export.versions import claim_version
from kzoo.locks import release_lock, take_lock

PREFIX = ".staging-"
LOCK = ".lock-"


@contextlib.contextmanager
def staging(base_dir: str | os.PathLike[str]) -> Iterator[Path]:
    """A new directory to write a version in; what has not been published by the end is removed.

    Args:
        base_dir: Directory of the versions; made where there is none, and removed again if nothing is published.

    Yields:
        An empty directory on the same file system, hidden from the server.

    Raises:
        ExportError: `base_dir` is a file, or would itself be taken for a version.
    """
    base = Path(base_dir)
    if base.exists() and not base.is_dir():
        raise ExportError(f"{base} is a file; expected the directory that the versions of an export go to.")
    new = [path for path in (base, *base.parents) if not path.exists()]
    directory, lock = _locked_directory(base)
    _remove_abandoned(base)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        release_lock(lock)
        for made in new:
            with contextlib.suppress(OSError):  # it is not empty: something was published, here or by another process
                made.rmdir()


def publish(directory: Path, number: int) -> Path:
    """Make a staged directory a version: all of it reaches the disk, then one rename shows it to the server.

    Args:
        directory: What `staging` yielded.
        number: A number from `claim_version`.

    Returns:
        The directory of the version.
    """
    for folder, _, files in os.walk(directory):
        for file in files:
            _sync(Path(folder) / file)
        _sync(Path(folder))
    target = directory.parent / str(number)
    # It was made for its owner only; the server often runs as another user.
    directory.chmod(0o755)
    directory.rename(target)
    _sync(directory.parent)
    return target


def claim_and_publish(directory: Path) -> Path:
    """Publish a staged directory under the next version number; see `publish`."""
    return publish(directory, claim_version(directory.parent))


def _locked_directory(base: Path) -> tuple[Path, filelock.BaseFileLock]:
    while True:
        base.mkdir(parents=True, exist_ok=True)
        token = secrets.token_hex(6)
        try:
            # Before the directory, so that there is never one without a lock that somebody holds.
            lock = take_lock(base / f"{LOCK}{token}")
        except FileNotFoundError:  # a failed export of another process has just removed the base that it had made
            continue
        if lock is None:  # another export takes it for abandoned
            continue
        directory = base / f"{PREFIX}{token}"
        try:
            directory.mkdir(mode=0o700)
        except BaseException:
            release_lock(lock)
            raise
        return directory, lock


def _remove_abandoned(base: Path) -> None:
    for path in base.glob(f"{LOCK}*"):
        directory = base / path.name.replace(LOCK, PREFIX, 1)
        with contextlib.suppress(PermissionError):  # another user's
            lock = take_lock(path)
            if lock is None:
                continue
            shutil.rmtree(directory, ignore_errors=True)
            if directory.exists():
                lock.release()
            else:
                release_lock(lock)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows opens no directories.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
