"""`kzoo predict MODEL_DIR REQUEST.json`: the answer of an export, with no server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import Failure, describe, mendable
from kzoo.cli.limits import ends_after
from kzoo.cli.quiet import import_tensorflow
from kzoo.export.inference.request_json import parse_body
from kzoo.files import read_bytes

LARGEST = 2**30
"""Bytes of a request, at most."""


def predict(
    model_dir: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="An export, or the directory with its versions (the newest answers)."),
    ],
    request: Annotated[
        str, typer.Argument(metavar="REQUEST.json", help="Body of a TensorFlow Serving REST request; - for stdin.")
    ],
    status: Annotated[
        bool, typer.Option("--status", help="Print the status that the server would answer with, in a line before.")
    ] = False,
    trust: arguments.Trust = False,
    timeout: arguments.Timeout = arguments.TIMEOUT,
) -> None:
    """Answer a TensorFlow Serving REST request body from an export, with no server."""
    body = _read(request)
    try:
        parse_body(body)  # a mistake in the file is found before TensorFlow is imported
        import_tensorflow()
        with mendable(kzoo.ExportError, OSError), ends_after(timeout):
            answer = _answer(model_dir, body, trust)
    except kzoo.RequestError as error:
        if status:
            sys.stdout.write(f"{error.status}\n")
        raise Failure(f"{request}: {error}") from None
    if status:
        sys.stdout.write("200\n")
    sys.stdout.write(f"{answer}\n")


def _answer(model_dir: Path, body: bytes, trust: bool) -> str:
    """The body of the answer, or a `RequestError`."""
    # Not before TensorFlow is there, whose remarks would be shown.
    from kzoo.export import Runner, version_directory
    from kzoo.export.inference.prediction import respond_any

    with Runner(version_directory(model_dir), trust=trust) as runner:
        response = respond_any(runner, body)
    text = response.body.decode(errors="replace")
    if response.status != 200:
        raise kzoo.RequestError(json.loads(text)["error"], response.status)
    return text


def _read(request: str) -> bytes:
    try:
        if request == "-":
            return sys.stdin.buffer.read(LARGEST)
        return read_bytes(Path(request), LARGEST)
    except OSError as error:
        raise Failure(describe(error)) from None
    except ValueError as error:
        raise Failure(f"{request}: {error}.") from None
