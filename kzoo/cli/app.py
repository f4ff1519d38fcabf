"""The `kzoo` command and how it ends: 0 on success, 2 on bad arguments, 1 on failure, 130 when interrupted."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from kzoo.cli import audit, check, compare, data, export, models, predict, report, search, serve, versions
from kzoo.cli.console import Failure, print_line, printable, warn
from kzoo.version import __version__

NAME = "kzoo"

FIND, SERVE = "Find a model", "Serve it"
"""Panels of the help."""


# Newer typers bring their own click; both have this for a base of what they raise.
_ClickException: Any = typer.BadParameter.__mro__[2]


class _Commands(TyperGroup):
    """The commands, whose bad arguments are told in one line that can be read whatever the width of the screen."""

    def main(self, *args: Any, **options: Any) -> Any:
        """See `click.Command.main`."""
        try:
            # The code of what was raised to exit, or None.
            code = super().main(*args, **{**options, "prog_name": NAME, "standalone_mode": False})
        except _ClickException as error:
            _refuse(error)
        except typer.Abort:
            raise KeyboardInterrupt from None
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(error: Any) -> NoReturn:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else NAME
    message = printable(" ".join(error.format_message().split()))
    warn(f"Error: {message}{'' if message.endswith(('.', '?')) else '.'} See {path} --help.")
    sys.exit(error.exit_code)


app = typer.Typer(
    name=NAME,
    cls=_Commands,
    epilog="Example: kzoo search mlp --data digits --trials 10",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)
app.command("data", rich_help_panel=FIND)(data.data)
app.command("models", rich_help_panel=FIND)(models.models)
app.command("search", rich_help_panel=FIND)(search.search)
app.command("report", rich_help_panel=FIND)(report.report)
app.command("audit", rich_help_panel=FIND)(audit.audit)
app.command("compare", rich_help_panel=FIND)(compare.compare)
app.command("export", rich_help_panel=SERVE)(export.export)
app.command("check", rich_help_panel=SERVE)(check.check)
app.command("predict", rich_help_panel=SERVE)(predict.predict)
app.command("serve", rich_help_panel=SERVE)(serve.serve)
app.command("promote", rich_help_panel=SERVE)(versions.promote)
app.command("prune", rich_help_panel=SERVE)(versions.prune)


def _print_version(asked: bool) -> None:
    if asked:
        print_line(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Tune Keras models at random from coarse to fine, and serve the best with TensorFlow Serving."""
    if context.invoked_subcommand is None:
        print_line(context.get_help())


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
