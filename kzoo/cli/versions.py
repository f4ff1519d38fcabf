"""`kzoo promote NAME VERSION` and `kzoo prune NAME`: which versions of an export are served, and which go."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Annotated

import typer

from kzoo import serving
from kzoo.cli import arguments
from kzoo.cli.console import Failure, console, mendable, print_json, warn
from kzoo.serving.replicas import LOCAL

UNREAD = re.compile(r"https://|(http://)?(localhost|127\.[\d.]+|\[::1\])([:/]|$)", re.IGNORECASE)
"""Addresses to which nobody reads a token on the way."""


def promote(
    name: arguments.ExportName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version.")],
    label: Annotated[str, typer.Option(help="The label: stable, canary, or a word of your own.")] = "stable",
    to: arguments.Exports = arguments.EXPORTS,
    host: Annotated[str, typer.Option(help="Where the running server is.")] = "127.0.0.1",
    rest_port: Annotated[int, typer.Option(min=1, max=65535, help="Its REST port.")] = 8501,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT|URL", help="REST API of a running server; once per replica."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="KZOO_TOKEN", show_envvar=True, help="Bearer token that the servers ask for.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Wait until the servers answer under the label with it.")
    ] = 0.0,
    as_json: arguments.Json = False,
) -> None:
    """Give a label to a version, once the running server has loaded it.

    Example: kzoo promote digits 2 --label canary --wait 60
    """
    here = f"[{host}]:{rest_port}" if ":" in host else f"{host}:{rest_port}"
    servers = server or (None if here == LOCAL else [here])
    readable = [each for each in servers or () if not UNREAD.match(each)]
    if token and readable:
        warn(f"The token can be read on the way to {', '.join(readable)}; https://HOST encrypts it.")
    say = warn if as_json else functools.partial(console().print, markup=False, soft_wrap=True)
    with mendable(serving.ServingError, OSError):
        found = serving.promote(to / name, version, label, servers=servers, token=token, wait=wait, tell=say)
    if as_json:
        print_json(dataclasses.asdict(found))
    elif found.left:
        say(found.left)
    else:
        say(f"\nAsk for it at /v1/models/{name}/labels/{label}:predict")
    if found.left and wait:
        raise Failure(f"Version {version} does not answer under {label} after {wait:g} seconds.")


def prune(
    name: arguments.ExportName,
    keep: Annotated[int, typer.Option(min=1, help="Newest versions that stay.")] = 3,
    to: arguments.Exports = arguments.EXPORTS,
    as_json: arguments.Json = False,
) -> None:
    """Remove old exports; the newest stay, those with a label, and what had one until a minute ago.

    Example: kzoo prune digits --keep 3
    """
    with mendable(serving.ServingError, OSError):
        gone = serving.prune(to / name, keep)
    if as_json:
        print_json(gone)
    else:
        console().print(f"removed: {', '.join(map(str, gone)) or 'nothing'}", markup=False)
