"""`kzoo report RUN`: what was found."""

from __future__ import annotations

from typing import Annotated

import typer

from kzoo.cli import arguments, summary
from kzoo.cli.console import print_json


def report(
    run: arguments.RunDirectory,
    top: Annotated[int, typer.Option(min=1, help="Trials in the table.")] = 10,
    as_json: arguments.Json = False,
) -> None:
    """Show what a search found; it may still be running."""
    study = summary.load(run)
    if as_json:
        print_json(summary.record(run, study))
    else:
        summary.show(run, study, top=top)
