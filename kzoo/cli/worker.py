"""A worker of `kzoo search --workers`: python -m kzoo.cli.worker RUN ENGINE."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Train what the parent sends."""
    from tuners.parallel.channel import use_cores

    use_cores()
    from kzoo.cli.quiet import import_tensorflow
    from kzoo.cli.run import Run
    from kzoo.cli.search import make_tuner

    import_tensorflow()
    from tuners.parallel.worker import serve_trials

    directory, engine = Path(sys.argv[1]), sys.argv[2]
    run = Run.read(directory)
    data = run.load_data()
    tuner = make_tuner(run.hypermodel(), run, directory, trials=None, engine=engine)
    tuner.oracle.verbose = 0
    serve_trials(
        tuner, data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), epochs=run.epochs, verbose=0
    )


if __name__ == "__main__":
    main()
