"""What trains the trials of `kzoo search` in other processes: python -P -m kzoo.cli.worker RUN EFFORT."""

from __future__ import annotations

import sys

from kzoo.cli.tuner import make
from tuners.parallel.worker_pipe import use_cores


def main() -> None:
    """Train what the parent sends."""
    use_cores()
    tuner, load = make(*sys.argv[1:])
    args, kwargs = load()
    from tuners.parallel.worker import serve_trials

    serve_trials(tuner, *args, **kwargs)


if __name__ == "__main__":
    main()
