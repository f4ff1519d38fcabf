"""`kzoo serve NAME`: TensorFlow Serving on an export, or the embedded server where that is not here."""

from __future__ import annotations

import signal
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kzoo.cli import arguments
from kzoo.cli.console import Failure, command, console, mendable, warn
from kzoo.export.versions import list_versions
from kzoo.serving import ServingError
from kzoo.serving.configuration import has_open_dimensions
from kzoo.serving.deployment import NO_BATCHING
from kzoo.serving.ownership import unfinished
from kzoo.serving.server import EVERYWHERE, GRPC_PORT, Server, find_server, start
from kzoo.serving.strays import problems_beside

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
KINDS = {
    "tensorflow_model_server": "TensorFlow Serving",
    "docker": "TensorFlow Serving, in Docker,",
    "embedded": "kzoo's embedded server",
}


def serve(
    name: arguments.ExportName,
    to: arguments.Exports = arguments.EXPORTS,
    rest_port: Annotated[int, typer.Option(min=1, max=65535, help="Port for REST.")] = 8501,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help=f"Port for gRPC, {GRPC_PORT} if not given; not embedded.", show_default=False
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of them.")] = "127.0.0.1",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds until it has to answer.")] = 120.0,
    embedded: Annotated[bool, typer.Option("--embedded", help="Take the embedded server, whatever is here.")] = False,
    batching: Annotated[
        bool, typer.Option("--batching", help="Answer requests that come together in one; embedded only.")
    ] = False,
    trust: arguments.Trust = False,
) -> None:
    """Serve an export: with TensorFlow Serving, its program or Docker image, where it is here, else embedded.

    The embedded server speaks the same REST API, has a page for people at its address, and no gRPC.

    Example: kzoo serve digits
    """
    base = to / name
    with mendable(ServingError, OSError):
        for line in (*problems_beside(base), *_copied(base)):
            warn(f"{base}: {line}")
    before = {each: signal.signal(each, _interrupt) for each in STOPPING}
    try:
        server = find_server(host, embedded=embedded)
        with (
            mendable(OSError),
            start(
                base,
                host=host,
                rest_port=rest_port,
                grpc_port=grpc_port,
                timeout=timeout,
                server=server,
                batching=batching,
                trust=trust,
            ) as process,
        ):
            text = _banner(base, server, host, rest_port, grpc_port or GRPC_PORT, batching)
            console().print(text, markup=False, soft_wrap=True)
            code = process.wait()
    except KeyboardInterrupt:
        # The process ends now, and a second Ctrl-C has nothing more to say until it has.
        before.clear()
        console().print("The server has ended.")
        return
    except ServingError as error:
        # The lines of a server that has failed are to be read as lines.
        raise Failure(str(error)) from None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    raise Failure(f"The server has ended by itself, with code {code}.")


def _copied(base: Path) -> Iterator[str]:
    for version in list_versions(base)[-1:]:
        if problem := unfinished(base / str(version)):
            yield f"Version {version} is not whole yet: {problem} A server tries it again for a minute."


def _banner(base: Path, server: Server, host: str, rest_port: int, grpc_port: int, batching: bool) -> str:
    """What serves, where, what it cannot do, and how to ask it."""
    name = base.resolve().name
    address = f"http://{'127.0.0.1' if host == EVERYWHERE else f'[{host}]' if ':' in host else host}:{rest_port}"
    grpc = f"gRPC on {grpc_port}" if server.has_grpc else "no gRPC"
    lines = [f"{name} is served by {KINDS[server.kind]} on {host}, REST on {rest_port}, {grpc}; Ctrl-C ends it."]
    if server.why:
        lines.append(f"Why not by TensorFlow Serving: {server.why}.")
    if batching:
        lines.append(f"Batching is off: {NO_BATCHING}" if has_open_dimensions(base) else "Batching is on.")
    if not server.has_grpc:
        lines.append(f"\nA page to try it: {address}/")
    request = command(f"@{base}/request.json")
    return "\n".join([*lines, f"\nNext: curl -d {request} {address}/v1/models/{name}:predict"])


def _interrupt(signum: int, frame: types.FrameType | None) -> None:
    # Stopping takes a moment; a second Ctrl-C must not leave a server behind.
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
