"""A Keras model as a list of kernels that share one vector of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tuners.engine.population.calls import calls, last
from tuners.engine.population.kernels import Add, Drop, Fixed, Kernel
from tuners.engine.population.reading import Part, UnknownModelError, parts


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
    """What a Keras model computes, with a copy of its weights.

    Args:
        model: A built Keras model with one input and one output.
        decayed: Positions of the weights that weight decay shrinks.
        seed: Of its dropout.

    Attributes:
        head: Activation of the output that is left to the loss, or "".
        prefix: Kernels that come first and do the same in every trial; `forward` leaves them out.
        vector: The trainable weights, those that decay first.
        gradient: Of the vector, after `backward`.
        decayed: How many numbers at the start of the vector decay.

    Raises:
        UnknownModelError: It is not a functional or sequential model of the layers that are known.
    """

    def __init__(self, model: keras.Model, decayed: Sequence[int] = (), seed: int = 0) -> None:
        reader = _Reader(model)
        self.head, self._nodes = reader.head, reader.nodes
        self.prefix = _prefix(self._nodes)
        values = model.get_weights()
        trained = [index for node in self._nodes for index in node.weights[: node.trained]]
        first = [index for index in trained if index in set(decayed)]
        self.decayed = sum(values[index].size for index in first)
        order = first + [index for index in trained if index not in set(decayed)]
        self.vector = np.concatenate([values[index].ravel() for index in order]).astype(np.float32)
        self.gradient = np.zeros_like(self.vector)
        shapes = [values[index].shape for index in order]
        views = dict(zip(order, _views(self.vector, shapes), strict=True))
        gradients = dict(zip(order, _views(self.gradient, shapes), strict=True))
        self._weights = [views.get(index, np.array(value, np.float32)) for index, value in enumerate(values)]
        streams = iter(np.random.SeedSequence(seed).spawn(len(self._nodes)))
        for node in self._nodes:
            node.kernel.weights = [self._weights[index] for index in node.weights]
            node.kernel.gradients = [gradients[index] for index in node.weights[: node.trained]]
            if isinstance(node.kernel, Drop):
                node.kernel.random = np.random.Generator(np.random.SFC64(next(streams)))

    def weights(self) -> list[NDArray]:
        """A copy of the weights, as `keras.Model.get_weights` gives them."""
        return [weight.copy() for weight in self._weights]

    def forward(self, x: NDArray, *, training: bool) -> NDArray:
        """The output [batch, ...], without the head.

        Args:
            x: What the kernels of `prefix` make of inputs.
            training: Whether batch statistics and dropout are on.
        """
        values: list[Any] = [None] * len(self.prefix) + [x]
        for node in self._nodes[len(self.prefix) :]:
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
        self.head = ""
        self._positions = {id(weight): index for index, weight in enumerate(model.weights)}
        values: dict[str, int] = {}
        name, output = "", last(model)
        for layer, sources in calls(model):
            where = tuple(values[source] for source in sources) if sources else (0,)
            for part in parts(layer, ends=layer.name == output):
                where = (self._place(part, where),)
            values[layer.name], name = where[0], layer.name
        if name != output or values[name] != len(self.nodes) or not self.nodes:
            raise UnknownModelError("the output is not what the last layer gives")
        if not any(node.trained for node in self.nodes):
            raise UnknownModelError("nothing is trained")

    def _place(self, part: Part, sources: tuple[int, ...]) -> int:
        if isinstance(part.kernel, str):
            self.head = part.kernel
            return sources[0]
        if len(sources) > 1 and not isinstance(part.kernel, Add):
            raise UnknownModelError("a layer takes several inputs")
        node = Node(
            kernel=part.kernel,
            sources=sources,
            weights=tuple(self._positions[id(weight)] for weight in part.weights),
            trained=sum(weight.trainable for weight in part.weights),
            upstream=any(self._trains(source) for source in sources),
        )
        self.nodes.append(node)
        return len(self.nodes)

    def _trains(self, value: int) -> bool:
        return value > 0 and (self.nodes[value - 1].upstream or self.nodes[value - 1].trained > 0)


def _prefix(nodes: Sequence[Node]) -> list[Fixed]:
    """The chain of fixed kernels that only the next one takes the output of, each."""
    uses = [source for node in nodes for source in node.sources]
    found: list[Fixed] = []
    for place, node in enumerate(nodes):
        if not isinstance(node.kernel, Fixed) or node.sources != (place,) or uses.count(place) > 1:
            break
        found.append(node.kernel)
    return found


def _views(vector: NDArray, shapes: Sequence[tuple[int, ...]]) -> Iterator[NDArray]:
    start = 0
    for shape in shapes:
        size = int(np.prod(shape))
        yield vector[start : start + size].reshape(shape)
        start += size
