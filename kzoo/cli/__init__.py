"""The `kzoo` command: one file per command, on top of `kzoo` and `tuners`."""

import math
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script; see `kzoo.cli.app.main`."""
    within_the_quota()
    try:
        # What it imports takes most of the first second, in which people find their typing mistakes.
        from kzoo.cli import app
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    app.main()


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
