"""The tuner of a run: made by `kzoo search`, by its worker processes and by the nodes of a cluster."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import bad_argument, mendable
from kzoo.cli.effort import Effort
from kzoo.cli.run import Run
from tuners.store.journal import FILE as JOURNAL

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from tuners import CoarseToFineSearch

KEPT = 10
"""Trials whose weights are kept, for `kzoo export --top` and `--trial`."""

MAKER = "kzoo.cli.tuner:make"
"""What a node of a cluster makes its tuner by."""

WORKER = "kzoo.cli.worker"
"""The module that a worker process runs."""


def make_tuner(
    hypermodel: Any,
    asked: Run,
    data: Dataset,
    directory: Path,
    effort: Effort,
    initial: Sequence[Mapping[str, Any]] = (),
) -> CoarseToFineSearch:
    """The tuner of a run.

    Args:
        hypermodel: The run's hypermodel.
        asked: The run.
        data: Its data.
        directory: Its directory.
        effort: How it is run.
        initial: Values to try first.

    Raises:
        Failure: The directory holds a search that cannot be taken up.
    """
    import keras_tuner

    import tuners

    path = directory.absolute()
    # keras-tuner says that it reloads; the command says what it takes up itself.
    silent = contextlib.redirect_stdout(io.StringIO())
    with mendable(tuners.JournalError, OSError), bad_argument(), silent:
        return tuners.CoarseToFineSearch(
            hypermodel,
            objective=keras_tuner.Objective(asked.objective, asked.better),
            max_trials=effort.trials,
            max_time=effort.max_time,
            patience=effort.patience,
            reruns=effort.reruns,
            initial=initial,
            # A search that goes on has kept what it knew.
            earlier=None if (directory / JOURNAL).exists() else asked.earlier,
            learn_from=() if (directory / JOURNAL).exists() else asked.learn_from,
            folds=data.folds(asked.folds, seed=asked.seed) if asked.folds and data.groups is not None else asked.folds,
            executions_per_trial=asked.executions,
            max_model_size=asked.max_weights,
            trial_time_limit=effort.trial_timeout,
            seed=asked.seed,
            directory=str(path.parent),
            project_name=path.name,
            engine=effort.engine,
            keep_checkpoints=KEPT,
            pruning=tuners.MedianStopping() if effort.prune else None,
        )


def make(directory: str, effort: str) -> tuple[Any, Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]]:
    """The tuner of a run, and what gives the arguments of `model.fit`.

    Args:
        directory: The run directory.
        effort: How it is run, as `Effort.to_json` writes it.
    """
    from kzoo.cli.quiet import import_tensorflow

    import_tensorflow()
    run = Run.read(Path(directory))
    data = run.load_data()
    how = Effort.from_json(effort)
    tuner = make_tuner(run.hypermodel(), run, data, Path(directory), how)
    tuner.oracle.verbose = 0
    return tuner, lambda: fit_arguments(run, data, how)


def fit_arguments(asked: Run, data: Dataset, effort: Effort) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of `model.fit`; folds are made of training and validation rows together."""
    options: dict[str, Any] = {"epochs": asked.epochs, "verbose": 0}
    if effort.tensorboard is not None:
        import keras

        # Without the graph, which only `model.fit` can write.
        options["callbacks"] = [keras.callbacks.TensorBoard(effort.tensorboard, write_graph=False)]
    if asked.folds is None:
        return (data.x_train, data.y_train), {"validation_data": (data.x_val, data.y_val), **options}
    import numpy as np

    return (np.concatenate([data.x_train, data.x_val]), np.concatenate([data.y_train, data.y_val])), options
