"""What part of the machine each worker has: cores, threads, GPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

from tuners.cgroups import cpu_quota
from tuners.machine import THREADS, available_cores, available_gpus
from tuners.parallel.worker_pipe import CORES

Thing = TypeVar("Thing")


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of one worker.

    Attributes:
        cores: Numbers of its cores.
        gpus: Its GPUs, as CUDA_VISIBLE_DEVICES names them; empty where the machine has none.
        alone: Whether no other worker has these GPUs.
        threads: Threads that compute at once, where a quota allows fewer than there are cores; 0 for one a core.
    """

    cores: tuple[int, ...]
    gpus: tuple[str, ...] = ()
    alone: bool = True
    threads: int = 0

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that keep TensorFlow to it."""
        threads = str(self.threads or len(self.cores))
        variables = {CORES: ",".join(map(str, self.cores)), **dict.fromkeys(THREADS, threads)}
        if self.gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus)
        if not self.alone:
            # Else the first worker takes all memory of a GPU.
            variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        return variables


def shares(workers: int, cores: Sequence[int] | None = None, gpus: Sequence[str] | None = None) -> list[Share]:
    """The machine divided among workers: evenly, or one each in turn where there are more workers than cores or GPUs.

    Args:
        workers: Their number, >= 1.
        cores: Cores to divide; those that this process may use if not given.
        gpus: GPUs to divide; those that this process may use if not given.
    """
    cores = available_cores() if cores is None else cores
    gpus = available_gpus() if gpus is None else gpus
    alone = len(gpus) >= workers or not gpus
    quota = cpu_quota()
    parts = [tuple(_part(cores, number, workers)) for number in range(workers)]
    # More threads than a quota pays for are all stopped when it is used up.
    threads = [len(part) if quota is None else min(len(part), max(1, int(quota / workers))) for part in parts]
    return [
        Share(part, tuple(_part(gpus, number, workers)), alone, each)
        for number, (part, each) in enumerate(zip(parts, threads, strict=True))
    ]


def _part(things: Sequence[Thing], number: int, workers: int) -> Sequence[Thing]:
    if not things:
        return ()
    return [things[number % len(things)]] if workers >= len(things) else things[number::workers]
