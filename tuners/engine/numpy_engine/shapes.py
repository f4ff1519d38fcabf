"""Kernels that compute nothing: they reshape, cut and join."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import Gradients, Kernel


class Reshape(Kernel):
    """keras.layers.Flatten and Reshape.

    Args:
        shape: Of what an example becomes.
    """

    fixed = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._to = shape

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        return inputs[0].reshape(len(inputs[0]), *self._to)

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient.reshape(self._shape),)


class Slice(Kernel):
    """`x[key]`.

    Args:
        key: What is taken of each example, after a slice that takes all examples.
    """

    fixed = True

    def __init__(self, key: tuple[Any, ...]) -> None:
        self._key = key

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        cut: NDArray[Any] = inputs[0][self._key]
        return cut

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        if not wanted:
            return ()
        whole = np.zeros(self._shape, np.float32)
        whole[self._key] = gradient
        return (whole,)


class Concatenate(Kernel):
    """keras.layers.Concatenate over the last axis.

    Args:
        shapes: Of what the layer takes, without the rows.

    Attributes:
        shapes: Likewise; some of it may come in one array.
    """

    fixed = True

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self.shapes = shapes

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._ends = [0, *itertools.accumulate(each.shape[-1] for each in inputs)]
        return np.concatenate(inputs, axis=-1)

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return tuple(gradient[..., start:end] for start, end in itertools.pairwise(self._ends))
