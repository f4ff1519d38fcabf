"""`kzoo promote NAME VERSION` and `kzoo prune NAME`: which versions of an export are served, and which go."""

from __future__ import annotations

from typing import Annotated

import typer

from kzoo import serving
from kzoo.cli import arguments
from kzoo.cli.console import console, mendable, print_json
from kzoo.serving.releases import read_release


def promote(
    name: arguments.ExportName,
    version: Annotated[int, typer.Argument(help="Number of the version.")],
    label: Annotated[str, typer.Option(help="The label: stable, canary, or a word of your own.")] = "stable",
    to: arguments.Exports = arguments.EXPORTS,
    as_json: arguments.Json = False,
) -> None:
    """Give a label to a version; a server takes it up within half a minute."""
    with mendable(serving.ServingError, OSError):
        labels = serving.promote(to / name, version, label)
    if as_json:
        print_json(labels)
        return
    for each, number in sorted(labels.items()):
        console().print(f"{each}: version {number}", markup=False)
    served = ", ".join(map(str, read_release(to / name).served))
    console().print(f"served: {served}\n\nAsk for it at /v1/models/{name}/labels/{label}:predict", markup=False)


def prune(
    name: arguments.ExportName,
    keep: Annotated[int, typer.Option(min=1, help="Newest versions that stay.")] = 3,
    to: arguments.Exports = arguments.EXPORTS,
    as_json: arguments.Json = False,
) -> None:
    """Remove old versions of an export; the newest stay, and those with a label."""
    with mendable(serving.ServingError, OSError):
        gone = serving.prune(to / name, keep)
    if as_json:
        print_json(gone)
    else:
        console().print(f"removed: {', '.join(map(str, gone)) or 'nothing'}", markup=False)
