"""`kzoo predict EXPORT REQUEST.json` or `ROWS.csv`: the answers of an export, with no server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import Failure, console, describe, mendable
from kzoo.cli.limits import ends_after
from kzoo.cli.quiet import import_tensorflow
from kzoo.export.inference.request_json import parse_body
from kzoo.files import read_bytes, written
from kzoo.tables.reading import read_rows_with
from kzoo.tables.sources import is_table

if TYPE_CHECKING:
    import pandas

    from kzoo.export.inference.table_rows import TableRunner

CHUNK = 10_000
"""Rows of a table that are answered at once."""

LARGEST = 2**30
"""Bytes of a request, at most."""


def predict(
    model_dir: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="An export, or the directory with its versions (the newest answers)."),
    ],
    request: Annotated[
        str,
        typer.Argument(
            metavar="REQUEST.json|ROWS.csv", help="Body of a TensorFlow Serving REST request, - for stdin; or a table."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="ANSWERS.csv", help="File for the answers to a table; printed if not given.")
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="COLUMN", help="Write a column of the table beside the answers, such as an id."),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Print the status that the server would answer with, in a line before.")
    ] = False,
    trust: arguments.Trust = False,
    timeout: arguments.Timeout = arguments.TIMEOUT,
) -> None:
    """Answer a TensorFlow Serving REST request body, or the rows of a table, from an export, with no server.

    Example: kzoo predict saved_models/people new.csv --out answers.csv
    """
    if request != "-" and is_table(Path(request)):
        if status:
            raise typer.BadParameter("is for requests of JSON.", param_hint="--status")
        if out is not None and out.exists() and Path(request).exists() and out.samefile(request):
            raise typer.BadParameter("is the file with the rows; name another for the answers.", param_hint="--out")
        with mendable(kzoo.DataError, kzoo.ExportError, kzoo.RequestError, OSError), ends_after(timeout):
            _answer_table(model_dir, Path(request), out, others or (), trust)
        return
    if out is not None or others:
        option = "--out" if out is not None else "--with"
        raise typer.BadParameter("is for tables; the answer to a request is printed.", param_hint=option)
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


def _answer_table(model_dir: Path, table: Path, out: Path | None, others: Sequence[str], trust: bool) -> None:
    """Write an answer for every row, in constant memory; a file is there whole or not at all."""
    import_tensorflow()
    from kzoo.export import Runner, version_directory
    from kzoo.export.inference.table_rows import TableRunner

    with Runner(version_directory(model_dir), trust=trust) as runner:
        asked = TableRunner(runner)
        frames = read_rows_with(table, asked.columns, others, chunk_rows=CHUNK)
        if out is None:
            _write(asked, frames, sys.stdout)
            return
        # A link stays one; /dev/stdout is one, to a file where it is redirected.
        with written(out.resolve() if out.is_symlink() and out.is_file() else out) as file:
            count = _write(asked, frames, file)
    console().print(f"{count} answers are in {out}", markup=False, soft_wrap=True)


def _write(asked: TableRunner, frames: Iterator[tuple[pandas.DataFrame, pandas.DataFrame]], file: TextIO) -> int:
    count = 0
    for frame, others in frames:
        answers = asked.answer(frame)
        # A column of labels may be beside the answer of that name.
        answers = answers.rename(columns={name: f"answer: {name}" for name in others})
        others.join(answers).to_csv(file, index=False, header=not count)
        count += len(frame)
    return count


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
