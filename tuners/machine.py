"""The machine: memory, cores and GPUs. No TensorFlow."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path

from tuners.cgroups import cpu_quota, memory_left

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Variables that say how many threads compute."""

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


def peak_resident() -> int:
    """The most resident memory that this process has had, in bytes; 0 where the system does not say."""
    # Not getrusage, whose value a process takes over from the one that started it.
    return _kilobytes("/proc/self/status", "VmHWM") or 0


def free_memory() -> int | None:
    """Bytes that this process and others that it starts may still take; None where the system does not say."""
    known = [each for each in (_kilobytes("/proc/meminfo", "MemAvailable"), memory_left()) if each is not None]
    return min(known, default=None)


def _kilobytes(path: str, name: str) -> int | None:
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def core_limit() -> float:
    """Cores whose time this process may use: those it may run on, within the quota of its container.

    Where OMP_NUM_THREADS or TF_NUM_INTRAOP_THREADS says how many threads compute, it is that many at most.
    """
    limits: list[float] = [len(available_cores())]
    told = (os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"))
    limits += [int(each) for each in told if each.isdecimal() and int(each)]
    quota = cpu_quota()
    return min(limits if quota is None else [*limits, quota])


def busy_seconds() -> float | None:
    """Seconds that the cores which this process may use have been busy with programs, all cores together.

    Those of programs with low priority do not count, since they make way, unless this is one itself. None where the
    system does not say.
    """
    mine = {f"cpu{core}" for core in available_cores()}
    try:
        with open("/proc/stat", encoding="ascii") as file:
            rows = [line.split() for line in file if line.startswith("cpu")]
        # They are: user, nice (what user programs of low priority take), system.
        columns = (1, 2, 3) if os.getpriority(os.PRIO_PROCESS, 0) > 0 else (1, 3)
        ticks = sum(int(row[column]) for row in rows if row[0] in mine for column in columns)
    except (OSError, ValueError, IndexError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK")


def available_cores() -> list[int]:
    """Cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def available_gpus() -> list[str]:
    """GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, or all that have a device file."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip() not in ("", "-1")]
    return sorted((path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")), key=int)
