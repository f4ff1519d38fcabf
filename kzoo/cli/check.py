"""`kzoo check DIR`: whether exports still are what was exported, and still answer as they did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import console, mendable, print_json, warn
from kzoo.cli.quiet import import_tensorflow

if TYPE_CHECKING:
    from kzoo.export import Checked


def check(
    model_dir: Annotated[
        Path, typer.Argument(metavar="DIR", help="A version of an export, or the directory with all of them.")
    ],
    as_json: arguments.Json = False,
) -> None:
    """Check exports: files, signatures, weights, golden answers and warm-up requests."""
    import_tensorflow()
    with mendable(kzoo.ExportError, OSError):
        found = kzoo.check_export(model_dir)
    if as_json:
        print_json([{"path": str(each.directory), "problems": list(each.problems)} for each in found])
    else:
        _show(found)
    if any(each.problems for each in found):
        raise typer.Exit(1)


def _show(found: tuple[Checked, ...]) -> None:
    for each in found:
        for problem in each.problems:
            warn(f"{each.directory}: {problem}")
        if not each.problems:
            console().print(f"{each.directory}: files unchanged, answers as exported", markup=False, soft_wrap=True)
