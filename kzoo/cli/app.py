"""The `kzoo` command and how it ends: 0 on success, 2 on bad arguments, 1 on failure, 130 when interrupted."""

from __future__ import annotations

import os
import sys

import typer

from kzoo.cli import audit, check, compare, data, export, models, predict, report, search, serve, versions
from kzoo.cli.console import Failure, warn

app = typer.Typer(
    name="kzoo",
    help="Tune Keras models at random from coarse to fine, and serve the best with TensorFlow Serving.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
app.command("data")(data.data)
app.command("models")(models.models)
app.command("search")(search.search)
app.command("report")(report.report)
app.command("audit")(audit.audit)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("predict")(predict.predict)
app.command("check")(check.check)
app.command("serve")(serve.serve)
app.command("promote")(versions.promote)
app.command("prune")(versions.prune)


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except Failure as failure:
        warn(f"Error: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        warn("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, say) has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
