"""The worker's end of the pipes to its parent: orders come in, answers go out, and the worker ends with its parent."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from typing import IO

from tuners.parallel.messages import Decision, Ended, Epoch, Message, Order, Ready, decode, encode, expected

CORES = "KZOO_WORKER_CORES"
"""Environment variable with the numbers of the cores that a worker may use, with commas between."""

PIPES = "KZOO_WORKER_PIPES"
"""Environment variable with the descriptors of the pipes of orders and answers, with a comma between."""

Report = Callable[[Epoch], bool]
"""Tells of an epoch; says whether the trial is to end with it, False where the epoch does not ask."""


def serve(train: Callable[[Order, Report], Ended]) -> None:
    """Answer orders for as long as there is a parent; does not return.

    Standard output and standard error stay free for whatever the trials print: the parent keeps the last of it.

    Args:
        train: Trains one trial, and may report its epochs.

    Raises:
        RuntimeError: This process was not started as a worker.
    """
    incoming, outgoing = _pipes()
    told: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, told), daemon=True).start()
    _send(outgoing, encode(Ready()))

    def report(epoch: Epoch) -> bool:
        _send(outgoing, encode(epoch))
        if not epoch.asks:
            return False
        return expected(told.get(), Decision).stop

    while True:
        _send(outgoing, encode(train(expected(told.get(), Order), report)))


def is_worker() -> bool:
    """Whether this process was started to train the trials of a parent."""
    return PIPES in os.environ


def use_cores() -> None:
    """Keep to the cores that the parent has given; to be called before TensorFlow is imported."""
    cores = os.environ.get(CORES)
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    if not is_worker():
        raise RuntimeError(
            "This process was not started as a worker: tuners.search_in_processes starts the script that calls this."
        )
    incoming, outgoing = map(int, os.environ[PIPES].split(","))
    for descriptor in (incoming, outgoing):
        # A process that a trial starts must not hold the pipes open when the worker has gone.
        os.set_inheritable(descriptor, False)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb", buffering=0)


def _listen(incoming: IO[bytes], told: queue.SimpleQueue[Message]) -> None:
    try:
        for line in incoming:
            told.put(decode(line))
    finally:
        # The parent has ended, or wants no more trials: nobody would take the result of the one that trains.
        _leave()


def _send(outgoing: IO[bytes], line: bytes) -> None:
    try:
        while line:
            line = line[outgoing.write(line) :]
    except BrokenPipeError:
        _leave()


def _leave() -> None:
    if os.getpgrp() == os.getpid():
        # What a trial has started goes as well.
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
