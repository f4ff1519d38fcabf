"""Writing a version where the server does not look, and publishing it with one rename.

A staging directory is locked by the process that writes it. The lock ends with the process, however that ends, so that
whoever exports next to the same place can tell an abandoned directory from one at work and remove it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kzoo.export.errors import ExportError
from kzoo.export.versions import claim_version

PREFIX = ".staging-"


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
        os.close(lock)
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
    # mkdtemp makes directories for their owner only; the server often runs as another user.
    directory.chmod(0o755)
    directory.rename(target)
    _sync(directory.parent)
    return target


def claim_and_publish(directory: Path) -> Path:
    """Publish a staged directory under the next version number; see `publish`."""
    return publish(directory, claim_version(directory.parent))


def _locked_directory(base: Path) -> tuple[Path, int]:
    while True:
        base.mkdir(parents=True, exist_ok=True)
        try:
            directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        except FileNotFoundError:  # a failed export of another process has just removed the base that it had made
            continue
        lock = _lock(directory)
        if lock is not None:
            return directory, lock


def _lock(directory: Path) -> int | None:
    """A descriptor that holds the lock, or None where another process has it or has removed the directory."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(directory)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _remove_abandoned(base: Path) -> None:
    for directory in base.glob(f"{PREFIX}*"):
        lock = _lock(directory)
        if lock is not None:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
