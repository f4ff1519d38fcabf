"""Softmax regression: a classifier with no hidden layer."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.heads import head
from kzoo.zoo.registry import register_model
from kzoo.zoo.rows import row_inputs


@register_model(
    "softmax_regression",
    description="a softmax over linear scores, no hidden layer",
    kinds=("classification",),
    # See linear_regression.
    training={"adam/learning_rate": {"default": 3e-2}},
)
def softmax_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    # As many numbers for a code as there are outputs: no wider table gives other answers.
    inputs, x = row_inputs(task, task.num_classes)
    return keras.Model(inputs, head(x, task, initializer="zeros"), name="softmax_regression")
