"""The embedded server as a process: `python -m kzoo.serving.embedded --help`.

It ends when it is sent SIGINT or SIGTERM, and with `--until_stdin_closes` when whoever started it ends, by which way
soever: requests that run are answered before.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Collection

import uvicorn

from kzoo.serving.embedded.app import application
from kzoo.serving.embedded.batching import BatchingRunner
from kzoo.serving.embedded.connections import limited_protocol
from kzoo.serving.embedded.core import Options, ServerCore
from kzoo.serving.embedded.limits import Limits
from kzoo.serving.embedded.loading import load_version
from kzoo.serving.embedded.service import SERVER, Service
from kzoo.serving.embedded.status import StatusError

BATCHING_THREADS = 32
"""With batching, a thread waits for every request of a batch."""


def serve(service: Service, listener: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM, in the main thread.

    Args:
        service: What answers; its core is started.
        listener: A bound socket.

    Raises:
        OSError: Somebody else listens there.
    """
    # uvicorn raises the signal that has ended it once more.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        http_server(service, _names(listener)).run(sockets=[listener])
    finally:
        service.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def http_server(service: Service, hosts: Collection[str] | None = None) -> uvicorn.Server:
    """The server, to be run once; setting its `should_exit` ends it.

    Args:
        service: What answers.
        hosts: Names that it may be asked by, or None for any.
    """
    limits = service.limits
    config = uvicorn.Config(
        application(service, hosts),
        http=limited_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("Server", SERVER)],
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=limits.stop_seconds,
        h11_max_incomplete_event_size=limits.head_bytes,
    )
    return uvicorn.Server(config)


def bound(host: str, port: int) -> socket.socket:
    """A socket that nobody can connect to yet, since no version is loaded.

    Args:
        host: Address of this machine, or a name of one.
        port: Port, or 0 for any that is free.

    Raises:
        OSError: It is taken, or there is no such address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    # With its protocol named: asyncio sends at once (TCP_NODELAY) on no other, which costs 40 ms at every answer.
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # Connections of a server that has just ended do not keep the port.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _names(listener: socket.socket) -> tuple[str, ...] | None:
    """Names that a server for this machine only is asked by."""
    address = listener.getsockname()[0]
    return ("localhost", address, "") if ipaddress.ip_address(address).is_loopback else None


def main(arguments: list[str] | None = None) -> int:
    """Run the server; its exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    # One line for every broken request would let clients fill the disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if asked.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    core = ServerCore(
        Options(
            model_config_file=asked.model_config_file,
            model_config_file_poll_wait_seconds=asked.model_config_file_poll_wait_seconds,
            file_system_poll_wait_seconds=asked.file_system_poll_wait_seconds,
            max_num_load_retries=asked.max_num_load_retries,
            load_retry_interval_micros=asked.load_retry_interval_micros,
            allow_version_labels_for_unavailable_models=True,
        ),
        load=functools.partial(_load_for_batching if asked.batching else load_version, trust=asked.trust),
    )
    # TensorFlow's modules stay; looking through them at every collection doubles the time of a large request.
    gc.collect()
    gc.freeze()
    limits = Limits(threads=BATCHING_THREADS) if asked.batching else Limits()
    try:
        with contextlib.closing(bound(asked.host, asked.rest_api_port)) as listener:
            core.start()
            serve(Service(core, limits), listener)
    except (OSError, StatusError) as error:
        print(f"{SERVER} cannot serve: {error}", file=sys.stderr)
        return 1
    finally:
        core.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    """Options, by the names of `tensorflow_model_server` where it has them."""
    parser = argparse.ArgumentParser(prog="python -m kzoo.serving.embedded", description="Serve an export.")
    parser.add_argument("--model_config_file", required=True, help="ModelServerConfig of the export")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--rest_api_port", type=int, default=8501, help="port for REST")
    for what in ("model_config_file", "file_system"):
        parser.add_argument(f"--{what}_poll_wait_seconds", type=float, default=1.0, help="seconds between two looks")
    # A version that is still being copied is tried again, but a broken one should be told soon.
    parser.add_argument("--max_num_load_retries", type=int, default=20, help="further attempts at a failed load")
    parser.add_argument("--load_retry_interval_micros", type=int, default=1_000_000, help="time between attempts")
    parser.add_argument("--batching", action="store_true", help="answer requests that come together in one")
    parser.add_argument("--trust", action="store_true", help="load an export whatever its graph does")
    parser.add_argument("--until_stdin_closes", action="store_true", help="end when the starting process ends")
    return parser


def _load_for_batching(path: str, *, trust: bool) -> BatchingRunner:
    return BatchingRunner(load_version(path, trust=trust))


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
