"""A worker's side of keras-tuner's protocol: what a killed chief has not answered is asked of the one that follows."""

from __future__ import annotations

import functools
import time
from typing import Any

PAUSE = 0.2
"""Seconds before a request is sent again."""


class PersistentClient:
    """keras-tuner's client of a distant oracle, whose requests outlast the chief.

    A request that waits for a chief to come up has always been waited for; one that is on its way when the chief is
    killed raises in keras-tuner, and ends the worker. Every request of the protocol may be sent twice: our chief gives
    a worker the trial that it has, and the first result of a trial stands.

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
