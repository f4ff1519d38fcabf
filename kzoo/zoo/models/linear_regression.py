"""Linear regression: a linear map to the targets."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.heads import head
from kzoo.zoo.registry import register_model
from kzoo.zoo.rows import row_inputs


@register_model(
    "linear_regression",
    description="a linear map to the targets, no hidden layer",
    kinds=("regression",),
    # With zero weights to begin with and one minimum to find, a rate at which 20 epochs of a small table suffice.
    training={"adam/learning_rate": {"default": 1e-2}},
)
def linear_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    # As many numbers for a code as there are outputs: no wider table gives other answers.
    inputs, x = row_inputs(task, task.num_targets)
    return keras.Model(inputs, head(x, task, initializer="zeros"), name="linear_regression")
