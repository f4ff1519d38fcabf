"""Members in step: one batch of each, at once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import some
from tuners.engine.numpy_engine.member import Member, Rows
from tuners.engine.numpy_engine.network import Network
from tuners.engine.numpy_engine.optimizer import Optimizer

HOLDOUT_BATCH = 256
"""Rows of each member that are validated at once; their number has no influence on the result."""


@dataclasses.dataclass(frozen=True)
class Crew:
    """Members in step.

    Attributes:
        network: What they compute.
        optimizer: How they learn.
        members: Themselves.
    """

    network: Network
    optimizer: Optimizer
    members: list[Member]

    def part(self, places: slice | list[int]) -> Crew:
        """Some of them: a slice shares its weights with these, a list has a copy of them."""
        network = self.network.part(places)
        return Crew(network, self.optimizer.part(places, network), some(self.members, places))

    @functools.cached_property
    def _alone(self) -> list[Crew]:
        """Each by itself, sharing its weights with these."""
        return [self.part(slice(place, place + 1)) for place in range(len(self.members))]

    def epoch(self, epoch: int) -> list[dict[str, float]]:
        """Train each on all its rows once, then validate it.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            Metrics by name of each.
        """
        scoring = self.members[0].scoring
        sums = self._train(epoch)
        logs = [scoring.results(each, member.training.count) for each, member in zip(sums, self.members, strict=True)]
        holdouts = [member.holdout for member in self.members if member.holdout is not None]
        if holdouts:
            for log, each, holdout in zip(logs, self._validate(holdouts), holdouts, strict=True):
                log |= {f"val_{name}": value for name, value in scoring.results(each, holdout.count).items()}
        return logs

    def _train(self, epoch: int) -> NDArray:
        """Train each on all its rows once; sums over them of loss and metrics [members, values]."""
        first = self.members[0]
        plan = self.optimizer.plan(epoch * first.steps, first.steps)
        orders = [member.next_order() for member in self.members]
        sums = np.zeros((len(self.members), len(first.scoring.names)))
        for step in range(first.steps):
            rows = [order[step * first.batch_size : (step + 1) * first.batch_size] for order in orders]
            for crew, places in self._of_equal_batches(rows):
                sums[places] += crew.step(rows[places], plan.rates[step, places], plan.shrinking[step, places])
        return sums

    def step(self, rows: Sequence[NDArray], rates: NDArray, shrinking: NDArray) -> NDArray:
        """Take one step with each.

        Args:
            rows: Numbers of the rows of each one's batch.
            rates: From `Optimizer.plan` [members, 1].
            shrinking: Likewise.

        Returns:
            Sums of loss and metrics over the rows [members, values].
        """
        scoring = self.members[0].scoring
        batch = _batch([member.training for member in self.members], rows)
        output = self.network.forward(batch.x, training=True)
        losses, gradient = scoring.losses_and_gradient(output, batch.y, batch.weights)
        self.network.backward(gradient)
        self.optimizer.step(rates, shrinking)
        return np.array([losses * output.shape[1], *scoring.sums(output, batch.y)]).T

    def _validate(self, holdouts: Sequence[Rows]) -> NDArray:
        """Sums over the rows to validate on of loss and metrics [members, values]."""
        sums = np.zeros((len(self.members), len(self.members[0].scoring.names)))
        for start in range(0, max(holdout.count for holdout in holdouts), HOLDOUT_BATCH):
            rows = [range(start, min(start + HOLDOUT_BATCH, holdout.count)) for holdout in holdouts]
            for crew, places in self._of_equal_batches(rows):
                sums[places] += crew.score(holdouts[places], rows[places][0])
        return sums

    def score(self, holdouts: Sequence[Rows], rows: range) -> NDArray:
        """Sums of loss and metrics over rows to validate on [members, values].

        Args:
            holdouts: What each is validated on.
            rows: Numbers of the rows.
        """
        scoring = self.members[0].scoring
        batch = _slice(holdouts, slice(rows.start, rows.stop))
        output = self.network.forward(batch.x, training=False)
        losses = scoring.losses(output, batch.y, batch.weights)
        return np.array([losses * output.shape[1], *scoring.sums(output, batch.y)]).T

    def _of_equal_batches(self, rows: Sequence[Sized]) -> Iterator[tuple[Crew, slice]]:
        """All where they have batches of one size; else each that has any rows by itself."""
        if len({len(each) for each in rows}) == 1:
            yield self, slice(None)
            return
        for place, each in enumerate(rows):
            if len(each):
                yield self._alone[place], slice(place, place + 1)


def _batch(data: Sequence[Rows], rows: Sequence[NDArray]) -> Rows:
    """Rows of each member [members, batch, ...]."""
    if _are_shared(data):
        return data[0].part(np.array(rows))
    return _stacked([each.part(which) for each, which in zip(data, rows, strict=True)])


def _slice(data: Sequence[Rows], rows: slice) -> Rows:
    """The same rows of each member's data [members, batch, ...]."""
    if not _are_shared(data):
        return _stacked([each.part(rows) for each in data])

    def repeated(array: NDArray) -> NDArray:
        return np.broadcast_to(array, (len(data), *array.shape))

    part = data[0].part(rows)
    return Rows(repeated(part.x), repeated(part.y), None if part.weights is None else repeated(part.weights))


def _stacked(parts: Sequence[Rows]) -> Rows:
    weights = [each.weights for each in parts if each.weights is not None]
    return Rows(
        np.stack([each.x for each in parts]),
        np.stack([each.y for each in parts]),
        np.stack(weights) if weights else None,
    )


def _are_shared(data: Sequence[Rows]) -> bool:
    first = data[0]
    return all(each.x is first.x and each.y is first.y and each.weights is first.weights for each in data)
