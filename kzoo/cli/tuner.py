"""The tuner of a run: made by `kzoo search`, by its worker processes and by the nodes of a cluster."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import bad_argument, mendable
from kzoo.cli.run import Run

if TYPE_CHECKING:
    from tuners import CoarseToFineSearch

KEPT = 10
"""Trials whose weights are kept, for `kzoo export --top` and `--trial`."""

MAKER = "kzoo.cli.tuner:make"
"""What a node of a cluster makes its tuner by."""

WORKER = "kzoo.cli.worker"
"""The module that a worker process runs."""


def make_tuner(
    hypermodel: Any, asked: Run, directory: Path, *, trials: int | None, engine: str, prune: bool = False
) -> CoarseToFineSearch:
    """The tuner of a run.

    Args:
        hypermodel: The run's hypermodel.
        asked: The run.
        directory: Its directory.
        trials: Trials in all; None in a worker, which does not count them.
        engine: Name of the engine.
        prune: Whether trials that fall behind end early.

    Raises:
        Failure: The directory holds a search that cannot be taken up.
    """
    import keras_tuner

    import tuners

    direction = asked.task.objectives[asked.objective]
    path = directory.absolute()
    # keras-tuner says that it reloads; the command says what it takes up itself.
    silent = contextlib.redirect_stdout(io.StringIO())
    with mendable(tuners.JournalError, OSError), bad_argument(), silent:
        return tuners.CoarseToFineSearch(
            hypermodel,
            objective=keras_tuner.Objective(asked.objective, direction),
            max_trials=trials,
            seed=asked.seed,
            directory=str(path.parent),
            project_name=path.name,
            engine=engine,
            keep_checkpoints=KEPT,
            pruning=tuners.SuccessiveHalving() if prune else None,
        )


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

    import_tensorflow()
    run = Run.read(Path(directory))
    tuner = make_tuner(run.hypermodel(), run, Path(directory), trials=int(trials), engine=engine, prune=bool(prune))
    tuner.oracle.verbose = 0

    def load() -> tuple[tuple, dict[str, Any]]:
        data = run.load_data()
        validation = (data.x_val, data.y_val)
        return (data.x_train, data.y_train), {"validation_data": validation, "epochs": run.epochs, "verbose": 0}

    return tuner, load
