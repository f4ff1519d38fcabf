"""A Keras model as a list of kernels over one vector of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.embeddings import Lookup, Positions
from tuners.engine.numpy_engine.kernels import Drop, Kernel
from tuners.engine.numpy_engine.structure import Structure, read


@dataclasses.dataclass(frozen=True)
class Node:
    """A kernel in its place.

    Attributes:
        kernel: What is computed.
        sources: Numbers of the values it takes; those of the inputs come first, then those of the nodes.
        weights: Positions among the model's weights, the trainable ones first.
        trained: How many of the weights are trainable.
        upstream: Whether anything before it is trained, so that its inputs need a gradient.
        fixed: Whether its value of an example is the same in every step.
    """

    kernel: Kernel
    sources: tuple[int, ...]
    weights: tuple[int, ...]
    trained: int
    upstream: bool
    fixed: bool


class Network:
    """What a Keras model computes.

    Args:
        model: A built Keras model with one output.
        decayed: Positions of the weights that weight decay shrinks.
        seed: Of its dropout.
        squares: Whether the optimizer squares gradients.

    Attributes:
        head: Activation of the output that is left to the loss, or None.
        kinds: Of its parts; see `Part.kind`.
        vector: The trainable weights in one array, those that decay first.
        gradient: Of the vector, after `backward`.
        decayed: How many numbers at the start of the vector decay.
        order: Positions of the trainable weights in the vector's order.
        squares: Places in the vector where the square of the gradient is not what the optimizer sees, each with what it
            is instead, after `backward`.

    Raises:
        Declined: It is not a functional or sequential model of the layers that are known.
    """

    def __init__(
        self, model: keras.Model, decayed: Sequence[int] = (), seed: int = 0, *, squares: bool = False
    ) -> None:
        structure = read(model)
        self._inputs = len(structure.inputs)
        self._nodes = list(_placed(structure, {id(weight): place for place, weight in enumerate(model.weights)}))
        self._kept = _kept(self._nodes, self._inputs)
        self.head, self.kinds = structure.head and structure.head.function, frozenset(_kinds(structure))
        shapes = [tuple(weight.shape) for weight in model.weights]
        trained, shrunk = [index for node in self._nodes for index in node.weights[: node.trained]], set(decayed)
        if not trained:
            raise Declined("nothing is trained")
        self.order = [*(each for each in trained if each in shrunk), *(each for each in trained if each not in shrunk)]
        sizes = [int(np.prod(shapes[index])) for index in self.order]
        self.decayed = sum(sizes[: sum(each in shrunk for each in trained)])
        self.vector, self.gradient = np.zeros(sum(sizes), np.float32), np.zeros(sum(sizes), np.float32)
        views = dict(zip(self.order, self.split(self.vector, shapes), strict=True))
        gradients = dict(zip(self.order, self.split(self.gradient, shapes), strict=True))
        self._weights = [views.get(index, np.zeros(shape, np.float32)) for index, shape in enumerate(shapes)]
        streams = np.random.SeedSequence(seed).spawn(len(self._nodes))
        self._drops = []
        self.squares = []
        for node, stream in zip(self._nodes, streams, strict=True):
            node.kernel.weights = [self._weights[index] for index in node.weights]
            node.kernel.gradients = [gradients[index] for index in node.weights[: node.trained]]
            if isinstance(node.kernel, Drop):
                self._drops.append((node.kernel, np.random.Generator(np.random.SFC64(stream))))
            if isinstance(node.kernel, Lookup):
                where = self._span(node.weights, sizes)
                node.kernel.bind(self.vector[where], self.gradient[where])
                if squares:
                    node.kernel.squares = np.zeros(where.stop - where.start, np.float32)
                    self.squares.append((where, node.kernel.squares))
        self.drop(True)
        self.load(model.get_weights())

    def _span(self, weights: Sequence[int], sizes: Sequence[int]) -> slice:
        """Where weights that follow one another are in the vector."""
        first = self.order.index(weights[0])
        if self.order[first : first + len(weights)] != list(weights):
            raise Declined("some embeddings decay, and some beside them do not")
        start = sum(sizes[:first])
        return slice(start, start + sum(sizes[first : first + len(weights)]))

    def split(self, vector: NDArray[Any], shapes: Sequence[tuple[int, ...]] | None = None) -> Iterator[NDArray[Any]]:
        """A vector like `vector` as one array per weight, in the order of `order`."""
        shapes = shapes or [each.shape for each in self._weights]
        start = 0
        for index in self.order:
            size = int(np.prod(shapes[index]))
            yield vector[start : start + size].reshape(shapes[index])
            start += size

    def drop(self, on: bool) -> None:
        """Turn dropout on or off."""
        for kernel, random in self._drops:
            kernel.random = random if on else None

    def load(self, values: Sequence[NDArray[Any]]) -> None:
        """Take over weights, as `keras.Model.get_weights` gives them."""
        for mine, value in zip(self._weights, values, strict=True):
            mine[...] = value

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the weights, as `keras.Model.get_weights` gives them."""
        return [each.copy() for each in self._weights]

    def prepared(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """What the steps take of all examples: what is the same in every step is computed beforehand.

        Args:
            inputs: Arrays [rows, ...], in the order of the model's inputs.

        Raises:
            Declined: They are not what the layers take.
        """
        values = dict(enumerate(inputs))
        for number, node in enumerate(self._nodes, self._inputs):
            if node.fixed:
                values[number] = node.kernel.forward(*(values[source] for source in node.sources), training=False)
        found = (values[number] for number in self._kept)
        return [each if each.dtype == np.intp else each.astype(np.float32, copy=False) for each in found]

    def forward(self, batch: Sequence[NDArray[Any]], *, training: bool) -> NDArray[Any]:
        """The output [batch, ...], without the head.

        Args:
            batch: Rows of what `prepared` gives.
            training: Whether batch statistics and dropout are on.
        """
        values = dict(zip(self._kept, batch, strict=True))
        for number, node in enumerate(self._nodes, self._inputs):
            if not node.fixed:
                values[number] = node.kernel.forward(*(values[source] for source in node.sources), training=training)
        return values[number]

    def backward(self, gradient: NDArray[Any]) -> None:
        """Leave the derivative of the loss by the weights in `gradient`.

        Args:
            gradient: Derivative by the output of the last `forward` in training.
        """
        last = self._inputs + len(self._nodes) - 1
        waiting: dict[int, NDArray[Any]] = {last: gradient}
        for value, node in zip(range(last, -1, -1), reversed(self._nodes), strict=False):
            if not node.upstream and not node.trained:
                continue
            inputs = node.kernel.backward(waiting.pop(value), wanted=node.upstream)
            if node.upstream:
                for source, each in zip(node.sources, inputs, strict=True):
                    waiting[source] = waiting[source] + each if source in waiting else each


def _kept(nodes: Sequence[Node], inputs: int) -> list[int]:
    """Numbers of the values that are the same in every step and that others take."""
    fixed = {*range(inputs), *(number for number, node in enumerate(nodes, inputs) if node.fixed)}
    return sorted({source for node in nodes if not node.fixed for source in node.sources if source in fixed})


def _kinds(structure: Structure) -> Iterator[Any]:
    """What has to have been tried; see `Part.kind`."""
    before = structure.inputs[0]
    for step in structure.steps:
        yield step.part.kind
        if step.sources != [before]:
            yield ("branches",)
        before = step
    if structure.head is not None:
        yield "head", structure.head.function
    if len(structure.inputs) > 1:
        # Which is which depends on names and order.
        yield ("inputs", *structure.names)


def _placed(structure: Structure, positions: Mapping[int, int]) -> Iterator[Node]:
    """The steps of a structure, numbered.

    Args:
        structure: What a model computes.
        positions: Of the model's weights, by the id of each.
    """
    numbers = {step: number for number, step in enumerate([*structure.inputs, *structure.steps])}
    fixed, trains = set(range(len(structure.inputs))), set[int]()
    for step in structure.steps:
        sources = tuple(numbers[source] for source in step.sources)
        upstream = not trains.isdisjoint(sources)
        if step.part.kernel.fixed and fixed.issuperset(sources):
            fixed.add(numbers[step])
        elif isinstance(step.part.kernel, Positions):
            raise Declined("an embedding looks up what the model computes")
        if upstream or step.part.trained:
            trains.add(numbers[step])
        yield Node(
            kernel=step.part.kernel,
            sources=sources,
            weights=tuple(positions[id(weight)] for weight in step.part.weights),
            trained=step.part.trained,
            upstream=upstream,
            fixed=numbers[step] in fixed,
        )
