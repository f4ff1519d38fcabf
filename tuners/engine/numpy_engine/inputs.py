"""Data with the first layers applied, once for all trials that have the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.data import LARGEST
from tuners.engine.numpy_engine.fixed import Fixed


class Inputs:
    """Arrays after the fixed layers that models begin with, such as the normalisation of inputs.

    The newest is kept, and of those before it as many as `LARGEST` bytes hold.
    """

    def __init__(self) -> None:
        # The array is kept beside its result: an id that is free may be given to another array.
        self._known: dict[tuple[Any, ...], tuple[NDArray, NDArray]] = {}

    def after(self, prefix: Sequence[Fixed], x: NDArray) -> NDArray:
        """What the first layers of a model make of its inputs.

        Args:
            prefix: The layers.
            x: Inputs [rows, ...].

        Returns:
            An array [rows, ...] in float32.
        """
        key = (id(x), *(kernel.key() for kernel in prefix))
        if key not in self._known:
            value = x
            for kernel in prefix:
                value = kernel.apply(value)
            value = value.astype(np.float32, copy=False)
            while self._known and value.nbytes + sum(known.nbytes for _, known in self._known.values()) > LARGEST:
                del self._known[next(iter(self._known))]
            self._known[key] = (x, value)
        return self._known[key][1]
