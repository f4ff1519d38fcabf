"""Softmax regression: a classifier with no hidden layer."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import raw_inputs
from kzoo.zoo.heads import head
from kzoo.zoo.registry import register_model


@register_model(
    "softmax_regression", description="a softmax over linear scores, no hidden layer", kinds=("classification",)
)
def softmax_regression(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = raw_inputs(task)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, head(x, task), name="softmax_regression")
