"""Connections that are kept for the next request, for any number of threads."""

from __future__ import annotations

import collections
import contextlib
import http.client
import os
import weakref

from kzoo.serving.endpoint import Endpoint

_CLOSED = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


class _Unanswered(Exception):
    """A connection that was closed before there was any answer."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Connections:
    """HTTP connections to one address; each request takes an idle one, or makes one.

    A server closes connections that have been idle for long. It may do so while a request is under way to it: a request
    on a connection that has been used before and is closed without a word of answer is sent once more, on a new one. No
    other request is ever sent twice. Should the server have worked on it after all, nothing is lost, since a prediction
    changes nothing.

    Args:
        endpoint: The address.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._idle: collections.deque[http.client.HTTPConnection] = collections.deque()
        self._process = os.getpid()
        # Whoever forgets to close a client leaves no open sockets behind.
        self._closing = weakref.finalize(self, _close_all, self._idle)

    def request(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        """Send a request.

        Args:
            method: "GET" or "POST".
            path: Path of the API.
            body: JSON, or None.
            timeout: Seconds that each step may take.

        Returns:
            The HTTP status, and the body of the answer.

        Raises:
            OSError: There is no connection; `TimeoutError` where it takes too long.
            http.client.HTTPException: What answers does not speak HTTP.
        """
        kept = self._take()
        if kept is not None:
            try:
                return self._read(kept, self._send(kept, method, path, body, timeout))
            except _Unanswered:
                pass
        connection = self._connect(timeout)
        try:
            return self._read(connection, self._send(connection, method, path, body, timeout))
        except _Unanswered as unanswered:
            raise unanswered.error from None

    def close(self) -> None:
        """Close the idle connections; a later request makes new ones."""
        _close_all(self._idle)

    def _send(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, timeout: float
    ) -> http.client.HTTPResponse:
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            headers = {"Content-Type": "application/json", **self.endpoint.headers}
            # Who refuses a large body answers before it has all of it, and listens no more.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, f"{self.endpoint.path}{path}", body, headers)
            return connection.getresponse()
        except _CLOSED as error:
            connection.close()
            raise _Unanswered(error) from None
        except BaseException:
            connection.close()
            raise

    def _read(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> tuple[int, bytes]:
        try:
            content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, content

    def _take(self) -> http.client.HTTPConnection | None:
        if self._process != os.getpid():
            # After a fork the connections are the parent's; closing a copy of them does it no harm.
            self._process = os.getpid()
            self.close()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self.endpoint.host, self.endpoint.port
        if self.endpoint.tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self.endpoint.tls)
        return http.client.HTTPConnection(host, port, timeout=timeout)


def _close_all(idle: collections.deque[http.client.HTTPConnection]) -> None:
    while True:
        try:
            idle.pop().close()
        except IndexError:
            return
