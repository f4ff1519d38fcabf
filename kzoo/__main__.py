"""`python -m kzoo` is the `kzoo` command."""

from kzoo.cli import main

main()
