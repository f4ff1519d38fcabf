"""The embedded server under load while versions roll over and clients behave badly; ends with 1 where it erred.

Clients ask predictions of the newest version and by a label, the status, and over the Open Inference Protocol, and
compare every answer. Meanwhile versions are published and promoted one after the other, old ones pruned, and other
clients keep connections open, send heads byte by byte, bodies that never end and bodies that are too large. In the end
the server is killed and started again.

Run it with `python tests/benchmarks/embedded_load.py`; with fewer requests it is one of the tests.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import json
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving import Server, promote, prune, start

DIGITS = Path(__file__).parents[2] / "saved_models" / "digits"
PREDICT = "/v1/models/digits:predict"


class Load:
    """Clients that ask until they are told to stop, and what has come of it.

    Args:
        port: Port of the server.
        body: A request to predict.
        pause: Seconds between two requests of a client.
    """

    def __init__(self, port: int, body: dict[str, object], pause: float) -> None:
        self.port, self.pause = port, pause
        self.counts: collections.Counter[str] = collections.Counter()
        self.errors: list[str] = []
        self.seconds: list[float] = []
        self.stopped = threading.Event()
        plain = json.dumps(body)
        rows = body["instances"]
        data = {"name": "inputs", "shape": [len(rows), 8, 8, 1], "datatype": "FP32", "data": rows}
        self.kinds = {
            "newest": ("POST", PREDICT, plain, "predictions"),
            "label": ("POST", "/v1/models/digits/labels/stable:predict", plain, "predictions"),
            "infer": ("POST", "/v2/models/digits/infer", json.dumps({"inputs": [data]}), "outputs"),
            "status": ("GET", "/v1/models/digits", None, "model_version_status"),
        }
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            self.expected = {kind: self.ask(connection, kind) for kind in self.kinds}

    def ask(self, connection: http.client.HTTPConnection, kind: str) -> object:
        method, target, body, part = self.kinds[kind]
        connection.request(method, target, body)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{answer.status} {content[:200]!r}")
        found = json.loads(content)[part]
        # Which versions there are changes all the time.
        return bool(found) if kind == "status" else found

    def client(self, number: int) -> None:
        """Ask one kind after the other on a connection that is kept, and on a new one now and then."""
        kinds = list(self.kinds)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        asked = 0
        while not self.stopped.wait(self.pause):
            kind = kinds[(number + asked) % len(kinds)]
            asked += 1
            if asked % 20 == 0:
                connection.close()
            began = time.monotonic()
            try:
                answer = self.ask(connection, kind)
                self.seconds.append(time.monotonic() - began)
                self.counts[kind] += 1
                if answer != self.expected[kind]:
                    self.errors.append(f"{kind}: another answer")
            except Exception as error:  # whatever it is, it is what is looked for
                self.errors.append(f"{kind}: {error!r}")
                connection.close()
        connection.close()

    def tell(self, seconds: float) -> None:
        """Print what was answered, and how fast."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.counts.items()))
        print(f"{sum(self.counts.values())} requests in {seconds:.0f} s: {kinds}")
        waited = [1000 * each for each in sorted(self.seconds)]
        print(f"median {waited[len(waited) // 2]:.1f} ms, 99 % {waited[len(waited) * 99 // 100]:.1f} ms")


def roll_over(base: Path, port: int) -> None:
    """Publish the next version and give it the label."""
    newest = list_versions(base)[-1]
    staged = base / f".staging-{newest + 1}"
    shutil.copytree(base / str(newest), staged)
    staged.rename(base / str(newest + 1))
    promotion = promote(base, newest + 1, servers=[f"127.0.0.1:{port}"], wait=60)
    if promotion.left:
        raise TimeoutError(promotion.left)


@contextlib.contextmanager
def bad_clients(port: int, connections: int, counts: collections.Counter[str]) -> Iterator[None]:
    """Open connections, and clients that send slowly, without end or too much."""
    stopped = threading.Event()
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {{}}\r\n\r\n"

    def again(name: str, send: Callable[[socket.socket], None]) -> None:
        while not stopped.wait(0.5):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                counts[name] += 1
                send(connection)

    def slow_head(connection: socket.socket) -> None:
        for byte in head.format(10).encode():
            connection.sendall(bytes([byte]))
            if stopped.wait(0.2):
                return

    def endless(connection: socket.socket) -> None:
        connection.sendall(head.format(1 << 20).encode())
        while not stopped.wait(0.2):
            connection.sendall(b" ")

    def huge(connection: socket.socket) -> None:
        connection.sendall(head.format(100 << 20).encode())
        for _ in range(100):
            connection.sendall(b" " * (1 << 20))
        if b" 413 " in connection.recv(100):
            counts["bodies refused"] += 1

    kinds = [("slow heads", slow_head)] * 5 + [("endless bodies", endless)] * 5 + [("huge bodies", huge)]
    threads = [threading.Thread(target=again, args=kind) for kind in kinds]
    with contextlib.ExitStack() as opened:
        for _ in range(connections):
            opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        counts["open connections"] = connections
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rollovers", type=int, default=20)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two requests of a client")
    asked = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(shutil.copytree(DIGITS, Path(scratch) / "digits"))
        body = json.loads((base / "request.json").read_text())
        promote(base, 1, servers=[])
        began, bad, pruned = time.monotonic(), collections.Counter(), 0
        with start(base, rest_port=port, server=Server("embedded")) as process:
            load = Load(port, body, asked.pause)
            clients = [threading.Thread(target=load.client, args=[number]) for number in range(asked.clients)]
            for client in clients:
                client.start()
            try:
                with bad_clients(port, asked.connections, bad):
                    for number in range(asked.rollovers):
                        roll_over(base, port)
                        if number == asked.rollovers // 2:
                            pruned += len(prune(base, keep=2))
                    while sum(load.counts.values()) < asked.requests and not load.errors:
                        time.sleep(0.1)
            finally:
                load.stopped.set()
                for client in clients:
                    client.join()
            process.kill()
            process.wait()
        with start(base, rest_port=port, server=Server("embedded")):
            again = Load(port, body, asked.pause)
        if again.expected["label"] != load.expected["label"]:
            load.errors.append("started again, it answers otherwise")
        if bad["huge bodies"] and not bad["bodies refused"]:
            load.errors.append("huge bodies are not refused")
        load.tell(time.monotonic() - began)
        print(f"{asked.rollovers} roll-overs, {pruned} versions pruned, killed and started again")
        print("beside them:", ", ".join(f"{count} {name}" for name, count in sorted(bad.items())))
        print(f"{len(load.errors)} errors", *collections.Counter(load.errors).most_common(10), sep="\n")
    return 1 if load.errors else 0


if __name__ == "__main__":
    sys.exit(main())
