"""TabM: a multilayer perceptron of several members that share all hidden layers, for tables.

It is the small form of the paper ("TabM-mini"): each member scales the inputs in its own way and has its own outputs.

References:
    Gorishniy, Kotelnikov and Babenko, 2025: TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling
    (ICLR).
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
    "tabm",
    space=(
        Int(name="units", low=32, high=512, scale="log", default=128, priority=2, help="units of each hidden layer"),
        Int(name="layers", low=1, high=4, default=2, priority=3, help="hidden layers"),
        Int(name="members", low=4, high=32, scale="log", factor=2, default=16, priority=4, help="networks in one"),
        *block(norm="none", activation="mish", dropout=0.1),
        WAVES,
        EMBEDDING,
    ),
    training={
        "adam/learning_rate": {"default": 8e-3},
        "adam/one_minus_beta_2": {"default": 0.05},
        "batch_size": {"default": 64},
        "weight_decay": {"default": 2e-2},
        "decay": {"default": "cosine"},
    },
    description="several networks in one that share their hidden layers, after TabM, for tables",
)
def tabm(task: Task, values: dict[str, Any]) -> keras.Model:
    """See the module."""
    from kzoo.zoo.members import MeanOfMembers, MembersModel

    inputs, x = wave_inputs(task, values.get("embedding_width", 0), values["frequency_scale"])
    x = keras.layers.EinsumDense(
        "bi,mi->bmi",
        (values["members"], x.shape[1]),
        kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
        name="member_scales",
    )(x)
    for layer in range(1, values["layers"] + 1):
        x = dense_block(x, values["units"], values, name=f"hidden_{layer}")
    return MembersModel(inputs, MeanOfMembers(name="mean")(head(x, task)), name="tabm")
