"""What a client of a server sees of two models: the time from a request to its answer, over connections kept alive.

Used by `export_speed.py --server`.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np

ROUNDS = 25
SECONDS_A_RUN = 0.3


class ServedModel:
    """A model behind TensorFlow Serving's REST API.

    Args:
        address: Of the model, such as http://127.0.0.1:8501/v1/models/digits.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._path = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)

    def asking(self, rows: np.ndarray, signature: str) -> Callable[[], None]:
        """A call that sends rows as "instances" and waits for the whole answer."""
        body = json.dumps({"signature_name": signature, "instances": rows.tolist()}).encode()

        def ask() -> None:
            self._connection.request("POST", f"{self._path}:predict", body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise SystemExit(f"{self._path} answers {response.status}: {answer[:200].decode(errors='replace')}")

        return ask

    def server(self) -> str:
        """What the server calls itself."""
        self._connection.request("GET", self._path)
        response = self._connection.getresponse()
        response.read()
        return response.headers.get("Server", "a server without a name")


def served_table(ours: str, theirs: str, rows: np.ndarray, sizes: tuple[int, ...]) -> str:
    """A table of medians over alternating rounds.

    Args:
        ours: Address of our export.
        theirs: Address of what `model.export` wrote of the same model.
        rows: Real rows, as many as the largest batch.
        sizes: Rows of a request.
    """
    one, other = ServedModel(ours), ServedModel(theirs)
    lines = ["| signature | rows | ours, ms | model.export, ms | ratio |", "|---|---:|---:|---:|---:|"]
    for signature in ("numeric", "serving_default"):
        for size in sizes:
            asked = one.asking(rows[:size], signature), other.asking(rows[:size], "serving_default")
            times = [tuple(map(_milliseconds, asked)) for _ in range(ROUNDS)]
            mine, its, ratio = (
                statistics.median(each) for each in (*zip(*times, strict=True), [b / a for a, b in times])
            )
            lines.append(f"| {signature} | {size} | {mine:.2f} | {its:.2f} | {ratio:.2f} |")
    return "\n".join([f"Answered by {one.server()}.", "", *lines])


def _milliseconds(ask: Callable[[], None]) -> float:
    begin, calls = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS_A_RUN:
        ask()
        calls += 1
    return (time.perf_counter() - begin) / calls * 1000
