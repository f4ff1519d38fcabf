"""How many processes should train what is left of a search, foretold from its trials so far."""

from __future__ import annotations

import dataclasses
import math

FASTER = 0.8
"""Share of the time of one process that several may take at most, to be worth their start and a forecast that errs."""

SAVED = 10.0
"""Seconds that several processes have to save at least."""

ROUNDS = 6
"""Trials left for each process, at least, where there are more than two: what runs at once learns nothing from each
other. Two processes lose nothing (see the table of two and four workers in the benchmark of the search)."""

MEMORY_SHARE = 0.7
"""Of the memory that is free, the part that workers may take: later trials may need more than the first."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What is left of a search.

    Attributes:
        trials: Trials left that will surely be run, >= 0.
        wall: Seconds of a trial in one process, > 0.
        cpu: Processor seconds of a trial, of all threads, >= 0.
        time_left: Seconds after which no trial starts, or None.
    """

    trials: int
    wall: float
    cpu: float
    time_left: float | None = None


@dataclasses.dataclass(frozen=True)
class Room:
    """What several processes would have.

    Attributes:
        cores: Cores that are free for the search, those that it uses among them; may be a fraction.
        start: Processor seconds until a worker has begun to train.
        memory: Bytes that are free, or None where that is not known.
        worker_memory: Bytes of a worker, > 0.
        gpu: Whether a GPU trains.
    """

    cores: float
    start: float
    memory: int | None
    worker_memory: int
    gpu: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many processes should go on.

    Attributes:
        workers: Worker processes, >= 2; or 1 to go on in the process that has begun.
        reason: Why, in a few words.
        alone: Seconds that one process will take for the rest.
        together: The same for those worker processes, or for as many as memory would have to be there for.
        wished: How many would go on if there were memory for them.
    """

    workers: int
    reason: str
    alone: float
    together: float
    wished: int


def plan(work: Work, room: Room) -> Plan:
    """Choose how many processes go on with a search, one process where it is not clear that several pay.

    Args:
        work: What is left to do.
        room: What there is to do it with.
    """
    # What one process gets done in the time that is left is what several have to do sooner.
    possible = work.trials if work.time_left is None else min(work.trials, math.ceil(work.time_left / work.wall))
    work = dataclasses.replace(work, trials=max(0, possible))
    alone = work.trials * work.wall
    most = min(math.ceil(room.cores), work.trials, max(2, work.trials // ROUNDS))
    wished, together = _best(work, room, most)
    cores = f"a trial keeps {work.cpu / work.wall:.1f} of {room.cores:.1f} free cores busy"
    if wished == 1:
        return Plan(1, cores if room.cores > 1 else "no second core is free", alone, alone, 1)
    if room.gpu or room.memory is None:
        # The process that has begun keeps the memory of the GPUs until it ends.
        reason = "a GPU trains" if room.gpu else "how much memory is free is not known on this system"
        return Plan(1, reason, alone, alone, 1)
    fitting, sooner = _best(work, room, min(most, int(MEMORY_SHARE * room.memory / room.worker_memory)))
    if fitting == 1:
        needed, free = (f"{size / 1e9:.1f} GB" for size in (room.worker_memory, room.memory))
        return Plan(1, f"each further one needs {needed} of memory, and {free} are free", alone, together, wished)
    return Plan(fitting, cores, alone, sooner, wished)


def seconds_of(work: Work, room: Room, workers: int) -> float:
    """Seconds that worker processes would take.

    A worker has its share of the cores; there a trial takes as long as its processor time needs, never less than it
    takes now.

    Args:
        work: What is to be done.
        room: What there is to do it with.
        workers: Their number, >= 1.
    """
    share = min(1.0, room.cores / workers)
    trial = max(work.wall, work.cpu * workers / room.cores)
    return room.start / share + math.ceil(work.trials / workers) * trial


def _best(work: Work, room: Room, most: int) -> tuple[int, float]:
    """The fewest of those numbers of workers that are about the fastest, and their time; (1, ...) where none pays."""
    alone = work.trials * work.wall
    times = {workers: seconds_of(work, room, workers) for workers in range(2, most + 1)}
    least = min(times.values(), default=math.inf)
    if least > min(FASTER * alone, alone - SAVED):
        return 1, alone
    # A further process that saves next to nothing takes memory, and knows less when it begins its trials.
    return next((workers, seconds) for workers, seconds in times.items() if seconds <= max(least * 1.1, least + 1.0))
