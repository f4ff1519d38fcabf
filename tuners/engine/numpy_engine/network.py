"""A Keras model as a list of kernels over one vector of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.kernels import Add, Drop, Kernel
from tuners.engine.numpy_engine.layer_graph import calls, last
from tuners.engine.numpy_engine.reading import Part, parts


@dataclasses.dataclass(frozen=True)
class Node:
    """A kernel in its place.

    Attributes:
        kernel: What is computed.
        sources: Numbers of the values it takes; 0 is the input, and node i gives value i + 1.
        weights: Positions among the model's weights, the trainable ones first.
        trained: How many of the weights are trainable.
        upstream: Whether anything before it is trained, so that its inputs need a gradient.
    """

    kernel: Kernel
    sources: tuple[int, ...]
    weights: tuple[int, ...]
    trained: int
    upstream: bool


class Network:
    """What a Keras model computes.

    Args:
        model: A built Keras model with one input and one output.
        decayed: Positions of the weights that weight decay shrinks.
        seed: Of its dropout.

    Attributes:
        head: Activation of the output that is left to the loss, or None.
        kinds: Of its parts; see `Part.kind`.
        vector: The trainable weights in one array, those that decay first.
        gradient: Of the vector, after `backward`.
        decayed: How many numbers at the start of the vector decay.
        order: Positions of the trainable weights in the vector's order.

    Raises:
        Declined: It is not a functional or sequential model of the layers that are known.
    """

    def __init__(self, model: keras.Model, decayed: Sequence[int] = (), seed: int = 0) -> None:
        reader = _Reader(model)
        self.head, self._nodes, self.kinds = reader.head, reader.nodes, frozenset(reader.kinds)
        self._prefix = _prefix(self._nodes)
        shapes = [tuple(weight.shape) for weight in model.weights]
        trained, shrunk = [index for node in self._nodes for index in node.weights[: node.trained]], set(decayed)
        self.order = [*(each for each in trained if each in shrunk), *(each for each in trained if each not in shrunk)]
        sizes = [int(np.prod(shapes[index])) for index in self.order]
        self.decayed = sum(sizes[: sum(each in shrunk for each in trained)])
        self.vector, self.gradient = np.zeros(sum(sizes), np.float32), np.zeros(sum(sizes), np.float32)
        views = dict(zip(self.order, self.split(self.vector, shapes), strict=True))
        gradients = dict(zip(self.order, self.split(self.gradient, shapes), strict=True))
        self._weights = [views.get(index, np.zeros(shape, np.float32)) for index, shape in enumerate(shapes)]
        streams = np.random.SeedSequence(seed).spawn(len(self._nodes))
        self._drops = []
        for node, stream in zip(self._nodes, streams, strict=True):
            node.kernel.weights = [self._weights[index] for index in node.weights]
            node.kernel.gradients = [gradients[index] for index in node.weights[: node.trained]]
            if isinstance(node.kernel, Drop):
                self._drops.append((node.kernel, np.random.Generator(np.random.SFC64(stream))))
        self.drop(True)
        self.load(model.get_weights())

    def split(self, vector: NDArray, shapes: Sequence[tuple[int, ...]] | None = None) -> Iterator[NDArray]:
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

    def load(self, values: Sequence[NDArray]) -> None:
        """Take over weights, as `keras.Model.get_weights` gives them."""
        for mine, value in zip(self._weights, values, strict=True):
            mine[...] = value

    def weights(self) -> list[NDArray]:
        """A copy of the weights, as `keras.Model.get_weights` gives them."""
        return [each.copy() for each in self._weights]

    def prepared(self, x: NDArray) -> NDArray:
        """What the layers that do the same in every step, at the beginning, make of inputs [rows, ...]; float32."""
        for kernel in self._prefix:
            x = kernel.forward(x, training=False)
        return x.astype(np.float32, copy=False)

    def forward(self, x: NDArray, *, training: bool) -> NDArray:
        """The output [batch, ...], without the head.

        Args:
            x: Of `prepared` [batch, ...].
            training: Whether batch statistics and dropout are on.
        """
        skipped = len(self._prefix)
        values: list[Any] = [None] * skipped + [x]
        for node in self._nodes[skipped:]:
            values.append(node.kernel.forward(*(values[source] for source in node.sources), training=training))
        return values[-1]

    def backward(self, gradient: NDArray) -> None:
        """Leave the derivative of the loss by the weights in `gradient`.

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


class _Reader:
    def __init__(self, model: keras.Model) -> None:
        self.nodes: list[Node] = []
        self.kinds: set[Any] = set()
        self.head: Any = None
        self._positions = {id(weight): index for index, weight in enumerate(model.weights)}
        values: dict[str, int] = {}
        name, output = "", last(model)
        for layer, sources in calls(model):
            where = tuple(values[source] for source in sources) if sources else (0,)
            for part in parts(layer, ends=layer.name == output):
                where = (self._place(part, where),)
            values[layer.name], name = where[0], layer.name
        if name != output or values[name] != len(self.nodes) or not self.nodes:
            raise Declined("the output is not what the last layer gives")
        if not any(node.trained for node in self.nodes):
            raise Declined("nothing is trained")

    def _place(self, part: Part, sources: tuple[int, ...]) -> int:
        self.kinds.add(part.kind)
        if part.kernel is None:
            self.head = part.function
            return sources[0]
        if len(sources) > 1 and not isinstance(part.kernel, Add):
            raise Declined("a layer takes several inputs")
        if len(sources) > 1 or sources[0] != len(self.nodes):
            self.kinds.add(("branches",))
        node = Node(
            kernel=part.kernel,
            sources=sources,
            weights=tuple(self._positions[id(weight)] for weight in part.weights),
            trained=part.trained,
            upstream=any(self._trains(source) for source in sources),
        )
        self.nodes.append(node)
        return len(self.nodes)

    def _trains(self, value: int) -> bool:
        return value > 0 and (self.nodes[value - 1].upstream or self.nodes[value - 1].trained > 0)


def _prefix(nodes: Sequence[Node]) -> list[Kernel]:
    """The chain of fixed kernels that only the next one takes the output of, each."""
    uses = [source for node in nodes for source in node.sources]
    found: list[Kernel] = []
    for place, node in enumerate(nodes):
        if not node.kernel.fixed or node.sources != (place,) or uses.count(place) > 1:
            break
        found.append(node.kernel)
    return found
