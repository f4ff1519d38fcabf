"""The page of a search, kept up with it while it runs: read only, from the directory of the search alone.

It is for this machine: who asks from another comes through a tunnel of theirs (`ssh -L`).
"""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tuners.report.page.document import document, policy, text_of
from tuners.store.journal import FILE, in_use
from tuners.store.records import FOREIGN

HOST = "127.0.0.1"
NAMES = ("localhost", HOST, "")
"""Names that the page is asked by; a page of the web can give its own name this address (DNS rebinding)."""

SHARE = 0.2
"""Of one core's time, what the page may take while a search runs."""

MOST_OFTEN = 1.0
"""Seconds between two looks at the files."""


class LiveStudy:
    """What the page shows, worked out anew when the files have changed and somebody asks.

    Args:
        directory: Directory of the search.
        made: Gives what `tuners.report.page.data.page_data` does, and raises OSError or ValueError where the search
            cannot be read.

    Attributes:
        version: Number of the data, which grows when they change.
        data: The data; None where they were never read.
        state: What the search does, or why its files cannot be read, in words.
    """

    def __init__(self, directory: Path, made: Callable[[], Mapping[str, Any]]) -> None:
        self.directory, self._made = directory, made
        self.version = 0
        self.data: Mapping[str, Any] | None = None
        self.state, self._problem = "", ""
        self._seen: Any = None
        self._next = 0.0
        self._lock = threading.Lock()

    def look(self) -> None:
        """Take up what is new, where it is time for it; who asks meanwhile gets what was known."""
        if time.monotonic() < self._next or not self._lock.acquire(blocking=self.data is None):
            return
        try:
            began = time.monotonic()
            running, seen = in_use(self.directory), _stamp(self.directory)
            if seen != self._seen:
                self._take(seen)
            self.state = self._problem or state_of(running, self.data or {})
            self._next = time.monotonic() + max(MOST_OFTEN, (time.monotonic() - began) / SHARE)
        finally:
            self._lock.release()

    def _take(self, seen: Any) -> None:
        try:
            with warnings.catch_warnings():
                # The line that is being written is no damage.
                warnings.simplefilter("ignore")
                self.data = self._made()
        except (OSError, ValueError) as error:
            self._problem = str(error)
        else:
            self.version, self._problem = self.version + 1, ""
        self._seen = seen

    def answer(self, known: int) -> dict[str, Any]:
        """What a page that has shown a version is told: version, state, and the data where they are newer."""
        self.look()
        live = {"version": self.version, "state": self.state}
        return {"live": live} if known == self.version or self.data is None else {**self.data, "live": live}


def _stamp(directory: Path) -> list[Any]:
    """What changes when a search writes."""
    found: list[Any] = []
    for name in (FILE, FOREIGN):
        try:
            stat = (directory / name).stat()
            found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except OSError as error:
            found.append(error.errno)
    return found


def state_of(running: bool | None, data: Mapping[str, Any]) -> str:
    """What a search does, in words.

    Args:
        running: Whether a process has its journal open; None where that cannot be told.
        data: What the page shows.
    """
    open_ = [each["n"] for each in data.get("trials", ()) if each["status"] == "unfinished"]
    if running is None:
        return "Whether the search still runs cannot be told from here; the page takes up what is written."
    if running:
        return "The search is running; the page takes up its trials as they end."
    if open_:
        which = f"trial {open_[0]}" if len(open_) == 1 else f"{len(open_)} trials"
        return f"The search was ended or killed before {which} had ended; started again, it goes on."
    return "The search has ended; nothing more will change."


class PageServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves the page until `shutdown`.

    Args:
        live: What it shows.
        port: Port, or 0 for any that is free.

    Attributes:
        address: Where the page is.

    Raises:
        OSError: The port is taken, or may not be used.
    """

    daemon_threads = True
    # On Windows that would let two servers have one port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, live: LiveStudy, port: int) -> None:
        self.live = live
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind without asking for the name of the address, which takes seconds where nobody answers."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host.lower() not in NAMES:
            self._answer(403, "text/plain", f"This page is asked for as {' or '.join(NAMES[:2])}.\n")
        elif address.path == "/":
            self._page()
        elif address.path == "/data":
            known = parse_qs(address.query).get("known", [""])[0]
            shown = self.server.live.answer(int(known) if known.isdecimal() and len(known) < 10 else -1)
            self._answer(200, "application/json", text_of(shown) if "title" in shown else json.dumps(shown))
        else:
            self._answer(404, "text/plain", "There is nothing here; the page is at /.\n")

    do_HEAD = do_GET

    def _page(self) -> None:
        shown = self.server.live.answer(-1)
        if "title" in shown:
            self._answer(200, "text/html", document(shown))
        else:
            self._answer(503, "text/plain", f"{shown['live']['state']}\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy(live=True)}; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "kzoo"

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads a line for every look."""
