"""Convolutional network: convolutions with pooling between, then a dense layer."""

from __future__ import annotations

import math
from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import BLOCK, FILTERS, conv_block, dense_block, dropout, raw_inputs
from kzoo.zoo.heads import head
from kzoo.zoo.hyperparameters import Choice, Int
from kzoo.zoo.registry import register_model

# A larger map is averaged down to this before the dense layer, whose weights would else outgrow the convolutions'.
LARGEST_MAP = 8


@register_model(
    "convnet",
    space=(
        FILTERS,
        Int(name="units", low=16, high=256, scale="log", default=64, priority=2, help="units of the dense layer"),
        Int(name="stages", low=1, high=4, default=2, priority=3, help="convolutions, each followed by 2 x 2 pooling"),
        *BLOCK,
        Choice(
            name="kernel_size", values=(3, 5), ordered=True, default=3, priority=4, help="side of a kernel, in pixels"
        ),
    ),
    description="convolutions with pooling between, then a dense layer",
    images_only=True,
)
def convnet(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = raw_inputs(task)
    for stage in range(values["stages"]):
        name = f"stage_{stage + 1}"
        filters = values["filters"] * 2**stage
        x = conv_block(x, filters, values, name=name, kernel_size=values["kernel_size"])
        x = keras.layers.MaxPooling2D(padding="same", name=f"{name}_pooling")(x)
        x = dropout(x, values, name=name)
    if max(x.shape[1:3]) > LARGEST_MAP:
        size = [math.ceil(side / LARGEST_MAP) for side in x.shape[1:3]]
        x = keras.layers.AveragePooling2D(size, padding="same", name="average_pooling")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = dense_block(x, values["units"], values, name="hidden")
    return keras.Model(inputs, head(x, task), name="convnet")
