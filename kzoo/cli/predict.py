"""`kzoo predict MODEL_DIR REQUEST.json`: the answer of an export, with no server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import kzoo
from kzoo.cli.console import Failure, describe, mendable, print_json
from kzoo.cli.quiet import import_tensorflow


def predict(
    model_dir: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="An export, or the directory with its versions (the newest answers)."),
    ],
    request: Annotated[
        str, typer.Argument(metavar="REQUEST.json", help="Body of a TensorFlow Serving REST request; - for stdin.")
    ],
) -> None:
    """Answer a TensorFlow Serving REST request body from an export, with no server."""
    body = _read(request)
    import_tensorflow()
    with mendable(kzoo.RequestError, kzoo.ExportError, OSError):
        answer = kzoo.predict(model_dir, body)
    print_json(answer)


def _read(request: str) -> Any:
    try:
        text = sys.stdin.read() if request == "-" else Path(request).read_text(encoding="utf-8")
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Failure(f"{request}: not JSON ({error.msg}, line {error.lineno} column {error.colno}).") from None
    except UnicodeDecodeError:
        raise Failure(f"{request}: not a text file in UTF-8.") from None
    except OSError as error:
        raise Failure(describe(error)) from None
