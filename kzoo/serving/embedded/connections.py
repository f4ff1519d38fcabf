"""Connections that may not be idle, slow or many for ever, which uvicorn leaves to a proxy in front of it.

Its protocol is extended by what it has no setting for: a time for the head of a request, one for reading an answer, and
a number of connections, of which the one idle for longest is closed for a new one.

References:
    https://www.uvicorn.org/settings/, "Timeouts" and "Resource Limits".
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from kzoo.serving.embedded.limits import Limits

SPARE_FILES = 200
"""Files that TensorFlow, the exports and the log may have open beside the connections."""


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol class for a server with these limits; give it to one server only."""
    idle: dict[LimitedProtocol, None] = {}
    most = max(1, min(limits.connections, _open_files() - SPARE_FILES))
    return type("Limited", (LimitedProtocol,), {"limits": limits, "most": most, "idle": idle})


class LimitedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection, with the limits that its subclass is made with."""

    limits: Limits
    most: int
    # Those that wait for a request, the one idle for longest first.
    idle: dict[LimitedProtocol, None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_deadline: asyncio.TimerHandle | None = None
        self.read_deadline: asyncio.TimerHandle | None = None
        self.head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first request."""
        super().connection_made(transport)
        if len(self.connections) > self.most and self.idle:
            next(iter(self.idle)).give_up()
        self.await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        self.end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; its head may come in many, but not in too many."""
        self.await_head()
        super().data_received(data)
        if not self.between_requests:
            self.head_received()
            return
        self.head_bytes += len(data)
        if self.head_bytes > self.limits.head_bytes:
            self.give_up()

    def on_response_complete(self) -> None:
        """Wait for the next request, which uvicorn does for a time; that for its head begins with its first byte."""
        super().on_response_complete()
        if self.between_requests:
            self.idle[self] = None

    def pause_writing(self) -> None:
        """Give the client a time to read in."""
        super().pause_writing()
        self.read_deadline = self.loop.call_later(self.limits.answer_seconds, self.give_up)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        _cancel(self.read_deadline)
        self.read_deadline = None

    @property
    def between_requests(self) -> bool:
        """Whether no request is being answered: what comes in belongs to the head of the next."""
        return self.cycle is None or self.cycle.response_complete

    def await_head(self) -> None:
        """Start the time for a head, unless it runs."""
        if self.between_requests:
            self.idle.setdefault(self, None)
            if self.head_deadline is None:
                self.head_deadline = self.loop.call_later(self.limits.head_seconds, self.give_up)

    def head_received(self) -> None:
        """The connection is not idle, and its request is uvicorn's now."""
        self.idle.pop(self, None)
        self.head_bytes = 0
        _cancel(self.head_deadline)
        self.head_deadline = None

    def end_waiting(self) -> None:
        """Forget all deadlines."""
        self.head_received()
        _cancel(self.read_deadline)
        self.read_deadline = None

    def give_up(self) -> None:
        """Close the connection, whatever is still to be sent."""
        self.end_waiting()
        self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _open_files() -> int:
    """How many files this process may have open; many where the system does not say."""
    try:
        most = os.sysconf("SC_OPEN_MAX")
    except (AttributeError, ValueError, OSError):  # not there on Windows
        return 1 << 16
    return most if most > 0 else 1 << 16
