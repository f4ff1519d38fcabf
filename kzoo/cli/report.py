"""`kzoo report RUN`: what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kzoo.cli import arguments, summary
from kzoo.cli.console import console, mendable, print_json

if TYPE_CHECKING:
    from tuners import Study

PAGE = "report.html"


def report(
    run: arguments.RunDirectory,
    top: Annotated[int, typer.Option(min=1, help="Trials in the table.")] = 10,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Where the page goes; RUN/{PAGE} if not given.")
    ] = None,
    as_json: arguments.Json = False,
) -> None:
    """Show what a search found, as text and as a page with pictures; it may still be running."""
    study = summary.load(run)
    if as_json:
        print_json(summary.record(run, study))
    else:
        summary.show(run, study, top=top)
        _write_page(page or run / PAGE, run, study)


def _write_page(path: Path, run: Path, study: Study) -> None:
    from kzoo.cli.page import write_page

    with mendable(OSError):
        write_page(path, run, study)
    console().print(f"Pictures: {path}", markup=False, soft_wrap=True)
