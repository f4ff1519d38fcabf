"""`kzoo check MODEL_DIR`: is an export still what was published?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import Failure, console, mendable, print_json, printable
from kzoo.cli.limits import ends_after
from kzoo.cli.quiet import import_tensorflow
from kzoo.serving import ServingError
from kzoo.serving.strays import problems_beside


def check(
    model_dir: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="An export, or the directory with its versions (all are checked).")
    ],
    trust: arguments.Trust = False,
    timeout: arguments.Timeout = arguments.TIMEOUT,
    as_json: arguments.Json = False,
) -> None:
    """Check that an export is whole and answers as when it was published.

    Example: kzoo check saved_models/digits
    """
    import_tensorflow()
    with mendable(kzoo.ExportError, ServingError, OSError), ends_after(timeout):
        found = kzoo.check(model_dir, trust=trust)
        beside = problems_beside(model_dir)
    shown = {**found, model_dir: beside} if beside else found
    if as_json:
        print_json({str(path): problems for path, problems in shown.items()})
    else:
        for path, problems in shown.items():
            for line in problems or ["whole, and answers as when it was published"]:
                console().print(f"{path}: {printable(line)}", markup=False, soft_wrap=True)
    wrong = [str(version) for version, problems in found.items() if problems]
    if wrong:
        raise Failure(f"{', '.join(wrong)}: not fit to serve; export the model again, or copy the version anew.")
    if beside:
        raise Failure(f"{model_dir}: its versions are fit to serve, but a server stumbles over what is beside them.")
