"""keras.layers.EinsumDense as products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.kernels import Gradients, Kernel


class Einsum(Kernel):
    """The product of inputs and a kernel after an equation such as "bnf,nfo->bno".

    An axis is in both and in the output, or it is summed over, or the output has it of one of the two. Arranged so, the
    product is one of matrices [kept of the inputs, summed] and [summed, kept of the kernel].

    Args:
        equation: Of `numpy.einsum`.

    Raises:
        Declined: An axis is only in one of the three, or twice in one.
    """

    def __init__(self, equation: str) -> None:
        given, output = equation.split("->")
        axes = (*given.split(","), output)
        if len(axes) != 3 or any(len(set(each)) < len(each) or not each.isalpha() for each in axes):
            raise Declined(f"the equation {equation} is not one of plain axes")
        x, w, y = axes
        shared, summed = [a for a in y if a in x and a in w], [a for a in x if a in w and a not in y]
        of_x, of_w = ([a for a in each if a in y and a not in shared] for each in (x, w))
        if len(shared) + len(summed) + len(of_x) != len(x) or len(shared) + len(summed) + len(of_w) != len(w):
            raise Declined(f"the equation {equation} sums over an axis of one alone")
        self._x = _Arranged(x, shared, of_x, summed)
        self._w = _Arranged(w, shared, summed, of_w)
        self._y = _Arranged(y, shared, of_x, of_w)

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        self._left, self._right = self._x.matrices(inputs[0]), self._w.matrices(self.weights[0])
        sizes = {**self._x.sizes(self._shape), **self._w.sizes(self.weights[0].shape)}
        return self._y.array(self._left @ self._right, sizes)

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        slope = self._y.matrices(gradient)
        shape = self.weights[0].shape
        self.gradients[0][...] = self._w.array(self._left.swapaxes(-1, -2) @ slope, self._w.sizes(shape))
        if not wanted:
            return ()
        return (self._x.array(slope @ self._right.swapaxes(-1, -2), self._x.sizes(self._shape)),)


class _Arranged:
    """An array as matrices.

    Args:
        axes: Of the array, by letter.
        shared: Those that number the matrices.
        rows: Those that are rows.
        columns: Those that are columns.
    """

    def __init__(self, axes: str, shared: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> None:
        self._axes, self._parts = axes, (shared, rows, columns)
        self._order = [axes.index(each) for part in self._parts for each in part]
        self._back = np.argsort(self._order)

    def sizes(self, shape: Sequence[int]) -> dict[str, int]:
        return dict(zip(self._axes, shape, strict=True))

    def matrices(self, x: NDArray[Any]) -> NDArray[Any]:
        sizes, (shared, rows, columns) = self.sizes(x.shape), self._parts
        lengths = [math.prod(sizes[each] for each in part) for part in (rows, columns)]
        return x.transpose(self._order).reshape(*(sizes[each] for each in shared), *lengths)

    def array(self, matrices: NDArray[Any], sizes: dict[str, int]) -> NDArray[Any]:
        return matrices.reshape([sizes[each] for part in self._parts for each in part]).transpose(self._back)
