"""A sign of life from a worker while it trains, for a chief that waits for its result."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import keras_tuner

PERIOD = 5.0
"""Seconds between two signs."""


@contextlib.contextmanager
def beating(oracle: Any, trial_id: str) -> Iterator[None]:
    """Ask a distant oracle for the trial again and again, which tells it that somebody still trains it.

    Args:
        oracle: keras-tuner's client of an oracle; with an oracle of this process nothing is done.
        trial_id: Id of the trial.
    """
    if isinstance(oracle, keras_tuner.Oracle):
        yield
        return
    # At once, so that the chief knows from the start that it may expect signs of life.
    oracle.get_trial(trial_id)
    ended = threading.Event()
    threading.Thread(target=_beat, args=(oracle, trial_id, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _beat(oracle: Any, trial_id: str, ended: threading.Event) -> None:
    import grpc

    while not ended.wait(PERIOD):
        # A chief that is started again is found by the next beat.
        with contextlib.suppress(grpc.RpcError):
            oracle.get_trial(trial_id)
