"""Embeddings: all that are concatenated are looked up at once, in one flat array.

Keras hands its optimizers the gradient of an embedding as one slice for each number that was looked up. Sums of slices
are taken where gradients are added, but Adam and RMSprop square slice by slice: a row that was looked up several times
in a step adds the sum of the squares to its moving average, not the square of the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.kernels import Gradients, Kernel


class Positions(Kernel):
    """Where in the flat array of some tables the rows of codes begin, [rows, ..., tables].

    Args:
        shapes: Of the tables, each [codes, width].
    """

    fixed = True

    def __init__(self, shapes: Sequence[tuple[int, int]]) -> None:
        self._shapes = shapes

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`.

        Args:
            *inputs: Codes [rows, ...] of each table; of several tables, one a row.
            training: Has no influence.

        Raises:
            Declined: There is a code that its table does not have.
        """
        found, start = [], 0
        for x, (codes, width) in zip(inputs, self._shapes, strict=True):
            with np.errstate(invalid="ignore"):
                ids = x.astype(np.intp)
            if not 0 <= ids.min(initial=0) <= ids.max(initial=0) < codes:
                raise Declined(f"an embedding is given other codes than 0 to {codes - 1}")
            found.append((ids if len(inputs) == 1 else ids.reshape(len(ids))) * width + start)
            start += codes * width
        return np.stack(found, axis=-1)


class Lookup(Kernel):
    """keras.layers.Embedding, or several one beside the other.

    Args:
        widths: Of the tables.

    Attributes:
        squares: Sum of the squares of the gradients of each look-up, flat as the tables are; None where not wanted.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self.widths = tuple(widths)
        self.squares: NDArray[Any] | None = None
        self._table = np.repeat(np.arange(len(widths)), widths)
        self._within = np.concatenate([np.arange(width) for width in widths])

    def bind(self, flat: NDArray[Any], slope: NDArray[Any]) -> None:
        """Have tables one after the other, and room for their gradients, in the place of `weights` and `gradients`."""
        self._flat, self._slope = flat, slope

    def forward(self, *inputs: NDArray[Any], training: bool) -> NDArray[Any]:
        """See `Kernel`.

        Args:
            *inputs: Of `Positions`.
            training: Has no influence.
        """
        starts = inputs[0] if len(self.widths) == 1 else inputs[0][..., self._table]
        self._taken = starts + self._within
        taken: NDArray[Any] = self._flat[self._taken]
        return taken

    def backward(self, gradient: NDArray[Any], *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        taken, each = self._taken.ravel(), gradient.ravel()
        self._slope[...] = np.bincount(taken, each, len(self._slope))
        if self.squares is not None:
            self.squares[...] = np.bincount(taken, each * each, len(self._slope))
        return ()
