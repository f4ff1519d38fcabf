"""Multilayer perceptron: dense layers of one width."""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import BLOCK, dense_block
from kzoo.zoo.heads import head
from kzoo.zoo.hyperparameters import Int
from kzoo.zoo.registry import register_model
from kzoo.zoo.rows import EMBEDDING, row_inputs


@register_model(
    "mlp",
    space=(
        Int(name="units", low=16, high=512, scale="log", default=128, priority=2, help="units of each hidden layer"),
        Int(name="layers", low=1, high=4, default=2, priority=3, help="hidden layers"),
        *BLOCK,
        EMBEDDING,
    ),
    # Better on most tables of `tests/benchmarks/tables.py` than a constant rate of 1e-3.
    training={"adam/learning_rate": {"default": 3e-3}, "decay": {"default": "cosine"}},
    description="dense layers of one width, each with batch norm and dropout",
)
def mlp(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = row_inputs(task, values.get("embedding_width", 0))
    for layer in range(1, values["layers"] + 1):
        x = dense_block(x, values["units"], values, name=f"hidden_{layer}")
    return keras.Model(inputs, head(x, task), name="mlp")
