"""The `kzoo` command: one file per command, on top of `kzoo` and `tuners`."""

from kzoo.cli.app import main

__all__ = ["main"]
