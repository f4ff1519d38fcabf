"""`kzoo audit RUN`: what a careful practitioner would say of a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kzoo.cli import again, arguments, studies
from kzoo.cli.console import command, console, print_json
from kzoo.cli.run import Run

if TYPE_CHECKING:
    from tuners.insight import Verdict


def audit(
    run: arguments.RunDirectory,
    verify: Annotated[
        int | None,
        typer.Option(
            min=3,
            metavar="TIMES",
            show_default=False,
            help="First train the default, the best, the runner-up and the steps between again, so often each.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Processes that train, with --verify.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="With --verify, run the FILE.py of a model of your own.")
    ] = False,
    as_json: arguments.Json = False,
) -> None:
    """Say whether the gain is real, what went wrong in a search, and what to do next."""
    from tuners.report.plain import conclusions_record
    from tuners.report.terminal import audit_lines

    if verify is None and (workers is not None or trust):
        raise typer.BadParameter("it is for --verify.", param_hint="--trust" if trust else "--workers")
    study = studies.load(run)
    if verify is not None:
        again.train_again(run, study, verify, workers=workers, trust=trust, quiet=as_json)
    conclusions, acting = again.conclude(run, study), studies.Acting(run, study)
    if as_json:
        print_json({"run": str(run), **conclusions_record(conclusions, acting)})
        return
    out = console()
    for line in audit_lines(conclusions, acting, width=out.width):
        out.print(line, markup=False, soft_wrap=True)
    if acting.asked and (hint := to_tell(run, acting.asked, conclusions.verdict)):
        out.print(f"\n{hint}", markup=False, soft_wrap=True)


def to_tell(directory: Path, asked: Run, verdict: Verdict | None) -> str:
    """What would settle an open verdict, or "" where it is settled or nothing would.

    Args:
        directory: The run.
        asked: What it was asked for.
        verdict: The verdict.
    """
    from tuners.insight.verdict import NOT_SHOWN

    # What was trained again asks for nothing more.
    if verdict is None or verdict.kind != NOT_SHOWN or not verdict.action or asked.folds:
        return ""
    return f"To tell: {command('kzoo', 'audit', directory, '--verify', '5')}"
