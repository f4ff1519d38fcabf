"""What trains the trials of `kzoo search` in other processes: python -m kzoo.cli.worker RUN ENGINE TRIALS [prune]."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuners.parallel.worker_pipe import use_cores

MAKER = "kzoo.cli.worker:make"


def make(
    directory: str, engine: str, trials: str, prune: str = ""
) -> tuple[Any, Callable[[], tuple[tuple, dict[str, Any]]]]:
    """The tuner of a run, and what gives the arguments of `model.fit`.

    Args:
        directory: The run directory.
        engine: Name of the engine.
        trials: Trials in all.
        prune: "prune" where trials that fall behind end early.
    """
    from kzoo.cli.quiet import import_tensorflow
    from kzoo.cli.run import Run
    from kzoo.cli.search import make_tuner

    import_tensorflow()
    run = Run.read(Path(directory))
    tuner = make_tuner(run.hypermodel(), run, Path(directory), trials=int(trials), engine=engine, prune=bool(prune))
    tuner.oracle.verbose = 0

    def load() -> tuple[tuple, dict[str, Any]]:
        data = run.load_data()
        validation = (data.x_val, data.y_val)
        return (data.x_train, data.y_train), {"validation_data": validation, "epochs": run.epochs, "verbose": 0}

    return tuner, load


def main() -> None:
    """Train what the parent sends."""
    use_cores()
    tuner, load = make(*sys.argv[1:])
    args, kwargs = load()
    from tuners.parallel.worker import serve_trials

    serve_trials(tuner, *args, **kwargs)


if __name__ == "__main__":
    main()
