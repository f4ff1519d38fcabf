"""`kzoo report RUN`: what was found, as text, as a page, and as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kzoo.cli import again, arguments, studies, summary, trackers
from kzoo.cli.console import command, console, mendable, print_json
from kzoo.cli.live import PORT, serve
from kzoo.cli.run import FILE, Run
from kzoo.cli.shown import counted
from kzoo.files import write_text

if TYPE_CHECKING:
    from tuners import Study
    from tuners.insight import Conclusions

PAGE = "report.html"


def report(
    run: arguments.RunDirectory,
    top: Annotated[int, typer.Option(min=1, help="Trials in the table.")] = 10,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"Where the page goes; RUN/{PAGE} if not given.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the trials as a table, too.")] = None,
    pictures: Annotated[Path | None, typer.Option(metavar="DIR", help="Write pictures as SVG files, too.")] = None,
    optuna: Annotated[
        str | None,
        typer.Option(metavar="STORAGE", help="Write a study of Optuna, too: a file, or such as sqlite:///FILE."),
    ] = None,
    mlflow: Annotated[str | None, typer.Option(metavar="URI", help="Write runs of MLflow, too.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Serve the page here, kept up with the search.")] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, show_default=False, help=f"Of --live: {PORT} if not given, 0 for any."),
    ] = None,
    as_json: arguments.Json = False,
) -> None:
    """Show what a search found, as text and as a page with pictures; it may still be running.

    RUN may be a project of keras-tuner's own tuners, too.
    """
    if port is not None and not live:
        raise typer.BadParameter("it is for --live.", param_hint="--port")
    if live:
        _alone(page=page, csv=csv, pictures=pictures, optuna=optuna, mlflow=mlflow, json=as_json)
        serve(run, PORT if port is None else port)
        return
    study = studies.load(run)
    conclusions = again.conclude(run, study)
    lines = []
    if csv is not None:
        with mendable(OSError):
            write_text(csv, study.to_dataframe().to_csv(index=False))
        lines.append(f"Table: {csv}")
    lines += [trackers.to_optuna(study, optuna, studies.title(run))] if optuna else []
    lines += [trackers.to_mlflow(study, mlflow, studies.title(run))] if mlflow else []
    if as_json:
        print_json(record(run, study, conclusions))
        return
    _show(run, study, conclusions, top)
    for line in [*lines, *_written(page or run / PAGE, pictures, run, study, conclusions)]:
        console().print(line, markup=False, soft_wrap=True)


def _alone(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise typer.BadParameter(f"it writes nothing; leave out --{name}.", param_hint="--live")


def record(run: Path, study: Study, conclusions: Conclusions) -> dict[str, Any]:
    """The study and its conclusions as plain data, for `--json`."""
    from tuners.report.plain import record_of

    made = record_of(study, conclusions, studies.given(run), studies.Acting(run, study))
    return {"run": str(run), "epochs_saved": summary.epochs_saved(run, study), **made}


def _show(run: Path, study: Study, conclusions: Conclusions, top: int) -> None:
    from tuners.report.terminal import report_lines

    out = console()
    plain = out.options.ascii_only
    for line in report_lines(str(run), study, conclusions, studies.given(run), width=out.width, top=top, plain=plain):
        out.print(line, markup=False, soft_wrap=True)
    if saved := summary.epochs_saved(run, study):
        out.print(f"Trials were ended early, which saved {saved} epochs.", markup=False)
    asked = Run.read(run) if (run / FILE).exists() else None
    for line in [*summary.trained_by(study), *summary.no_better(study, asked)]:
        out.print(line, markup=False)
    remarks = len(conclusions.findings)
    if remarks:
        out.print(f"\n{counted(remarks, 'remark')}: {command('kzoo', 'audit', run)}", markup=False, soft_wrap=True)
    if study.best and asked is not None:
        out.print(f"\nNext: {summary.following(run, asked)}", markup=False, soft_wrap=True)


def _written(page: Path, pictures: Path | None, run: Path, study: Study, conclusions: Conclusions) -> list[str]:
    from tuners.report.page import write_page

    lines = []
    with mendable(OSError):
        if pictures is not None:
            from tuners.report.pictures import write_pictures

            made = write_pictures(pictures, study)
            lines.append(f"Pictures: {', '.join(map(str, made)) or 'none, since no trial has a score'}")
        write_page(page, study, studies.title(run), studies.given(run), studies.Acting(run, study), conclusions)
    return [*lines, f"Page: {page}"]
