"""A Keras model as a list of kernels with its weights, before it is joined with others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from tuners.engine.numpy_engine.calls import calls, last
from tuners.engine.numpy_engine.fixed import Fixed
from tuners.engine.numpy_engine.kernels import Add, Drop, Kernel
from tuners.engine.numpy_engine.reading import Part, UnknownModelError, parts


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


class Program:
    """What a Keras model computes, with a copy of its weights.

    Args:
        model: A built Keras model with one input and one output.
        decayed: Positions of the weights that weight decay shrinks.
        seed: Of its dropout.

    Attributes:
        head: Activation of the output that is left to the loss, or "".
        nodes: The kernels, each after those that it takes values of.
        prefix: Kernels that come first and do the same in every trial.
        values: The weights, as `keras.Model.get_weights` gives them.
        order: Positions of the trainable weights, those that decay first.
        decayed: How many of `order` decay.

    Raises:
        UnknownModelError: It is not a functional or sequential model of the layers that are known.
    """

    def __init__(self, model: keras.Model, decayed: Sequence[int] = (), seed: int = 0) -> None:
        reader = _Reader(model)
        self.head, self.nodes = reader.head, reader.nodes
        self.prefix = _prefix(self.nodes)
        self.values = [np.asarray(value, np.float32) for value in model.get_weights()]
        trained = [index for node in self.nodes for index in node.weights[: node.trained]]
        shrunk = set(decayed)
        self.order = [*(each for each in trained if each in shrunk), *(each for each in trained if each not in shrunk)]
        self.decayed = sum(each in shrunk for each in trained)
        streams = iter(np.random.SeedSequence(seed).spawn(len(self.nodes)))
        for node in self.nodes:
            stream = next(streams)
            if isinstance(node.kernel, Drop):
                node.kernel.random[0] = np.random.Generator(np.random.SFC64(stream))

    def key(self) -> tuple[object, ...]:
        """Equal for programs of one structure, whatever their widths."""
        nodes = [(node.kernel.key(), node.sources, node.weights, node.trained) for node in self.nodes]
        return (self.head, tuple(nodes), tuple(self.order), self.decayed)

    def shapes(self) -> list[tuple[int, ...]]:
        """Of the weights."""
        return [value.shape for value in self.values]

    @property
    def keeps_zero(self) -> bool:
        """Whether units that are added, with weights of zero, change nothing."""
        return all(node.kernel.keeps_zero for node in self.nodes[len(self.prefix) :])


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
