"""The embedded server beside a bare session: time of a request, and requests a second; writes embedded_speed.md.

One process holds the session of `saved_model.load`, the same with JSON before and after it, and clients of a server
that is a process of its own; they take turns, so that ratios hold whatever else the machine does. A session answers
arrays that are there already; everything else is what it costs to be asked over REST. The real server is measured
beside where one is given: `--server 127.0.0.1:8501`, which has to serve the same export.

Run it with `python tests/benchmarks/embedded_speed.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import gc
import http.client
import importlib.metadata
import json
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import kzoo
from kzoo.export import Runner
from kzoo.export.inference.rest_api import respond
from kzoo.serving import Server, start

DIGITS = Path(__file__).parents[2] / "saved_models" / "digits"
RESULTS = Path(__file__).with_suffix(".md")
PREDICT = "/v1/models/digits:predict"
INFER = "/v2/models/digits/infer"
SIZES = (1, 32, 256)
ROUNDS = 15
SECONDS = 0.15
CLIENTS = 8

Call = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request as it is sent."""

    port: int
    body: bytes
    target: str = PREDICT
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def binary(port: int, batch: np.ndarray) -> Asked:
    """Numbers as they are in memory, by the Open Inference Protocol."""
    data = batch.astype("<f4").tobytes()
    given = {"name": "inputs", "shape": list(batch.shape), "datatype": "FP32"}
    parameters = {"signature_name": "numeric", "binary_data_output": True}
    request = {"inputs": [given | {"parameters": {"binary_data_size": len(data)}}], "parameters": parameters}
    head = json.dumps(request).encode()
    return Asked(port, head + data, INFER, {"Inference-Header-Content-Length": str(len(head))})


def client(asked: Asked) -> Call:
    """A request on a connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", asked.port, timeout=60)

    def ask() -> bytes:
        connection.request("POST", asked.target, asked.body, dict(asked.headers))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return content

    return ask


def seconds_a_call(call: Call) -> float:
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        call()
        calls += 1
    return (time.perf_counter() - began) / calls


def milliseconds(calls: dict[str, Call]) -> dict[str, float]:
    """Median time of each over rounds in which they take turns."""
    for call in calls.values():
        seconds_a_call(call)
    rounds = [{name: seconds_a_call(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    return {name: 1e3 * statistics.median(each[name] for each in rounds) for name in calls}


def requests_a_second(make: Callable[[], Call], seconds: float = 2.0) -> float:
    """Of several clients at a time."""
    stopped, counts = threading.Event(), [0] * CLIENTS

    def ask(number: int) -> None:
        call = make()
        while not stopped.is_set():
            call()
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stopped.set()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="HOST:PORT of TensorFlow Serving with the same export")
    real = parser.parse_args().server
    rows = kzoo.load_dataset("digits").x_train
    table = ["| rows | a request by | ms | times the session | requests/s |", "|---:|---|---:|---:|---:|"]
    with contextlib.ExitStack() as stack:
        base = Path(shutil.copytree(DIGITS, Path(stack.enter_context(tempfile.TemporaryDirectory())) / "digits"))
        runner = stack.enter_context(Runner(base / "1"))
        # As the server does: lists of numbers set collections off, which would go through all of TensorFlow.
        gc.collect()
        gc.freeze()
        servers = {}
        for name, batching in (("embedded server", False), ("embedded server, batching", True)):
            servers[name] = free_port()
            stack.enter_context(start(base, rest_port=servers[name], server=Server("embedded"), batching=batching))
        if real:
            servers["TensorFlow Serving"] = int(real.rpartition(":")[2])
        for size in SIZES:
            batch = rows[:size]
            body = json.dumps({"signature_name": "numeric", "instances": batch.tolist()}).encode()
            asked = {name: Asked(port, body) for name, port in servers.items()}
            asked["embedded server, binary"] = binary(servers["embedded server"], batch)
            calls: dict[str, Call] = {
                "session": lambda batch=batch: runner.run("numeric", {"inputs": batch}),
                "session and JSON": lambda body=body: respond(runner, "predict", body),
                **{name: client(each) for name, each in asked.items()},
            }
            found = milliseconds(calls)
            for name, value in found.items():
                rate = ""
                if name in asked:
                    rate = f"{requests_a_second(lambda each=asked[name]: client(each)):.0f}"
                table.append(f"| {size} | {name} | {value:.2f} | {value / found['session']:.1f} | {rate} |")
                print(table[-1], flush=True)
    names = ("tensorflow", "starlette", "uvicorn", "httptools")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    RESULTS.write_text(
        f"""# The embedded server beside a bare session

{datetime.date.today()}, {versions}; made by `tests/benchmarks/embedded_speed.py`, which says how it measures.

{chr(10).join(table)}

`saved_models/digits`, signature `numeric`. A session answers arrays; "session and JSON" reads the request and writes
the answer as text besides; the servers are asked over one kept connection, and for requests/s over {CLIENTS} at a time,
by clients in Python that share the machine with them. Batching waits a millisecond for others, so that one client alone
pays it at every request. Binary is the Open Inference Protocol with its binary tensor data.
"""
    )


if __name__ == "__main__":
    main()
