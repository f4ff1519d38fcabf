"""Linear regression: a linear map to the targets."""

from __future__ import annotations

from typing import Any

from kzoo.blocks import raw_inputs
from kzoo.heads import head
from kzoo.lazy import keras
from kzoo.registry import register_model
from kzoo.task import Task


@register_model("linear_regression", description="a linear map to the targets, no hidden layer", kinds=("regression",))
def linear_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = raw_inputs(task)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, head(x, task), name="linear_regression")
