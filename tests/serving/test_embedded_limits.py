"""What clients cannot do to the embedded server: it goes on answering others."""

import contextlib
import dataclasses
import gzip
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from embedded import embedded, read_all, wait_until

from kzoo.serving.embedded.limits import Limits
from kzoo.serving.embedded.loading import load_version

LIMITS = Limits(
    body_bytes=100_000,
    all_bodies_bytes=250_000,
    waiting=2,
    threads=1,
    connections=40,
    head_bytes=8000,
    head_seconds=1.0,
    body_seconds=1.0,
    answer_seconds=1.0,
    idle_seconds=3,
    stop_seconds=3,
)
ROW = json.dumps({"instances": [[1, 2, 3, 4]]}).encode()
PREDICT = "/v1/models/iris:predict"


class Gated:
    """A version whose answers wait for a gate."""

    def __init__(self, runner, gate):
        self.runner, self.gate, self.running = runner, gate, 0

    def __getattr__(self, name):
        return getattr(self.runner, name)

    def run(self, signature, inputs):
        self.running += 1
        assert self.gate.wait(20)
        return self.runner.run(signature, inputs)


@pytest.fixture(scope="module")
def gate():
    gate = threading.Event()
    gate.set()
    return gate


@pytest.fixture(scope="module")
def versions():
    return []


@pytest.fixture(scope="module")
def server(published, gate, versions):
    def load(path):
        versions.append(Gated(load_version(path), gate))
        return versions[-1]

    with embedded(published, LIMITS, load) as running:
        yield running


@pytest.fixture(autouse=True)
def goes_on(server):
    yield
    assert server.json("POST", PREDICT, ROW)[0] == 200
    wait_until(lambda: not server.service.bodies.held)


def head(size, *more):
    lines = [f"POST {PREDICT} HTTP/1.1", "Host: x", f"Content-Length: {size}", *more, "", ""]
    return "\r\n".join(lines).encode()


def status_of(answer):
    return int(answer.split(b" ")[1])


def test_bodies_that_are_too_large(server):
    error = {"error": "The body is larger than 100000 bytes; send it in parts."}
    # A little more is read to its end, so that the client, which reads only then, sees why it is refused.
    status, headers, answer = server.ask("POST", PREDICT, b" " * 150_000)
    assert (status, json.loads(answer), headers["Connection"]) == (413, error, "close")
    status, _, answer = server.ask("POST", "/v2/models/iris/infer", b" " * 150_000)
    assert (status, json.loads(answer)) == (413, error)
    # Of much more nothing is read.
    with server.connect() as connection:
        connection.sendall(head(10**12))
        assert status_of(read_all(connection)) == 413
    with server.connect() as connection:
        connection.sendall(head(int("9" * 30), "Expect: 100-continue"))
        assert status_of(read_all(connection)) in (400, 413)


def test_chunks_without_end(server):
    with server.connect() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(100):
            connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        assert status_of(read_all(connection)) == 413


def test_a_body_that_swells(server):
    packed = gzip.compress(b" " * 10_000_000)
    assert len(packed) < LIMITS.body_bytes
    status, answer = server.json("POST", PREDICT, packed, Content_Encoding="gzip")
    assert status == 413 and answer["error"].startswith("The body is larger than 100000 bytes when it is unpacked")


def test_room_for_all_bodies(server):
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(server.connect())
            connection.sendall(head(99_999) + b" " * 99_000)
        wait_until(lambda: server.service.bodies.held > 190_000)
        status, headers, answer = server.ask("POST", PREDICT, b" " * 90_000)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "as much as it may" in json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"POST /v1", None),
        (head(10)[:-2], None),
        (head(10), 408),
        (head(10) + b"{", 408),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 20_000, None),
        (b"\r\n" * 5000, None),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (head("-1"), 400),
        (head(1) + b"{" + head(1) + b"{", 400),
    ],
)
def test_slow_and_broken_requests(server, sent, status):
    began = time.monotonic()
    with server.connect() as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        answer = read_all(connection)
    assert time.monotonic() - began < 10
    assert status_of(answer) == status if status else not answer or status_of(answer) in (400, 431)


def test_one_byte_after_the_other(server):
    """Time for the head runs from its first byte, not from the last."""
    began = time.monotonic()
    with server.connect() as connection, contextlib.suppress(ConnectionError):
        for byte in head(0):
            connection.sendall(bytes([byte]))
            time.sleep(0.1)
    assert time.monotonic() - began < 6


def test_idle_connections_give_way(server):
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(200)]
        assert server.json("POST", PREDICT, ROW)[0] == 200
        assert read_all(connections[0]) == b""
    wait_until(lambda: not server.service.workers.busy)


def test_a_connection_is_kept_for_a_while(server):
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while b'{"live": true}' not in answer:
                answer += connection.recv(1000)
            # Longer than a head may take, which has not begun.
            time.sleep(1.2)
        assert read_all(connection) == b""


def test_answers_that_nobody_reads(server):
    many = json.dumps({"signature_name": "numeric", "instances": [[1, 2, 3, 4]] * 5000}).encode()
    assert len(many) < LIMITS.body_bytes
    with socket.socket() as connection:
        # So that the system keeps little of an answer for the client.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.2)
        connection.connect(("127.0.0.1", server.port))
        with contextlib.suppress(OSError):
            for _ in range(60):
                connection.sendall(head(len(many)) + many)
        wait_until(lambda: not server.connections)


def test_waiting_and_health(server, gate, versions):
    gate.clear()
    newest = versions[-1]
    before = newest.running
    try:
        with ThreadPoolExecutor(3) as threads:
            asked = [threads.submit(server.json, "POST", PREDICT, ROW) for _ in range(3)]
            wait_until(lambda: server.service.workers.busy == 3)
            assert newest.running == before + 1
            for method, target in (("POST", PREDICT), ("POST", "/v2/models/iris/infer")):
                status, headers, answer = server.ask(method, target, ROW)
                assert (status, headers["Retry-After"]) == (503, "1")
                assert json.loads(answer) == {"error": "3 requests are waiting already."}
            counts = server.ask("GET", "/monitoring/prometheus/metrics")[2].decode()
            assert 'request_count{model_name="iris",status="UNAVAILABLE"} 2' in counts
            # While a large batch runs, whoever asks how the server does is told.
            for target in ("/v2/health/live", "/v2/health/ready", "/v1/models/iris", "/v1/models/iris/metadata", "/"):
                assert server.ask("GET", target)[0] == 200
            gate.set()
            assert [each.result()[0] for each in asked] == [200, 200, 200]
    finally:
        gate.set()


def test_a_client_that_goes(server, gate):
    gate.clear()
    with server.connect() as connection:
        connection.sendall(head(len(ROW)) + ROW)
        wait_until(lambda: server.service.workers.busy)
    with server.connect() as connection:
        connection.sendall(head(100) + b"{")
    gate.set()
    wait_until(lambda: not server.service.workers.busy)


def test_it_stops_whatever_clients_do(published):
    """A body that does not come and a connection that is only open keep nobody from stopping the server."""
    patient = dataclasses.replace(LIMITS, body_seconds=300, head_seconds=300, stop_seconds=1)
    with contextlib.ExitStack() as stack:
        with embedded(published, patient) as server:
            for sent in (head(10) + b"{", b"POST", b""):
                stack.enter_context(server.connect()).sendall(sent)
            wait_until(lambda: len(server.connections) == 3)
            began = time.monotonic()
        assert time.monotonic() - began < 20
