"""Models of one structure as one list of kernels, whose arrays have a leading axis of members."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import some
from tuners.engine.numpy_engine.program import Program


class Network:
    """What several models compute, each with its own weights.

    Members narrower than the widest get units whose weights are zero: they give zero, and learn nothing.

    Args:
        programs: The members, of one key.

    Attributes:
        vector: The trainable weights [members, numbers], those that decay first.
        gradient: Of the vector, after `backward`.
        decayed: How many numbers at the start of the vector decay.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        first = programs[0]
        self._order, self._skipped, shrunk = first.order, len(first.prefix), first.decayed
        self._shapes = [[each.values[index].shape for each in programs] for index in range(len(first.values))]
        self._widest = [tuple(np.max(shapes, axis=0).tolist()) for shapes in self._shapes]
        self.decayed = sum(int(np.prod(self._widest[index])) for index in self._order[:shrunk])
        total = sum(int(np.prod(self._widest[index])) for index in self._order)
        self.vector = np.zeros((len(programs), total), np.float32)
        self.gradient = np.zeros_like(self.vector)
        kept = set(range(len(first.values))) - set(self._order)
        self._kept = {index: np.zeros((len(programs), *self._widest[index]), np.float32) for index in kept}
        self._nodes = [
            dataclasses.replace(each, kernel=each.kernel.joined([other.nodes[place].kernel for other in programs[1:]]))
            for place, each in enumerate(first.nodes)
        ]
        self._bind()
        for index, arrays in enumerate(self._weights):
            for member, program in enumerate(programs):
                value = program.values[index]
                arrays[member][tuple(map(slice, value.shape))] = value

    def weights(self, member: int) -> list[NDArray]:
        """A copy of a member's weights, as `keras.Model.get_weights` gives them."""
        shapes = [shapes[member] for shapes in self._shapes]
        return [
            each[member][tuple(map(slice, shape))].copy() for each, shape in zip(self._weights, shapes, strict=True)
        ]

    def part(self, members: slice | list[int]) -> Network:
        """Some of the members: a slice shares its weights with this one, a list has a copy of them."""
        made = copy.copy(self)
        made.keep(members)
        return made

    def keep(self, members: slice | list[int]) -> None:
        """Leave out all but some of the members; arguments as for `part`."""
        self._shapes = [some(shapes, members) for shapes in self._shapes]
        self.vector, self.gradient = self.vector[members], self.gradient[members]
        self._kept = {index: each[members] for index, each in self._kept.items()}
        self._nodes = [dataclasses.replace(each, kernel=each.kernel.part(members)) for each in self._nodes]
        self._bind()

    def forward(self, x: NDArray, *, training: bool) -> NDArray:
        """The outputs [members, batch, ...], without the head.

        Args:
            x: What the kernels of `Program.prefix` make of inputs [members, batch, ...].
            training: Whether batch statistics and dropout are on.
        """
        values: list[Any] = [None] * self._skipped + [x]
        for node in self._nodes[self._skipped :]:
            values.append(node.kernel.forward(*(values[source] for source in node.sources), training=training))
        return values[-1]

    def backward(self, gradient: NDArray) -> None:
        """Leave the derivative of the losses by the weights in `gradient`.

        Args:
            gradient: Derivative by the output of the last `forward` in training.
        """
        waiting: dict[int, NDArray] = {len(self._nodes): gradient}
        for value, node in zip(range(len(self._nodes), 0, -1), reversed(self._nodes), strict=True):
            if not node.upstream and not node.trained:
                continue
            inputs = node.kernel.backward(waiting.pop(value), wanted=node.upstream)
            if node.upstream:
                for source, each in zip(node.sources, inputs, strict=True):
                    waiting[source] = waiting[source] + each if source in waiting else each

    def _bind(self) -> None:
        """Give every kernel its weights and gradients."""
        shapes = [self._widest[index] for index in self._order]
        views = {**self._kept, **dict(zip(self._order, _views(self.vector, shapes), strict=True))}
        gradients = dict(zip(self._order, _views(self.gradient, shapes), strict=True))
        self._weights = [views[index] for index in range(len(views))]
        for node in self._nodes:
            node.kernel.weights = [self._weights[index] for index in node.weights]
            node.kernel.gradients = [gradients[index] for index in node.weights[: node.trained]]


def _views(vectors: NDArray, shapes: Sequence[tuple[int, ...]]) -> Iterator[NDArray]:
    start = 0
    for shape in shapes:
        size = int(np.prod(shape))
        yield vectors[:, start : start + size].reshape(len(vectors), *shape)
        start += size
