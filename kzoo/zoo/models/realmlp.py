"""RealMLP: a multilayer perceptron with numbers as waves, for tables.

Of the recipe of the paper stands what has made a difference within 25 epochs: waves of numbers beside the numbers,
embeddings of categories of many words, Mish, dropout, weight decay, Adam with a short memory of squared gradients, and
a learning rate that falls along a cosine. Left out since nothing was gained by it then: robust scaling with smooth
clipping, the learned scale of the inputs, the parametrisation of the neural tangent kernel with its factors of the
learning rate, label smoothing, and a learning rate that falls and rises again. Its schedules of dropout and weight
decay were not tried.

References:
    Holzmüller, Grinsztajn and Steinwart, 2024: Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular
    Data (NeurIPS). Misra, 2019: Mish.
"""

from __future__ import annotations

from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import block, dense_block
from kzoo.zoo.heads import head
from kzoo.zoo.hyperparameters import Int
from kzoo.zoo.registry import register_model
from kzoo.zoo.rows import EMBEDDING, WAVES, wave_inputs


@register_model(
    "realmlp",
    space=(
        Int(name="units", low=32, high=512, scale="log", default=256, priority=2, help="units of each hidden layer"),
        Int(name="layers", low=1, high=4, default=3, priority=3, help="hidden layers"),
        *block(norm="none", activation="mish", dropout=0.25),
        WAVES,
        EMBEDDING,
    ),
    training={
        "adam/learning_rate": {"default": 3e-3},
        "adam/one_minus_beta_2": {"default": 0.05},
        "batch_size": {"default": 64},
        "weight_decay": {"low": 1e-3, "high": 1.0, "default": 0.1},
        "decay": {"default": "cosine"},
    },
    description="dense layers over numbers as waves and embeddings, after RealMLP, for tables",
)
def realmlp(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    inputs, x = wave_inputs(task, values.get("embedding_width", 0), values["frequency_scale"])
    for layer in range(1, values["layers"] + 1):
        x = dense_block(x, values["units"], values, name=f"hidden_{layer}")
    return keras.Model(inputs, head(x, task), name="realmlp")
