"""The zoo's families as hypermodels for keras-tuner."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np

from kzoo.task import Task
from kzoo.zoo.creation import compiled
from kzoo.zoo.heads import metric_names
from kzoo.zoo.optimizers import ENDS_WITH_TRAINING, create_optimizer, learning_rate_schedule
from kzoo.zoo.registry import Family, get_family
from kzoo.zoo.spaces import Space, asked_space, tunable_values

if TYPE_CHECKING:
    import keras


class ZooHyperModel(keras_tuner.HyperModel):
    """A family of models with its hyperparameters to tune, usable under every keras-tuner tuner.

    Make one with `create_hypermodel`.

    Attributes:
        family: The family.
        task: What the models have to learn.
        space: The hyperparameters, with the ranges asked for.
        fixed: Values by full name that are not tuned.
        priority: Highest priority number that is tuned.
        epochs: Epochs that learning-rate decay is laid out for, where the tuner neither sets `tuner/epochs` (Hyperband)
            nor trains for others.
        metrics: Names of the metrics that are reported beside those of every model of the task.
        balance: Whether every class weighs the same in training, however many rows it has.
    """

    def __init__(
        self,
        family: Family,
        task: Task,
        space: Space,
        fixed: Mapping[str, Any],
        priority: int,
        epochs: int,
        metrics: Sequence[str] = (),
        balance: bool = False,
    ) -> None:
        super().__init__(name=family.name)
        self.family = family
        self.task = task
        self.space = space
        self.fixed = dict(fixed)
        self.priority = priority
        self.epochs = epochs
        self.metrics = tuple(metrics)
        self.balance = balance

    def of_task(self, task: Task) -> ZooHyperModel:
        """The same for another task of the kind; a copy of a keras-tuner hypermodel would build with the original."""
        return type(self)(
            *(self.family, task, self.space, self.fixed, self.priority, self.epochs, self.metrics, self.balance)
        )

    @property
    def priorities(self) -> dict[str, int]:
        """Priorities of the hyperparameters that are tuned, by full name, 1 (tune first) to 4."""
        hp = keras_tuner.HyperParameters()
        self.values(hp)
        return {each.name: self.space[each.name].priority for each in hp.space}

    def values(self, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """The values that apply in a trial, registering what is tuned.

        Args:
            hp: The hyperparameters of the trial.

        Returns:
            Values by full name, defaults and fixed ones included.
        """
        return tunable_values(hp, self.space, priority=self.priority, fixed=self.fixed)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model for a trial.

        Args:
            hp: The hyperparameters of the trial.

        Returns:
            A compiled Keras model.
        """
        epochs = hp.values.get("tuner/epochs", self.epochs)
        return compiled(self.family, self.task, self.values(hp), epochs=epochs, metrics=self.metrics)

    def for_rows(self, rows: int) -> ZooHyperModel:
        """The same for another number of training rows, by which learning-rate decay is laid out."""
        return self.of_task(dataclasses.replace(self.task, train_rows=rows))

    @property
    def only_fits(self) -> bool:
        """Whether `fit` is a call of `model.fit` and nothing else, as fast tuners ask."""
        return type(self).fit is ZooHyperModel.fit

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train the model of a trial with its batch size, and with weights of the classes where these are balanced.

        Args:
            hp: The hyperparameters of the trial.
            model: What `build` returned.
            *args: Arguments of `model.fit`.
            **kwargs: Arguments of `model.fit`; a `batch_size` among them gives way to the trial's.

        Returns:
            What `model.fit` returns.
        """
        values = self.values(hp)
        self._lay_out(hp, values, model, kwargs.get("epochs"))
        given = {**kwargs, "batch_size": values["batch_size"]}
        if self.balance and "class_weight" not in given:
            given["class_weight"] = balanced_weights(args[1] if len(args) > 1 else given.get("y"))
        return model.fit(*args, **given)

    def _lay_out(
        self, hp: keras_tuner.HyperParameters, values: Mapping[str, Any], model: keras.Model, epochs: int | None
    ) -> None:
        """Have the decay reach its end in the epochs that are trained, whatever was said when the model was built."""
        said = hp.values.get("tuner/epochs", self.epochs)
        if epochs in (None, said) or values["decay"] not in ENDS_WITH_TRAINING:
            return
        rows = self.task.train_rows
        built, now = create_optimizer(values, train_rows=rows, epochs=said).get_config(), model.optimizer.get_config()
        # The tuner may have put another optimizer in its place.
        if {**built, "name": ""} == {**now, "name": ""}:
            model.optimizer.learning_rate = learning_rate_schedule(values, train_rows=rows, epochs=epochs)


def balanced_weights(y: Any) -> dict[int, float]:
    """Weights by class id with which every class counts the same: rows / (classes x rows of the class).

    Args:
        y: Class ids [rows].

    Raises:
        ValueError: It is no array of class ids.
    """
    ids = np.asarray(y) if y is not None else np.empty(0)
    if ids.dtype.kind not in "iu" or ids.size != len(ids) or not ids.size:
        raise ValueError("balance=True needs y as an array of class ids, one for each row.")
    classes, counts = np.unique(ids, return_counts=True)
    weights = ids.size / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def create_hypermodel(
    name: str,
    task: Task,
    *,
    priority: int = 3,
    fixed: Mapping[str, Any] | None = None,
    ranges: Mapping[str, Mapping[str, Any]] | None = None,
    epochs: int = 20,
    metrics: Sequence[str] = (),
    balance: bool = False,
) -> ZooHyperModel:
    """A hypermodel of a family, for `tuners.CoarseToFineSearch` or any keras-tuner tuner.

    Args:
        name: Name of a family, one of `list_models()`.
        task: What the models have to learn.
        priority: Highest priority number to tune, 1 (the learning rate only) to 4 (everything).
        fixed: Values not to tune, by full or short name: {"optimizer": "adam", "momentum": 0.9}.
        ranges: Fields of declarations to change, by full or short name: {"units": {"low": 8, "high": 64}}. What is
            named here is tuned whatever its priority.
        epochs: Epochs of a trial, which learning-rate decay is laid out for; where a search trains for others, those
            count.
        metrics: Metrics to report beside those that cost nothing, so that they can be the objective of a search: "auc",
            "pr_auc", "f1" and "balanced_accuracy" for classes, "r2" for numbers; see `task.objectives`.
        balance: Whether every class weighs the same in training, however many rows it has.

    Returns:
        The hypermodel.

    Raises:
        ValueError: A name or value is wrong, a fixed value has no effect, or the family cannot learn the task.
    """
    if priority not in (1, 2, 3, 4):
        raise ValueError(f"priority is {priority!r}; expected 1 (the learning rate only), 2, 3 or 4 (everything).")
    family = get_family(name)
    family.check_task(task)
    if balance and task.kind != "classification":
        raise ValueError(f"balance is for classes; the task is {task.kind}.")
    space, settled = asked_space(family.space_for(task), priority=priority, fixed=fixed or {}, ranges=ranges or {})
    return ZooHyperModel(family, task, space, settled, priority, epochs, metric_names(task, metrics), balance)
