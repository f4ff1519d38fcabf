"""`kzoo audit RUN`: what a careful practitioner would say of a search."""

from __future__ import annotations

from kzoo.cli import arguments, studies
from kzoo.cli.console import console, print_json


def audit(run: arguments.RunDirectory, as_json: arguments.Json = False) -> None:
    """Say whether the gain is real, what went wrong in a search, and what to do next."""
    from tuners.insight import conclude
    from tuners.report.plain import conclusions_record
    from tuners.report.terminal import audit_lines

    study = studies.load(run)
    conclusions, acting = conclude(study), studies.Acting(run, study)
    if as_json:
        print_json({"run": str(run), **conclusions_record(conclusions, acting)})
        return
    out = console()
    for line in audit_lines(conclusions, acting, width=out.width):
        out.print(line, markup=False, soft_wrap=True)
