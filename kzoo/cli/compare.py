"""`kzoo compare RUN RUN`: searches side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import rich.table
import typer

from kzoo.cli import again, arguments, studies
from kzoo.cli.console import bad_argument, console, print_json


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Directories of searches.", show_default=False)],
    as_json: arguments.Json = False,
) -> None:
    """Show searches side by side: best, gain over the default with its interval, cost; the best first."""
    from tuners.report.comparison import compare as compared
    from tuners.report.comparison import comparison_rows

    loaded = [(str(run), studies.load(run)) for run in runs]
    with bad_argument():
        found = compared(loaded, {str(run): again.trained(run) for run in runs})
    if as_json:
        print_json({"runs": [dataclasses.asdict(each) for each in found]})
        return
    _print(comparison_rows(found))
    if len({studies.given(run).get("fingerprint") for run in runs}) > 1:
        console().print("These searches are of different data: compare with care.", markup=False)


def _print(rows: list[tuple[str, ...]]) -> None:
    """The rows as a table; turned, with a column for each run, where that fits and this does not."""
    out, turned = console(), list(zip(*rows, strict=True))
    if _width(rows) > out.width and _width(turned) < _width(rows):
        rows = turned
    table = rich.table.Table(box=None, pad_edge=False, padding=(0, 1))
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows[1:]:
        table.add_row(*row)
    out.print(table)


def _width(rows: Sequence[tuple[str, ...]]) -> int:
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True)) - 2
