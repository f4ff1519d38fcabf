"""`kzoo predict EXPORT REQUEST.json` or `ROWS.csv`: the answers of an export, with no server."""

from __future__ import annotations

import collections
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import Failure, console, describe, mendable
from kzoo.cli.limits import ends_after
from kzoo.cli.quiet import import_tensorflow
from kzoo.cli.shown import counted
from kzoo.export.inference.request_json import parse_body
from kzoo.files import read_bytes, written
from kzoo.tables.reading import read_rows_with
from kzoo.tables.sources import is_table

if TYPE_CHECKING:
    import pandas

    from kzoo.export.inference.table_rows import TableRunner
    from kzoo.export.inference.table_truth import Truth

CHUNK = 10_000
"""Rows of a table that are answered at once."""

SHOWN_WORDS = 3

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
    truth: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the right answers: say how good the export's are.")
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
            _answer_table(model_dir, Path(request), out, others or (), truth, trust)
        return
    if out is not None or others or truth:
        option = "--out" if out is not None else "--with" if others else "--truth"
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


def _answer_table(
    model_dir: Path, table: Path, out: Path | None, others: Sequence[str], truth: str | None, trust: bool
) -> None:
    """Write an answer for every row, in constant memory; a file is there whole or not at all."""
    import_tensorflow()
    from kzoo.export import Runner, version_directory
    from kzoo.export.inference.table_rows import TableRunner
    from kzoo.export.inference.table_truth import Truth

    # A column that is named twice is written once.
    others = list(dict.fromkeys(others))
    wanted = others if truth is None or truth in others else [*others, truth]
    with Runner(version_directory(model_dir), trust=trust) as runner:
        asked, judged = TableRunner(runner), Truth()
        frames = read_rows_with(table, asked.columns, wanted, chunk_rows=CHUNK)
        answers = _answered(asked, frames, judged, None if truth is None else wanted.index(truth))
        if out is not None:
            # A link stays one; /dev/stdout is one, to a file where it is redirected.
            with written(out.resolve() if out.is_symlink() and out.is_file() else out) as file:
                count = _write(answers, others, file)
            console().print(f"{count} answers are in {out}", markup=False, soft_wrap=True)
        elif truth is None:
            _write(answers, others, sys.stdout)
        else:
            collections.deque(answers, maxlen=0)
    if truth is not None:
        for line in _said(judged, asked):
            console().print(line, markup=False, soft_wrap=True)


Answers = Iterator[tuple["pandas.DataFrame", "pandas.DataFrame"]]
"""Answers to rows, and other columns of these."""


def _answered(asked: TableRunner, frames: Answers, judged: Truth, truth: int | None) -> Answers:
    for frame, others in frames:
        answers = asked.answer(frame)
        if truth is not None:
            judged.take(answers, list(others.iloc[:, truth]), list(frame.index))
        yield answers, others


def _write(found: Answers, names: Sequence[str], file: TextIO) -> int:
    count = 0
    for answers, others in found:
        beside = others.iloc[:, : len(names)]
        # A column of labels may be beside the answer of that name.
        named = answers.rename(columns={name: f"answer: {name}" for name in beside})
        beside.join(named).to_csv(file, index=False, header=not count)
        count += len(named)
    return count


def _said(judged: Truth, asked: TableRunner) -> Iterator[str]:
    """How good the answers are, beside those in the test of the export."""
    from kzoo.export.inference.table_truth import is_worse

    found = judged.metrics()
    rows = int(found.pop("rows"))
    if not rows:
        raise Failure("No row says what is right.")
    yield f"{counted(rows, 'row')}: {_shown(found)}"
    if judged.passed_over:
        yield f"{counted(judged.passed_over, 'row')} without a right answer passed over"
    for word, count in itertools.islice(judged.unknown.items(), SHOWN_WORDS):
        yield f"{word[:40]!r} is right in {counted(count, 'row')}, and no class that the export knows"
    if len(judged.unknown) > SHOWN_WORDS:
        yield f"and so are {len(judged.unknown) - SHOWN_WORDS} others"
    tested, of = asked.tested
    if of and tested:
        yield f"in its test, {counted(of, 'row')}: {_shown(tested)}"
        chance = is_worse({"rows": rows, **found}, tested, of)
        if chance is not None:
            yield f"This is worse than in the test by more than luck (p {chance:.1g}): the data have changed"


def _shown(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())


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
