"""The model card of a trial that is exported: everything that the command knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kzoo
from kzoo.cli.run import Run
from kzoo.cli.shown import shown_name, shown_value

if TYPE_CHECKING:
    from kzoo.export import ModelCard
    from tuners import TrialRecord


def model_card(
    asked: Run, run: Path, trial: TrialRecord, data: kzoo.Dataset, metrics: Mapping[str, Mapping[str, Any]]
) -> ModelCard:
    """The card of a trial's model.

    Args:
        asked: The search.
        run: Its directory.
        trial: The trial.
        data: The data of the search.
        metrics: Metrics of its model by split and name.
    """
    task = asked.task
    aim = f"one of {task.num_classes} classes" if task.num_classes else f"{task.num_targets} number(s)"
    best = "" if trial.best_epoch is None else f", weights of epoch {trial.best_epoch} of {asked.epochs}"
    return kzoo.ModelCard(
        description=f"Predicts {aim} from {task.input_dtype} {list(task.input_shape)}, learnt from {data.name}.",
        family=asked.model,
        hyperparameters={shown_name(name): shown_value(name, value) for name, value in trial.values.items()},
        training=f"trial {trial.number} of the search {run.name}, seed {asked.seed}{best}",
        data=kzoo.DataCard.of(data),
        metrics=metrics,
    )
