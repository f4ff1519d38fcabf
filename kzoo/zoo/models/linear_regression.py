"""Linear regression: a linear map to the targets."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.heads import head
from kzoo.zoo.registry import register_model
from kzoo.zoo.rows import row_inputs


@register_model("linear_regression", description="a linear map to the targets, no hidden layer", kinds=("regression",))
def linear_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    # As many numbers for a code as there are outputs: no wider table gives other answers.
    inputs, x = row_inputs(task, task.num_targets)
    return keras.Model(inputs, head(x, task), name="linear_regression")
