"""What commands print on, and the errors that a user can mend."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rich.console
import typer

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""Codes for colours, which messages of Keras have."""

NOTEBOOK = "JPY_PARENT_PID"
"""Environment variable of the commands that the cells of a notebook call."""


class Failure(Exception):
    """An error that the user can mend: printed as one line, with exit code 1."""


def console(*, stderr: bool = False, quiet: bool = False, soft_wrap: bool = False) -> rich.console.Console:
    """Where results are printed; no colours or highlighting in what another program reads.

    The cell of a notebook looks like a terminal to a command, and cannot move its cursor up: bars that are drawn anew
    ten times a second would stand there a thousand times.
    """
    in_a_cell = False if NOTEBOOK in os.environ else None
    return rich.console.Console(
        highlight=False, stderr=stderr, quiet=quiet, soft_wrap=soft_wrap, force_terminal=in_a_cell
    )


def warn(message: str) -> None:
    """Print a line for people on standard error."""
    console(stderr=True, soft_wrap=True).print(message, markup=False)


def print_line(text: str) -> None:
    """Print a text on standard output as it is."""
    console().print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, on standard output, with nothing else there."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


@contextlib.contextmanager
def bad_argument(hint: str | None = None) -> Iterator[None]:
    """Turn a `ValueError` into the refusal of an argument, with exit code 2.

    Args:
        hint: Name of the argument, such as "--data".
    """
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


@contextlib.contextmanager
def mendable(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors into a `Failure`, but for the reader of standard output that has seen enough."""
    try:
        yield
    except BrokenPipeError:
        raise
    except errors as error:
        raise Failure(describe(error)) from None


def command(*parts: str | Path) -> str:
    """A command as it is typed into a shell."""
    return shlex.join(map(str, parts))


def describe(error: BaseException) -> str:
    """An error as one line: files by their name and what the system said of them."""
    if isinstance(error, OSError) and error.filename is not None:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(" ".join(COLOURS.sub("", str(error)).split()))


def printable(text: str) -> str:
    """A text without what a terminal would take for an order, such as an escape code in the name of a file."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
