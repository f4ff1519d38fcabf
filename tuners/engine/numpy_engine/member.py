"""A trial that the population engine trains, alone or with others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.optimizer import Rule
from tuners.engine.numpy_engine.program import Program
from tuners.engine.numpy_engine.scoring import Scoring
from tuners.engine.request import Request


@dataclasses.dataclass(frozen=True)
class Rows:
    """Examples as arrays.

    Attributes:
        x: Inputs [rows, ...], after the program's prefix.
        y: Targets [rows, ...].
        weights: [rows], or None.
    """

    x: NDArray
    y: NDArray
    weights: NDArray | None

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.y)

    def part(self, rows: Any) -> Rows:
        """Some of them, by their numbers or as a slice."""
        return Rows(self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows])


@dataclasses.dataclass(frozen=True)
class Member:
    """A trial that this engine can train.

    Attributes:
        request: What to train.
        program: Its model, written out.
        scoring: Its loss and metrics.
        rule: Its optimizer.
        training: What to train on.
        holdout: What to validate on, or None.
        batch_size: Examples in a step.
        epochs: How many.
        order: What the order of the batches is drawn from; None to go through the rows as they are.
        callbacks: Of the user.
    """

    request: Request
    program: Program
    scoring: Scoring
    rule: Rule
    training: Rows
    holdout: Rows | None
    batch_size: int
    epochs: int
    order: np.random.Generator | None
    callbacks: Sequence[Any]

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return math.ceil(self.training.count / self.batch_size)

    def next_order(self) -> NDArray:
        """Numbers of the rows in the order of the next epoch."""
        rows = self.training.count
        return np.arange(rows) if self.order is None else self.order.permutation(rows)
