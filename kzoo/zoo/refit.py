"""The winner of a search trained again, on training and validation rows together.

The search has chosen by the validation rows; once it has, they are more to learn from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kzoo.lazy import keras
from kzoo.zoo.ensemble import averaged

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from kzoo.zoo.hypermodel import ZooHyperModel


def refit(
    hypermodel: ZooHyperModel, values: Mapping[str, Any], data: Dataset, *, epochs: int, seeds: Sequence[int] = (1,)
) -> keras.Model:
    """Train a configuration again on all rows but those of the test.

    With several seeds the models' answers are averaged in one. The best of them could not be chosen: no rows are left
    to choose by but the test's, which then would say nothing any more.

    Args:
        hypermodel: What builds the model, as in the search; learning-rate decay is laid out for as many epochs.
        values: Values of the hyperparameters, such as `TrialRecord.values`.
        data: The data.
        epochs: Epochs to train, such as the trial's best epoch, >= 1.
        seeds: A seed for each model, without repeats.

    Returns:
        A compiled model that takes raw inputs.

    Raises:
        ValueError: An argument is out of range.
    """
    if epochs < 1:
        raise ValueError(f"epochs is {epochs!r}; expected 1 or more.")
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {list(seeds)!r}; expected at least one, without repeats.")
    x, y = np.concatenate([data.x_train, data.x_val]), np.concatenate([data.y_train, data.y_val])
    laid_out = _laid_out(hypermodel, len(x))
    members = [_trained(laid_out, values, x, y, epochs=epochs, seed=seed) for seed in seeds]
    return averaged(members)


def _laid_out(hypermodel: ZooHyperModel, rows: int) -> ZooHyperModel:
    """The hypermodel for more rows: they are more steps in an epoch, and learning-rate decay is to go by epochs."""
    task = dataclasses.replace(hypermodel.task, train_rows=rows)
    return hypermodel.of_task(task)


def _trained(
    hypermodel: ZooHyperModel, values: Mapping[str, Any], x: np.ndarray, y: np.ndarray, *, epochs: int, seed: int
) -> keras.Model:
    import keras_tuner

    keras.utils.set_random_seed(seed)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    model = hypermodel.build(hp)
    hypermodel.fit(hp, model, x, y, epochs=epochs, verbose=0)
    return model
