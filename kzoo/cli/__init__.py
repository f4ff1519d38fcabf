"""The `kzoo` command: one file per command, on top of `kzoo` and `tuners`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script; see `kzoo.cli.app.main`."""
    try:
        # What it imports takes most of the first second, in which people find their typing mistakes.
        from kzoo.cli import app
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    app.main()
