"""Facts of a search that its trials do not tell: seeds, versions, the machine and the day."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import zlib
from typing import Any

LIBRARIES = ("kzoo", "tensorflow", "keras", "keras-tuner", "numpy")


def trial_seed(seed: int, trial_id: str, execution: int) -> int:
    """Seed of one execution of a trial, 0 to 2**32 - 1; trials of neighbouring seeds share no draws."""
    return zlib.crc32(f"{seed}/{trial_id}/{execution}".encode())


def circumstances() -> dict[str, Any]:
    """Where and when this process runs: the day in UTC, the machine, and versions of what decides the results."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version for name in LIBRARIES if (version := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
