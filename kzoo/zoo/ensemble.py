"""Several trained models as one: their answers averaged, each as often as it helps.

References:
    Caruana et al., 2004: Ensemble Selection from Libraries of Models. Models are taken one after another, any of them
    more than once, each time the one with which the mean is best on validation rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.lazy import keras
from kzoo.zoo import heads

if TYPE_CHECKING:
    from kzoo.datasets import Dataset

ROUNDS = 25
"""Models to take, counting repeats: weights are multiples of 4 % at the finest."""


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Models that answer together.

    Attributes:
        model: A compiled model that takes raw inputs and answers with the weighted mean.
        weights: The weight of each model given, in their order; they are 0 or more and sum to 1.
    """

    model: keras.Model
    weights: tuple[float, ...]


def ensemble(models: Sequence[keras.Model], data: Dataset, *, objective: str | None = None) -> Ensemble:
    """Average the models that are best together on the validation rows.

    The loss decides. On the validation rows the ensemble is never worse than the first model alone, neither by the loss
    nor by the objective: where no mean is better, it is that model.

    Args:
        models: Compiled models of the data's task, the best first, such as `get_best_models(5)` of a search.
        data: The data that they were trained on.
        objective: What they were chosen by, one of `data.task.objectives` or short, as "auc"; None for
            `data.task.objective`.

    Returns:
        The ensemble.

    Raises:
        ValueError: There is no model, or no such objective.
    """
    if not models:
        raise ValueError("models is empty; give at least one.")
    objective = data.task.objective_named(objective or data.task.objective)
    answers = np.stack([model.predict(data.x_val, verbose=0) for model in models])
    loss, score = _loss_and_score(models[0], data, objective)
    least, needed = loss(answers[0]), score(answers[0])
    for weights in candidates(answers, loss):
        mean = np.tensordot(weights, answers, axes=1)
        if loss(mean) <= least and score(mean) >= needed:
            break
    else:
        weights = np.eye(len(models))[0]
    chosen = [(model, weight) for model, weight in zip(models, weights.tolist(), strict=True) if weight]
    return Ensemble(averaged(*zip(*chosen, strict=True)), tuple(weights.tolist()))


def candidates(
    answers: NDArray[Any], loss: Callable[[NDArray[Any]], float], rounds: int = ROUNDS
) -> list[NDArray[Any]]:
    """Weights of a mean by greedy selection.

    Args:
        answers: Answers of each model [models, rows, ...], of the best first.
        loss: The loss of answers [rows, ...].
        rounds: Models to take, counting repeats.

    Returns:
        Weights [models] after each round, those of the lowest loss first. Among them is the first model alone.
    """
    counts, total = np.zeros(len(answers)), np.zeros_like(answers[0], dtype=np.float64)
    found = []
    for taken in range(1, rounds + 1):
        # The first is given: so that the others have to be better with it, or leave it alone.
        tried = [loss((total + each) / taken) for each in (answers if taken > 1 else answers[:1])]
        best = int(np.argmin(tried))
        counts[best] += 1
        total += answers[best]
        found.append((tried[best], taken, counts / taken))
    return [weights for _, _, weights in sorted(found, key=lambda each: each[:2])]


def averaged(members: Sequence[keras.Model], weights: Sequence[float] | None = None) -> keras.Model:
    """A model that answers with the mean of its members' answers, compiled as the first is.

    Args:
        members: Models of one task. Their names change: they become layers.
        weights: A weight of each, which sum to 1; None for the plain mean.

    Returns:
        The model; where there is one member, that member.
    """
    if len(members) == 1:
        return members[0]
    for number, member in enumerate(members, start=1):
        member.name = f"member_{number}"
    first = members[0]
    inputs = keras.Input(first.input_shape[1:], dtype=first.inputs[0].dtype, name="inputs")
    answers = [member(inputs) for member in members]
    if weights is None:
        mean = keras.layers.Average(name="mean")(answers)
    else:
        mean = keras.layers.Add(name="mean")([weight * answer for weight, answer in zip(weights, answers, strict=True)])
    model = keras.Model(inputs, mean, name="average")
    model.compile_from_config(first.get_compile_config())
    return model


def _loss_and_score(
    model: keras.Model, data: Dataset, objective: str
) -> tuple[Callable[[NDArray[Any]], float], Callable[[NDArray[Any]], float]]:
    """The loss of answers to the validation rows, and how good they are by the objective, more is better."""
    targets, name = keras.ops.convert_to_tensor(data.y_val), objective.removeprefix("val_")
    sign = 1 if data.task.objectives[objective] == "max" else -1

    def loss(answers: NDArray[Any]) -> float:
        answered = keras.ops.convert_to_tensor(answers, "float32")
        # Not the loss as it was given: by its name it would be one number for each row.
        return float(model.compute_loss(y=targets, y_pred=answered, training=False))

    def score(answers: NDArray[Any]) -> float:
        if name == "loss":
            return -loss(answers)
        metric = next(each for each in heads.metrics(data.task, [name]) if each.name == name)
        metric.update_state(targets, keras.ops.convert_to_tensor(answers, "float32"))
        return sign * float(metric.result())

    return loss, score
