"""`kzoo prune NAME --keep N`: take old versions of an export away."""

from __future__ import annotations

from typing import Annotated

import typer

from kzoo.cli import arguments
from kzoo.cli.console import console, mendable, print_json
from kzoo.serving import ServingError
from kzoo.serving import prune as prune_versions


def prune(
    name: arguments.ExportName,
    keep: Annotated[int, typer.Option(min=1, help="Number of newest versions that stay.")],
    to: arguments.ExportsDirectory = arguments.EXPORTS,
    as_json: arguments.Json = False,
) -> None:
    """Remove old versions of an export; one with a label stays."""
    with mendable(ServingError, OSError):
        removed = prune_versions(arguments.export_directory(name, to), keep=keep)
    if as_json:
        print_json({"removed": removed})
    elif removed:
        console().print(f"Removed: {', '.join(map(str, removed))}", markup=False)
    else:
        console().print("Nothing to remove: what is there is new or has a label.", markup=False)
