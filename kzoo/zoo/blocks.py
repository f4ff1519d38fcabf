"""What models are built of: raw inputs, and layers with batch norm before or after the activation.

The bias of a layer that batch norm follows directly is dropped, and only then: the mean that batch norm subtracts would
cancel it, and its beta takes the bias's place.

References:
    Ioffe and Szegedy, 2015: Batch Normalization. He et al., 2015: Deep Residual Learning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.hyperparameters import Choice, Float, Hyperparameter, Int, When

Values = Mapping[str, Any]

BLOCK: tuple[Hyperparameter, ...] = (
    Choice(
        name="norm",
        values=("before", "after", "none"),
        default="before",
        priority=3,
        help="batch norm before the activation, after it, or none",
    ),
    Choice(
        name="activation",
        values=("relu", "gelu", "silu", "tanh"),
        default="relu",
        priority=3,
        help="activation of the hidden layers",
    ),
    Float(
        name="dropout",
        low=0.0,
        high=0.5,
        below=1.0,
        default=0.0,
        priority=3,
        help="share of units dropped in training",
    ),
    Float(
        name="batch_norm/one_minus_momentum",
        low=1e-3,
        high=0.5,
        scale="log",
        default=0.1,
        priority=4,
        help="weight of the newest batch in the running mean and variance",
        when=When("norm", ("before", "after")),
    ),
    Float(
        name="batch_norm/epsilon",
        low=1e-5,
        high=1e-1,
        scale="log",
        default=1e-3,
        priority=4,
        help="added to the variance",
        when=When("norm", ("before", "after")),
    ),
)


def block(*, norm: str, activation: str, dropout: float) -> tuple[Hyperparameter, ...]:
    """`BLOCK` with other defaults; an activation that is not among its values is one more."""
    norms, activations, rate, *others = BLOCK
    assert isinstance(activations, Choice)
    values = tuple(dict.fromkeys((activation, *activations.values)))
    return (
        dataclasses.replace(norms, default=norm),
        dataclasses.replace(activations, default=activation, values=values),
        dataclasses.replace(rate, default=dropout),
        *others,
    )


FILTERS = Int(
    name="filters",
    low=8,
    high=64,
    scale="log",
    # Kernels of convolutions and batch norm work on four or eight channels at a time: others cost more than
    # the next power of two.
    factor=2,
    default=16,
    priority=2,
    help="filters of the first stage; each next one has twice as many",
)


def raw_inputs(task: Task) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of a model, as the data come, and the same normalised by the training set's mean and variance.

    Args:
        task: The task.

    Returns:
        The raw input [batch, *task.input_shape] of dtype task.input_dtype, and a float tensor of the same shape.
    """
    inputs = keras.Input(task.input_shape, dtype=task.input_dtype, name="inputs")
    return inputs, normalized(inputs, task)


def normalized(x: keras.KerasTensor, task: Task) -> keras.KerasTensor:
    """Raw inputs, or the first entries of their last axis, normalised by the training set's mean and variance."""
    count = x.shape[-1]
    mean, variance = list(task.input_mean[:count]), list(task.input_variance[:count])
    return keras.layers.Normalization(mean=mean, variance=variance, name="input_normalization")(x)


def dense_block(x: keras.KerasTensor, units: int, values: Values, *, name: str) -> keras.KerasTensor:
    """A dense layer with its activation, batch norm and dropout.

    Args:
        x: Input [batch, features].
        units: Number of units.
        values: Hyperparameters that apply: those of `BLOCK`.
        name: Prefix of the layers' names.

    Returns:
        A tensor [batch, units].
    """
    dense = keras.layers.Dense(
        units, use_bias=values["norm"] != "before", kernel_initializer=_initializer(values), name=f"{name}_dense"
    )
    return dropout(activated(dense(x), values, name=name), values, name=name)


def conv_block(
    x: keras.KerasTensor, filters: int, values: Values, *, name: str, kernel_size: int = 3, strides: int = 1
) -> keras.KerasTensor:
    """A convolution with its activation and batch norm.

    Args:
        x: Input [batch, height, width, channels].
        filters: Number of filters.
        values: Hyperparameters that apply: those of `BLOCK`.
        name: Prefix of the layers' names.
        kernel_size: Height and width of the kernel, in pixels.
        strides: Step in both directions, in pixels.

    Returns:
        A tensor [batch, ceil(height / strides), ceil(width / strides), filters].
    """
    conv = _convolution(filters, kernel_size, strides, values, use_bias=values["norm"] != "before", name=name)
    return activated(conv(x), values, name=name)


def residual_block(
    x: keras.KerasTensor, filters: int, values: Values, *, name: str, strides: int = 1
) -> keras.KerasTensor:
    """Two convolutions and a shortcut, which is a 1 x 1 convolution where the shape changes.

    Batch norm "before" stands before both activations, the second of which follows the sum, and on a shortcut that is
    projected. "after" stands after both activations, so that the convolutions summed keep their biases.

    Args:
        x: Input [batch, height, width, channels].
        filters: Number of filters.
        values: Hyperparameters that apply: those of `BLOCK`.
        name: Prefix of the layers' names.
        strides: Step of the first convolution and the shortcut, in pixels.

    Returns:
        A tensor [batch, ceil(height / strides), ceil(width / strides), filters].
    """
    before = values["norm"] == "before"
    y = conv_block(x, filters, values, name=f"{name}_1", strides=strides)
    y = _convolution(filters, 3, 1, values, use_bias=not before, name=f"{name}_2")(y)
    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = _convolution(filters, 1, strides, values, use_bias=not before, name=f"{name}_shortcut")(x)
        if before:
            shortcut = _batch_norm(values, name=f"{name}_shortcut")(shortcut)
    if before:
        y = _batch_norm(values, name=f"{name}_2")(y)
    y = keras.layers.Add(name=f"{name}_sum")([y, shortcut])
    y = keras.layers.Activation(values["activation"], name=f"{name}_activation")(y)
    return _batch_norm(values, name=name)(y) if values["norm"] == "after" else y


def activated(x: keras.KerasTensor, values: Values, *, name: str) -> keras.KerasTensor:
    """The activation of x, with batch norm before it, after it or not at all.

    Args:
        x: A tensor of any shape; channels last.
        values: Hyperparameters that apply: those of `BLOCK`.
        name: Prefix of the layers' names.

    Returns:
        A tensor of the same shape.
    """
    if values["norm"] == "before":
        x = _batch_norm(values, name=name)(x)
    x = keras.layers.Activation(values["activation"], name=f"{name}_activation")(x)
    return _batch_norm(values, name=name)(x) if values["norm"] == "after" else x


def dropout(x: keras.KerasTensor, values: Values, *, name: str) -> keras.KerasTensor:
    """Dropout of x, or x itself where the rate is 0.

    Args:
        x: A tensor of any shape.
        values: Hyperparameters that apply: `dropout`, the rate in [0, 1).
        name: Prefix of the layer's name.

    Returns:
        A tensor of the same shape.
    """
    rate = values["dropout"]
    return keras.layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x


def _initializer(values: Values) -> str:
    return "glorot_uniform" if values["activation"] == "tanh" else "he_normal"


def _convolution(
    filters: int, kernel_size: int, strides: int, values: Values, *, use_bias: bool, name: str
) -> keras.Layer:
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_initializer(values),
        name=f"{name}_conv",
    )


def _batch_norm(values: Values, *, name: str) -> keras.Layer:
    return keras.layers.BatchNormalization(
        momentum=1 - values["batch_norm/one_minus_momentum"],
        epsilon=values["batch_norm/epsilon"],
        name=f"{name}_norm",
    )
