"""The `kzoo` command: one file per command, on top of `kzoo` and `tuners`."""

import math
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script; see `kzoo.cli.app.main`."""
    within_the_quota()
    without_a_notebook()
    try:
        # What it imports takes most of the first second, in which people find their typing mistakes.
        from kzoo.cli import app
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    app.main()


def without_a_notebook() -> None:
    """Forget where a notebook draws: a command that is called from its cells does not, and may not have what it takes.

    Keras imports matplotlib where it is, which raises on a backend that is not installed beside it.
    """
    if os.environ.get("MPLBACKEND", "").startswith("module://"):
        del os.environ["MPLBACKEND"]


def within_the_quota() -> None:
    """Have no more threads compute than a container lets run; whoever has said how many is left alone.

    TensorFlow and BLAS begin one for each core of the machine, and a container whose quota is used up stops them all.
    """
    from tuners.cgroups import cpu_quota
    from tuners.machine import THREADS, available_cores

    quota = cpu_quota()
    if quota is not None and quota < len(available_cores()):
        for name in THREADS:
            os.environ.setdefault(name, str(math.ceil(quota)))
