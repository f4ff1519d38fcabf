"""Compiled models from names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kzoo.task import Task
from kzoo.zoo import heads
from kzoo.zoo.optimizers import create_optimizer
from kzoo.zoo.registry import Family, get_family
from kzoo.zoo.spaces import resolve_values

if TYPE_CHECKING:
    import keras


def create_model(name: str, task: Task, *, epochs: int = 20, **hyperparameters: Any) -> keras.Model:
    """A compiled Keras model, with every hyperparameter that is not given at its default.

    Args:
        name: Name of a family, one of `list_models()`.
        task: What it has to learn, such as `load_dataset("digits").task`.
        epochs: Epochs that the learning-rate decay is laid out for; without decay it has no effect.
        **hyperparameters: Values by name, as `kzoo models NAME` lists them. `learning_rate` and `momentum` stand for
            those of the chosen optimizer; names with a slash go in through `**{"batch_norm/epsilon": 1e-4}`.

    Returns:
        A compiled model that takes raw inputs [batch, *task.input_shape].

    Raises:
        ValueError: The name or a hyperparameter is not known, a value is wrong or has no effect, or the family cannot
            learn the task.
    """
    family = get_family(name)
    family.check_task(task)
    return compiled(family, task, resolve_values(family.space_for(task), hyperparameters), epochs=epochs)


def compiled(
    family: Family, task: Task, values: Mapping[str, Any], *, epochs: int, metrics: Sequence[str] = ()
) -> keras.Model:
    """The compiled model of a family for the values of the hyperparameters that apply; see `heads.metrics`."""
    model = family.builder(task, dict(values))
    model.compile(
        optimizer=create_optimizer(values, train_rows=task.train_rows, epochs=epochs),
        loss=heads.loss(task),
        metrics=heads.metrics(task, metrics),
    )
    return model
