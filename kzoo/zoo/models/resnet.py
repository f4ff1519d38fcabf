"""Residual network: stages of residual blocks, then the average over the map."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import BLOCK, FILTERS, conv_block, dropout, raw_inputs, residual_block
from kzoo.zoo.heads import head
from kzoo.zoo.hyperparameters import Int
from kzoo.zoo.registry import register_model


@register_model(
    "resnet",
    space=(
        FILTERS,
        Int(name="stages", low=1, high=4, default=3, priority=3, help="stages, each half as high and wide as the last"),
        Int(name="blocks", low=1, high=3, default=1, priority=3, help="residual blocks of each stage"),
        *BLOCK,
    ),
    description="residual blocks in stages, then the average over the map",
    images_only=True,
    # A rate that is high at first and falls to nothing: at a constant one, batch norm's statistics swing to the end.
    training={"adam/learning_rate": {"default": 3e-3}, "decay": {"default": "cosine"}},
)
def resnet(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = raw_inputs(task)
    x = conv_block(x, values["filters"], values, name="stem")
    for stage in range(values["stages"]):
        for block in range(values["blocks"]):
            x = residual_block(
                x,
                values["filters"] * 2**stage,
                values,
                name=f"stage_{stage + 1}_block_{block + 1}",
                strides=2 if stage and not block else 1,
            )
    x = keras.layers.GlobalAveragePooling2D(name="average_pooling")(x)
    x = dropout(x, values, name="top")
    return keras.Model(inputs, head(x, task), name="resnet")
