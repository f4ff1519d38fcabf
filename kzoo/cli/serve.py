"""`kzoo serve NAME`: TensorFlow Serving on an export."""

from __future__ import annotations

import signal
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kzoo.cli import arguments
from kzoo.cli.console import Failure, command, console, mendable, warn
from kzoo.export import list_versions
from kzoo.serving import ServingError, start
from kzoo.serving.ownership import unfinished
from kzoo.serving.strays import problems_beside

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
NEXT = """\
{name} is served on {host}, REST on {rest}, gRPC on {grpc}; Ctrl-C ends it.

Next: curl -d {request} http://{asked}:{rest}/v1/models/{name}:predict"""


def serve(
    name: arguments.ExportName,
    to: arguments.Exports = arguments.EXPORTS,
    rest_port: Annotated[int, typer.Option(min=1, max=65535, help="Port for REST.")] = 8501,
    grpc_port: Annotated[int, typer.Option(min=1, max=65535, help="Port for gRPC.")] = 8500,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of them.")] = "127.0.0.1",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds until it has to answer.")] = 120.0,
) -> None:
    """Serve an export with TensorFlow Serving, the program or its Docker image, whichever is here."""
    base = to / name
    with mendable(ServingError, OSError):
        for line in (*problems_beside(base), *_copied(base)):
            warn(f"{base}: {line}")
    before = {each: signal.signal(each, _interrupt) for each in STOPPING}
    asked = "127.0.0.1" if host == "0.0.0.0" else host
    text = NEXT.format(
        name=base.resolve().name,
        host=host,
        rest=rest_port,
        grpc=grpc_port,
        request=command(f"@{base}/request.json"),
        asked=asked,
    )
    try:
        with (
            mendable(OSError),
            start(base, host=host, rest_port=rest_port, grpc_port=grpc_port, timeout=timeout) as process,
        ):
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


def _interrupt(signum: int, frame: types.FrameType | None) -> None:
    # Stopping takes a moment; a second Ctrl-C must not leave a server behind.
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
