"""Linear regression: a linear map to the targets."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import raw_inputs
from kzoo.zoo.heads import head
from kzoo.zoo.registry import register_model


@register_model("linear_regression", description="a linear map to the targets, no hidden layer", kinds=("regression",))
def linear_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = raw_inputs(task)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, head(x, task), name="linear_regression")
