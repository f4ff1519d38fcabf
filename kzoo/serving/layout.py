"""Where the server's configuration stands, and how it is written.

It stands in `saved_models/<name>/serving/`, beside the versions: the server takes only directories with a number for
versions, and one mount brings it the configuration together with the export.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving.errors import ServingError

DIRECTORY = "serving"
MODELS = "models.config"
BATCHING = "batching.config"
MONITORING = "monitoring.config"
COMPOSE = "compose.yaml"
KUBERNETES = "kubernetes.yaml"

LABELS = ("stable", "canary")


def check_base(base_dir: str | os.PathLike[str]) -> Path:
    """The directory of an export's versions.

    Raises:
        ServingError: There is no version in it.
    """
    base = Path(base_dir)
    if not list_versions(base):
        what = "has no version of an export in it" if base.is_dir() else "does not exist"
        raise ServingError(f"{base} {what}; export a model first: kzoo export RUN --name {base.name}")
    return base


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; its directory exists."""
    descriptor, staged = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # The server often runs as another user.
        os.chmod(staged, 0o644)
        os.replace(staged, path)
    except BaseException:
        os.unlink(staged)
        raise


@contextlib.contextmanager
def locked(base: Path) -> Iterator[Path]:
    """The configuration directory, made where there is none, for this process alone until the end of the block."""
    directory = base / DIRECTORY
    directory.mkdir(exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield directory
    finally:
        os.close(descriptor)
