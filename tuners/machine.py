"""The machine: memory that models leave behind, cores and GPUs. No TensorFlow."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path

GROWTH = 64 * 2**20
"""Bytes by which resident memory may grow before unreachable models are collected."""


class Memory:
    """Collects unreachable models when memory has grown; after every trial that would take as long as a small trial."""

    def __init__(self) -> None:
        self._resident = resident()

    def collect(self) -> None:
        """Collect where there may be much to collect."""
        if resident() > self._resident + GROWTH:
            gc.collect()
            self._resident = resident()


@contextlib.contextmanager
def frozen_heap() -> Iterator[None]:
    """Inside, garbage collections pass over the objects that existed before, most of them of imported modules.

    Where something is frozen already nothing is done, since thawing could not tell the two apart.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def resident() -> int:
    """Resident memory of this process in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def available_cores() -> list[int]:
    """Cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def available_gpus() -> list[str]:
    """GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, or all that have a device file."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip() not in ("", "-1")]
    return sorted((path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")), key=int)
