"""What a client may ask of the server at most: sizes, times, and requests that wait."""

from __future__ import annotations

import asyncio
import dataclasses
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a client may ask at most.

    Attributes:
        body_bytes: Size of a body, unpacked.
        all_bodies_bytes: Size of all bodies that are held at a time, those of waiting requests included.
        waiting: Requests that wait for a thread.
        threads: Requests that are answered at a time.
        connections: Open connections; beyond, the one idle for longest is closed.
        head_bytes: Size of the line and the headers of a request.
        head_seconds: Time for sending them, and for a new connection to send any.
        body_seconds: Time for sending a body.
        answer_seconds: Time for reading an answer that is too large to be kept for the client.
        idle_seconds: Time that a connection stays open after an answer.
        stop_seconds: Time that requests have to end in when the server is stopped.
    """

    body_bytes: int = 64 << 20
    all_bodies_bytes: int = 512 << 20
    waiting: int = 256
    threads: int = 4
    connections: int = 2000
    head_bytes: int = 64 << 10
    head_seconds: float = 20.0
    body_seconds: float = 60.0
    answer_seconds: float = 60.0
    idle_seconds: int = 60
    stop_seconds: int = 10


class Refused(Exception):
    """A request that is not answered for what it costs.

    Attributes:
        status: HTTP's status.
        reason: What the client is told.
        retry_after: Seconds after which it may try again, or None.
    """

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Bodies:
    """Reads bodies of requests, and keeps account of what they hold in memory.

    Args:
        limits: The limits.

    Attributes:
        held: Bytes of the bodies that are held now.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request, packed as it came; `release` it when it is answered.

        Raises:
            Refused: It is too large, too slow, or there is no room for it now.
            ClientDisconnect: The client has gone.
        """
        limits, chunks, size = self._limits, [], 0
        declared = request.headers.get("content-length", "")
        try:
            if declared.isdecimal() and int(declared[:20]) > 2 * limits.body_bytes:
                raise self._too_large()
            async with asyncio.timeout(limits.body_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limits.body_bytes:
                        # A client that has only sent a little too much reads the refusal once it has sent it all.
                        await _discard(request, limits.body_bytes)
                        raise self._too_large()
                    if self.held + len(chunk) > limits.all_bodies_bytes:
                        raise Refused(503, "The server holds as much as it may for other requests.", retry_after=1)
                    self.held += len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            self.release(sum(map(len, chunks)))
            raise Refused(408, f"The body did not come within {limits.body_seconds:g} s.") from None
        except BaseException:
            self.release(sum(map(len, chunks)))
            raise
        return b"".join(chunks)

    def release(self, size: int) -> None:
        """Say that a body of so many bytes is no longer held."""
        self.held -= size

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self._limits.body_bytes} bytes; send it in parts.")


async def _discard(request: Request, most: int) -> None:
    async for chunk in request.stream():
        most -= len(chunk)
        if most < 0:
            return


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """A body as it was before it was compressed.

    Args:
        body: As it came.
        encoding: Its Content-Encoding.
        most: Size in bytes that it may have.

    Returns:
        The body; empty where it is no gzip, which is what the real server goes on with
        (`tensorflow_serving/util/net_http/server/internal/evhttp_request.cc`, `EvHTTPRequest::ReadRequestBytes`).

    Raises:
        Refused: It is larger.
    """
    if "gzip" not in encoding:
        return body
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, most + 1)
    except zlib.error:
        return b""
    if len(plain) > most:
        raise Refused(413, f"The body is larger than {most} bytes when it is unpacked; send it in parts.")
    return plain if reader.eof else b""


class Workers:
    """Threads that answer requests, and the line before them.

    Args:
        limits: How many, and how long the line may be.

    Attributes:
        busy: Requests that run or wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.threads + limits.waiting
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="answer")
        self.busy = 0

    async def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run a function in a thread, in the order in which it was asked for.

        Raises:
            Refused: Too many wait already.
        """
        if self.busy >= self._most:
            raise Refused(503, f"{self.busy} requests are waiting already.", retry_after=1)
        self.busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
        finally:
            self.busy -= 1

    def stop(self) -> None:
        """Wait for what runs; what waits is not begun any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
