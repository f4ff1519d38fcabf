"""The winner of a search trained again, on training and validation rows together.

The search has chosen by the validation rows; once it has, they are more to learn from. But what it has found is the
best epoch of one run of many, and the same epoch of another run is worse: on most tables the last weights of a plain
refit lose to the search's own. So the epochs are found by a rehearsal, and the weights are the mean of the last ones.

References:
    Izmailov et al., 2018: Averaging Weights Leads to Wider Optima and Better Generalization. Here the rate stays as the
    search has chosen it, and the statistics of batch norm are averaged as well.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kzoo.lazy import keras
from kzoo.zoo.ensemble import averaged

if TYPE_CHECKING:
    import keras_tuner

    from kzoo.datasets import Dataset

WINDOW = 5
"""Epochs at the end whose weights are averaged."""

REHEARSAL_SEED = 0
"""Of the rehearsal; refits have others."""


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """What a refit would give, as far as rows that it has not been trained on can tell.

    Attributes:
        epochs: Epochs after which the validation loss was least.
        loss: That loss.
    """

    epochs: int
    loss: float


@dataclasses.dataclass(frozen=True)
class Retrained:
    """A model that has learned the validation rows too.

    Attributes:
        model: The model, compiled.
        epochs: Epochs that it was trained for.
        rehearsed: Validation loss of the rehearsal.
        found: Validation loss of the search's own weights, or None where there were none to compare with.
    """

    model: keras.Model
    epochs: int
    rehearsed: float
    found: float | None

    @property
    def with_found(self) -> bool:
        """Whether the search's own weights answer too."""
        return self.found is not None and self.rehearsed > self.found


def retrain(
    hypermodel: keras_tuner.HyperModel,
    values: Mapping[str, Any],
    data: Dataset,
    *,
    epochs: int,
    best_epoch: int = 1,
    seeds: Sequence[int] = (1,),
    found: keras.Model | None = None,
) -> Retrained:
    """Train a configuration again on all rows but those of the test, for as long as a rehearsal says.

    Where the rehearsal is worse than what the search has found, the search was lucky with its run, and training again
    would lose that luck: the two are averaged then.

    Args:
        hypermodel: What builds the model, as in the search.
        values: Values of the hyperparameters, such as `TrialRecord.values`.
        data: The data.
        epochs: Epochs of the search.
        best_epoch: The trial's best one, which it is trained for at least.
        seeds: A seed for each model, whose answers are averaged.
        found: The model of the search, with its own weights; None where validation rows say nothing of it.

    Returns:
        The model, and how it came about.

    Raises:
        ValueError: An argument is out of range.
        FloatingPointError: Training diverges.
    """
    rehearsal = rehearse(hypermodel, values, data, epochs=epochs)
    needed = max(rehearsal.epochs, best_epoch)
    model = refit(hypermodel, values, data, epochs=needed, seeds=seeds)
    if found is None:
        return Retrained(model, needed, rehearsal.loss, None)
    loss = float(found.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)["loss"])
    if rehearsal.loss > loss:
        model = averaged([found, model], [1 / (len(seeds) + 1), len(seeds) / (len(seeds) + 1)])
    return Retrained(model, needed, rehearsal.loss, loss)


def rehearse(hypermodel: keras_tuner.HyperModel, values: Mapping[str, Any], data: Dataset, *, epochs: int) -> Rehearsal:
    """Train a configuration as `refit` does, but on the training rows alone, to see how long and how well.

    Args:
        hypermodel: What builds the model, as in the search.
        values: Values of the hyperparameters, such as `TrialRecord.values`.
        data: The data.
        epochs: Epochs at most, those of the search, >= 1.

    Returns:
        The epochs to refit for, and the validation loss to compare with that of the search's own weights.

    Raises:
        ValueError: The epochs are out of range.
    """
    losses: list[float] = []

    def look(model: keras.Model) -> None:
        found = model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)["loss"]
        losses.append(found if np.isfinite(found) else np.inf)

    _trained(hypermodel, values, data.x_train, data.y_train, epochs=epochs, seed=REHEARSAL_SEED, look=look)
    best = int(np.argmin(losses))
    return Rehearsal(best + 1, losses[best])


def refit(
    hypermodel: keras_tuner.HyperModel,
    values: Mapping[str, Any],
    data: Dataset,
    *,
    epochs: int,
    seeds: Sequence[int] = (1,),
) -> keras.Model:
    """Train a configuration again on all rows but those of the test.

    The weights are the mean of those after the last `WINDOW` epochs. With several seeds the models' answers are
    averaged in one. The best of them could not be chosen: no rows are left to choose by but the test's, which then
    would say nothing any more.

    Args:
        hypermodel: What builds the model, as in the search; learning-rate decay is laid out for as many epochs.
        values: Values of the hyperparameters, such as `TrialRecord.values`.
        data: The data.
        epochs: Epochs to train, such as those that `rehearse` finds, >= 1.
        seeds: A seed for each model, without repeats.

    Returns:
        A compiled model that takes raw inputs.

    Raises:
        ValueError: An argument is out of range.
        FloatingPointError: Training diverges: a weight is no finite number.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {list(seeds)!r}; expected at least one, without repeats.")
    x, y = np.concatenate([data.x_train, data.x_val]), np.concatenate([data.y_train, data.y_val])
    # More rows are more steps in an epoch, and learning-rate decay is to go by epochs.
    laid_out = getattr(hypermodel, "for_rows", lambda rows: hypermodel)(len(x))
    models = []
    for seed in seeds:
        model = _trained(laid_out, values, x, y, epochs=epochs, seed=seed)
        if not all(np.isfinite(each).all() for each in model.get_weights()):
            raise FloatingPointError(
                f"Training again with seed {seed} diverged within {epochs} epochs; take the search's own weights "
                "(without --refit), or another seed."
            )
        models.append(model)
    return averaged(models)


def _trained(
    hypermodel: keras_tuner.HyperModel,
    values: Mapping[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    seed: int,
    look: Callable[[keras.Model], None] | None = None,
) -> keras.Model:
    """A model with the mean of its last weights; `look` is shown it after every epoch with the mean up to there."""
    import keras_tuner

    if epochs < 1:
        raise ValueError(f"epochs is {epochs!r}; expected 1 or more.")
    keras.utils.set_random_seed(seed)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    model = hypermodel.build(hp)
    last: collections.deque[list[np.ndarray]] = collections.deque(maxlen=WINDOW)

    def at_end(epoch: int, logs: Any = None) -> None:
        last.append(model.get_weights())
        if look is not None:
            model.set_weights(_mean(last))
            look(model)
            model.set_weights(last[-1])
        model.stop_training = epoch + 1 >= epochs

    remember = keras.callbacks.LambdaCallback(on_epoch_end=at_end)
    # Told of the epochs of the search, since learning-rate decay was laid out for those.
    planned = max(epochs, getattr(hypermodel, "epochs", epochs))
    hypermodel.fit(hp, model, x, y, epochs=planned, verbose=0, callbacks=[remember])
    model.set_weights(_mean(last))
    return model


def _mean(weights: Sequence[list[np.ndarray]]) -> list[np.ndarray]:
    """The mean of each array; whole numbers, such as the seeds of dropout, are those of the last."""
    return [
        np.mean(arrays, axis=0, dtype=arrays[-1].dtype) if arrays[-1].dtype.kind == "f" else arrays[-1]
        for arrays in zip(*weights, strict=True)
    ]
