"""What a user asks to be searched, before the data are known."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kzoo.cli import arguments, understood
from kzoo.cli.console import bad_argument
from kzoo.cli.run import Run, digest_of, is_own
from kzoo.cli.source import Source
from kzoo.zoo.registry import Family, get_family
from kzoo.zoo.spaces import fixed_values

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from kzoo.task import Task


@dataclasses.dataclass(frozen=True)
class Wish:
    """See `Run` for the fields."""

    model: str
    epochs: int
    seed: int
    objective: str | None
    priority: int
    fixed: dict[str, Any]
    ranges: dict[str, dict[str, Any]]
    folds: int | None
    executions: int
    earlier: Path | None
    learn_from: tuple[str, ...]
    max_weights: int | None
    balance: bool

    def check(self) -> tuple[Family | None, dict[str, str]]:
        """The family, where the model is one of the zoo's, and the lines about the model.

        Raises:
            BadParameter: A name or a value is wrong.
        """
        if is_own(self.model):
            return None, {"model": self.model}
        with bad_argument(hint="MODEL"):
            family = get_family(self.model)
        arguments.check_space(family.space, priority=self.priority, fixed=self.fixed, ranges=self.ranges)
        return family, {"model": f"{self.model}, {family.description}"}

    def tuned(self, family: Family, task: Task) -> dict[str, str]:
        """The lines about what is tuned of a family on a task.

        Raises:
            BadParameter: The family cannot learn it, or a name or a value is wrong.
        """
        with bad_argument(hint="MODEL"):
            family.check_task(task)
        asked = family.space_for(task)
        space = arguments.check_space(asked, priority=self.priority, fixed=self.fixed, ranges=self.ranges)
        settled = fixed_values(space, self.fixed, priority=self.priority)
        return understood.of_space(space, priority=self.priority, fixed=settled, ranges=self.ranges)

    def run(self, source: Source, data: Dataset, own_metrics: list[str] | None) -> Run:
        """The search on the data.

        Args:
            source: Where they come from.
            data: The data.
            own_metrics: What a model of the user's own records, or None for one of the zoo's.

        Raises:
            BadParameter: The objective is not recorded.
        """
        if self.balance and data.task.kind != "classification":
            raise typer.BadParameter(f"is for classes; the task is {data.task.kind}.", param_hint="--balance")
        if own_metrics is None:
            with bad_argument(hint="--objective"):
                usual = "balanced_accuracy" if self.balance else data.task.objective
                name = data.task.objective_named(self.objective or usual)
            direction = data.task.objectives[name]
        else:
            name, direction = _own_objective(self.objective, own_metrics, data.task)
        own = is_own(self.model)
        return Run(
            model=str(Path(self.model).absolute()) if own else self.model,
            data=source,
            fingerprint=data.fingerprint,
            task=data.task,
            epochs=self.epochs,
            seed=self.seed,
            objective=name,
            priority=self.priority,
            fixed=self.fixed,
            ranges=self.ranges,
            versions=library_versions(),
            folds=self.folds,
            executions=self.executions,
            earlier=str(self.earlier.absolute()) if self.earlier else None,
            learn_from=self.learn_from,
            max_weights=self.max_weights,
            direction="" if direction == data.task.objectives.get(name) else direction,
            constant=None if own_metrics and name == "val_loss" else understood.constant_score(data, name),
            code=digest_of(self.model) if own else "",
            balance=self.balance,
            family=own_metrics is None,
        )


def _own_objective(asked: str | None, metrics: list[str], task: Task) -> tuple[str, str]:
    """The objective of a model of the user's own, and which way it is better.

    Raises:
        BadParameter: It is not recorded, or nobody knows which way it is better.
    """
    known = {f"val_{name}": _direction(f"val_{name}", task.objectives) for name in metrics}
    name, _, way = (asked or "").partition(":")
    name = name or (task.objective if task.objective in known else "val_loss")
    if name not in known or way not in ("", "min", "max"):
        raise typer.BadParameter(f"{asked!r} is not recorded; there are {', '.join(known)}.", param_hint="--objective")
    if not (way or known[name]):
        raise typer.BadParameter(
            f"is more of {name} better or less? Say it: --objective {name}:max or {name}:min.", param_hint="--objective"
        )
    return name, way or known[name]


def _direction(metric: str, known: dict[str, str]) -> str:
    """Which way a metric is better; "" where that is not known."""
    from keras_tuner.engine.metrics_tracking import infer_metric_direction

    return known.get(metric) or infer_metric_direction(metric) or ""


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide what a search finds."""
    return {name: importlib.metadata.version(name) for name in ("kzoo", "tensorflow", "keras", "keras-tuner", "numpy")}
