"""`kzoo serve NAME`: an export in a real TensorFlow Serving, until Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from kzoo.cli import arguments
from kzoo.cli.console import Failure, console, warn
from kzoo.serving import Server, ServingError
from kzoo.serving import serve as running

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    name: arguments.ExportName,
    to: arguments.ExportsDirectory = arguments.EXPORTS,
    host: Annotated[str, typer.Option(help="Interface to listen at; 0.0.0.0 for all of them.")] = "127.0.0.1",
    rest_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the REST API.")] = 8501,
    grpc_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gRPC API.")] = 8500,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that the model may take to load.")] = 120,
) -> None:
    """Serve an export with TensorFlow Serving, its binary or its image in Docker, until Ctrl-C."""
    base = arguments.export_directory(name, to)
    before = {each: signal.signal(each, _stop) for each in _SIGNALS}
    try:
        with running(base, host=host, rest_port=rest_port, grpc_port=grpc_port, timeout=timeout) as server:
            _show(server, base)
            server.wait(warn)
    except (ServingError, OSError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        console().print("Stopped.", markup=False)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(number: int, frame: Any) -> None:
    # Stopping takes a moment; a second Ctrl-C must not leave a server behind.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _show(server: Server, base: Path) -> None:
    address = server.address
    host = f"[{address.reached_at}]" if ":" in address.reached_at else address.reached_at
    out = console()
    out.print(f"{server.name} is available ({server.launcher}), REST at {host}:{address.rest_port}, ", end="")
    out.print(f"gRPC at {host}:{address.grpc_port}\n")
    url = f"http://{host}:{address.rest_port}/v1/models/{server.name}:predict"
    out.print(f"Ask it:  curl -d @{base / 'request.json'} {url}", markup=False, soft_wrap=True)
    out.print("Ctrl-C stops it.")
