"""A worker's side of keras-tuner's distributed search: a client that waits for its chief, and its sign of life."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Iterator
from typing import Any

import keras_tuner

PAUSE = 0.2
"""Seconds before a request is sent again."""


class PersistentClient:
    """keras-tuner's client of a distant oracle, with requests that survive a restart of the chief.

    keras-tuner waits for a chief that is not up yet; but a request that is on its way when the chief is killed raises,
    and ends the worker. Every request of the protocol may be sent twice: our chief gives a worker the trial that it
    has, and the first result of a trial stands.

    Args:
        client: The client that keras-tuner has made.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return functools.partial(_until_answered, found) if callable(found) else found


def _until_answered(request: Any, *args: Any, **kwargs: Any) -> Any:
    import grpc

    while True:
        try:
            return request(*args, **kwargs)
        except grpc.RpcError as error:
            # Next time keras-tuner's client waits until somebody listens, for an hour at most, then says so.
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
        time.sleep(PAUSE)


PERIOD = 5.0
"""Seconds between two signs."""


@contextlib.contextmanager
def beating(oracle: Any, trial_id: str) -> Iterator[None]:
    """Ask a distant oracle for the trial again and again, which tells it that the trial is still being trained.

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
