"""`kzoo promote NAME VERSION`: which version is stable, and which the canary."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from kzoo.cli import arguments
from kzoo.cli.console import console, mendable, print_json
from kzoo.serving import Promotion, ServingError, write_configuration
from kzoo.serving import promote as promote_version


def promote(
    name: arguments.ExportName,
    version: Annotated[int, typer.Argument(min=0, help="Number of the version.")],
    label: Annotated[Literal["stable", "canary"], typer.Option(help="Label to move: stable or canary.")] = "stable",
    to: arguments.ExportsDirectory = arguments.EXPORTS,
    as_json: arguments.Json = False,
) -> None:
    """Give a version of an export the label stable or canary; clients ask for labels."""
    base = arguments.export_directory(name, to)
    with mendable(ServingError, OSError):
        promotion = promote_version(base, version, label=label)
        write_configuration(base)
    if as_json:
        release = promotion.release
        print_json(
            {
                "label": label,
                "version": version,
                "previous": promotion.previous,
                "labels": dict(release.labels),
                "served": list(release.served),
            }
        )
    else:
        _show(name, promotion)


def _show(name: str, promotion: Promotion) -> None:
    before = "" if promotion.previous in (None, promotion.version) else f" (it was version {promotion.previous})"
    out = console()
    out.print(f"{name}: {promotion.label} is version {promotion.version}{before}", markup=False)
    others = {label: each for label, each in promotion.release.labels.items() if label != promotion.label}
    for label, version in others.items():
        out.print(f"{name}: {label} is version {version}", markup=False)
    out.print(f"Served: {', '.join(map(str, promotion.release.served))}", markup=False)
