"""What a model has to learn: the shape of its inputs and what it answers with."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from kzoo.tables.encoding import TableEncoding

TaskKind = Literal["classification", "regression", "multi-label"]

ALIASES = {
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "log_loss": "loss",
    "roc_auc": "auc",
    "average_precision": "pr_auc",
    "acc": "accuracy",
    "f1_macro": "f1",
}
"""Other names of metrics."""

KINDS: tuple[TaskKind, ...] = ("classification", "regression", "multi-label")


@dataclasses.dataclass(frozen=True)
class Task:
    """A learning task, as much of a data set as a model builder needs to know.

    The statistics are those of the training split only; a model carries them inside, so that it takes raw inputs.

    Attributes:
        kind: "classification" (softmax over the classes), "multi-label" (each label is given or not) or "regression".
        input_shape: Shape of one example, without the batch dimension: (features,) or (height, width, channels).
        input_dtype: numpy name of the dtype that raw inputs come in, "float32" or "uint8".
        class_names: One name per class or label, in the order of the integer labels; empty for regression.
        num_targets: Number of regression targets; 1 for classes and labels.
        train_rows: Number of training examples, in rows; learning-rate schedules are laid out by it.
        input_mean: Mean of each entry of the last input axis, in raw units; 0 for codes.
        input_variance: Variance of each entry of the last input axis, in raw units squared, all > 0; 1 for codes.
        target_mean: Mean of each regression target, or of its logarithm; empty for classification.
        target_scale: Standard deviation of the same, all > 0; empty for classification.
        log_target: Whether it is the logarithm of the targets that is learned; answers are in their units all the same.
        feature_names: Names of the numbers of a row of tabular data, or empty.
        table: How the columns of a table become those numbers; None where the inputs are numbers by themselves.
    """

    kind: TaskKind
    input_shape: tuple[int, ...]
    input_dtype: str
    train_rows: int
    input_mean: tuple[float, ...]
    input_variance: tuple[float, ...]
    class_names: tuple[str, ...] = ()
    num_targets: int = 1
    target_mean: tuple[float, ...] = ()
    target_scale: tuple[float, ...] = ()
    log_target: bool = False
    feature_names: tuple[str, ...] = ()
    table: TableEncoding | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Task.kind is {self.kind!r}; expected one of {', '.join(map(repr, KINDS))}.")
        if self.kind != "regression" and len(self.class_names) < 2:
            raise ValueError(f"A {self.kind} task needs at least 2 class names, got {self.class_names!r}.")
        if not self.input_shape or not all(isinstance(size, int) for size in self.input_shape):
            raise ValueError(f"Task.input_shape is {str(self.input_shape)[:80]}; expected whole numbers.")
        channels = self.input_shape[-1]
        if len(self.input_mean) != channels or len(self.input_variance) != channels:
            raise ValueError(
                f"Task.input_mean and input_variance need {channels} values each, one for each entry of the last "
                f"axis of input_shape {self.input_shape}; got {len(self.input_mean)} and {len(self.input_variance)}."
            )
        if min(self.input_variance) <= 0:
            raise ValueError("Task.input_variance must be positive everywhere; use 1 for a constant input.")
        if self.kind == "regression" and not (len(self.target_mean) == len(self.target_scale) == self.num_targets):
            raise ValueError(f"Task.target_mean and target_scale need {self.num_targets} values, one per target.")
        if self.log_target and self.kind != "regression":
            raise ValueError(f"Task.log_target is for regression, not for {self.kind}.")

    @property
    def num_classes(self) -> int:
        """Number of classes or labels; 0 for regression."""
        return len(self.class_names)

    @property
    def codes(self) -> tuple[int, ...]:
        """How many values each input has that is a code of a category; these are the last ones of a row."""
        return () if self.table is None else self.table.codes

    @property
    def is_image(self) -> bool:
        """Whether an example is (height, width, channels)."""
        return len(self.input_shape) == 3

    @property
    def objective(self) -> str:
        """The validation metric that a search should optimise unless told otherwise."""
        return "val_accuracy" if self.kind == "classification" else "val_loss"

    @property
    def objectives(self) -> dict[str, str]:
        """Validation metrics that a search can optimise, each with "min" or "max"."""
        if self.kind == "regression":
            errors = ("val_loss", "val_mean_absolute_error", "val_root_mean_squared_error")
            return {**dict.fromkeys(errors, "min"), "val_r2": "max"}
        more = (
            "val_auc",
            "val_pr_auc",
            "val_f1",
            *(["val_balanced_accuracy"] if self.kind == "classification" else []),
        )
        return {"val_accuracy": "max", "val_loss": "min", **dict.fromkeys(more, "max")}

    def objective_named(self, name: str) -> str:
        """The objective of a name as people use it: "val_auc", "auc", "rmse" or "log_loss".

        Raises:
            ValueError: There is none; the message has those that there are.
        """
        short = name.lower().replace("-", "_").removeprefix("val_")
        full = f"val_{ALIASES.get(short, short)}"
        if full not in self.objectives:
            raise ValueError(f"{name!r} is not recorded; there are {', '.join(self.objectives)}.")
        return full

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, as JSON takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Task:
        """The task that `to_dict` wrote.

        Args:
            values: What `to_dict` returned, possibly through JSON (lists in the place of tuples).

        Returns:
            The task.

        Raises:
            ValueError: A field is missing, unknown or does not fit the others.
        """
        try:
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
            if fields.get("table") is not None:
                fields["table"] = TableEncoding.from_dict(fields["table"])
            return cls(**fields)
        except (TypeError, IndexError) as error:
            raise ValueError(f"Not a description of a task: {error}") from None
