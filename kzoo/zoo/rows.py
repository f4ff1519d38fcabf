"""What models of rows begin with: numbers normalised, codes looked up, and numbers as waves.

References:
    Gorishniy et al., 2022: On Embeddings for Numerical Features in Tabular Deep Learning. Holzmüller et al., 2024:
    Better by Default, for waves with a bias, to which the number itself is joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kzoo.lazy import keras
from kzoo.task import Task
from kzoo.zoo.blocks import normalized, raw_inputs
from kzoo.zoo.hyperparameters import Float, Int

EMBEDDING = Int(
    name="embedding_width",
    low=2,
    high=32,
    scale="log",
    default=8,
    priority=3,
    help="numbers that stand for a word of a category that has many",
    for_codes=True,
)

WAVES = Float(
    name="frequency_scale",
    low=0.03,
    high=3.0,
    scale="log",
    default=0.3,
    priority=3,
    help="spread of the frequencies of the waves that stand for a number, in waves per standard deviation",
)

FREQUENCIES, WAVE_WIDTH = 16, 3
"""Waves of a number, and the numbers that are made of them."""


def row_inputs(task: Task, width: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The input of a model, and what dense layers take: all numbers normalised, and for each code its embedding.

    Args:
        task: The task.
        width: Numbers that stand for a code; 1 or more.

    Returns:
        The raw input [batch, *task.input_shape], and a float tensor [batch, features].
    """
    inputs, numbers, embedded = _row_parts(task, width)
    return inputs, _joined([*numbers, *embedded])


def wave_inputs(task: Task, width: int, scale: float) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """As `row_inputs`, and beside the numbers that are more than 0 or 1 their waves.

    Args:
        task: The task.
        width: Numbers that stand for a code; 1 or more.
        scale: Standard deviation of the frequencies at first, in waves per standard deviation of a number.

    Returns:
        The raw input [batch, *task.input_shape], and a float tensor [batch, features].
    """
    inputs, numbers, embedded = _row_parts(task, width)
    places = _measured(task)
    waves = [_waves(numbers[0], places, scale)] if places else []
    return inputs, _joined([*numbers, *waves, *embedded])


def _row_parts(task: Task, width: int) -> tuple[keras.KerasTensor, list[keras.KerasTensor], list[keras.KerasTensor]]:
    """What `row_inputs` joins.

    Embeddings begin next to zero, and so stays that of a word which no training row has.

    Returns:
        The raw input; the numbers normalised [batch, numbers], where there are some; the embeddings [batch, width].
    """
    if not task.codes:
        inputs, x = raw_inputs(task)
        return inputs, [keras.layers.Flatten(name="flatten")(x)], []
    inputs = keras.Input(task.input_shape, dtype=task.input_dtype, name="inputs")
    count = task.input_shape[0] - len(task.codes)
    numbers = [normalized(inputs[:, :count], task)] if count else []
    embedded = [
        keras.layers.Embedding(size, width, name=f"embedding_{place + 1}")(inputs[:, count + place])
        for place, size in enumerate(task.codes)
    ]
    return inputs, numbers, embedded


def _joined(parts: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """Tensors [batch, some] side by side."""
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="features")(list(parts))


def _measured(task: Task) -> list[int]:
    """Which of the normalised numbers of a row are more than 0 or 1."""
    count = math.prod(task.input_shape) - len(task.codes)
    if task.table is None:
        return list(range(count))
    return [place for place, indicator in enumerate(task.table.indicators[:count]) if not indicator]


def _waves(numbers: keras.KerasTensor, places: Sequence[int], scale: float) -> keras.KerasTensor:
    """Numbers as linear maps of cosines of them, each with frequencies and maps of its own.

    Args:
        numbers: Normalised numbers [batch, numbers].
        places: Which of them, one at least.
        scale: Standard deviation of the frequencies at first, in waves per standard deviation of a number.

    Returns:
        A tensor [batch, len(places) * WAVE_WIDTH].
    """
    count = len(places)
    if count < numbers.shape[1]:
        numbers = keras.ops.take(numbers, list(places), axis=1)
    angles = keras.layers.EinsumDense(
        "bn,nf->bnf",
        (count, FREQUENCIES),
        bias_axes="nf",
        kernel_initializer=keras.initializers.RandomNormal(stddev=2 * math.pi * scale),
        bias_initializer=keras.initializers.RandomUniform(-math.pi, math.pi),
        name="wave_angles",
    )(numbers)
    mixed = keras.layers.EinsumDense(
        "bnf,nfo->bno",
        (count, WAVE_WIDTH),
        bias_axes="no",
        kernel_initializer=keras.initializers.RandomNormal(stddev=FREQUENCIES**-0.5),
        name="waves",
    )(keras.ops.cos(angles))
    return keras.layers.Flatten(name="waves_flat")(mixed)
