"""A Keras model as a list of kernels: equal programs share one compiled function."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tuners.engine.population.activations import ACTIVATIONS
from tuners.engine.population.kernels import Activate, Add, Kernel
from tuners.engine.population.reading import Part, UnknownModelError, parts


@dataclasses.dataclass(frozen=True)
class Node:
    """A kernel in its place.

    Attributes:
        kernel: What is computed.
        sources: Numbers of the values it takes; 0 is the input, and node i gives value i + 1.
        weights: Positions among the model's weights.
        rates: Positions among the program's rates.
        constants: Positions among the program's constants.
        trained: How many of the weights, from the first, are trainable.
        upstream: Whether anything before it is trained, so that its inputs need a gradient.
    """

    kernel: Kernel
    sources: tuple[int, ...]
    weights: tuple[int, ...]
    rates: tuple[int, ...]
    constants: tuple[int, ...]
    trained: int
    upstream: bool


@dataclasses.dataclass(frozen=True)
class Program:
    """What a model computes, without its numbers.

    Attributes:
        nodes: In the order of computation; the last one gives the output.
        head: Activation of the output that is left to the loss, or "".
        ranks: Number of dimensions of each weight.
    """

    nodes: tuple[Node, ...]
    head: str
    ranks: tuple[int, ...]

    @property
    def trained(self) -> list[int]:
        """Positions of the trainable weights."""
        return sorted(index for node in self.nodes for index in node.weights[: node.trained])

    @property
    def members(self) -> bool:
        """Whether several members can be computed at once."""
        return all(node.kernel.members for node in self.nodes)

    @property
    def pads(self) -> bool:
        """Whether units that are only padding stay 0, so that members may differ in width."""
        activations = [node.kernel.name for node in self.nodes if isinstance(node.kernel, Activate)]
        return all(ACTIVATIONS[name].keeps_zero for name in activations)


@dataclasses.dataclass(frozen=True)
class Reading:
    """A program with its numbers.

    Attributes:
        program: What is computed.
        rates: Dropout rates and batch-norm momenta.
        constants: Arrays that are no weights.
    """

    program: Program
    rates: tuple[float, ...]
    constants: tuple[Any, ...]


def read(model: keras.Model) -> Reading:
    """A model written out.

    Args:
        model: A built Keras model with one input and one output.

    Raises:
        UnknownModelError: It is not a functional or sequential model of the layers that are known.
    """
    if type(model) is not keras.Sequential and type(model) is not _functional():
        raise UnknownModelError(f"the model is a {type(model).__name__} with code of its own")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnknownModelError("the model has several inputs or outputs")
    return _Reader(model).reading()


@functools.cache
def _functional() -> type:
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


class _Reader:
    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.nodes: list[Node] = []
        self.head = ""
        self.rates: list[float] = []
        self.constants: list[Any] = []
        self.positions = {id(weight): index for index, weight in enumerate(model.weights)}

    def reading(self) -> Reading:
        values: dict[str, int] = {}
        output = ""
        for layer, sources in _calls(self.model):
            where = tuple(values[source] for source in sources) if sources else (0,)
            for part in parts(layer):
                where = (self._place(part, where),)
            values[layer.name] = where[0]
            output = layer.name
        if isinstance(self.model, keras.Sequential) or _output(self.model) == output:
            if not self.nodes or values[output] != len(self.nodes):
                raise UnknownModelError("the output is not what the last layer gives")
        else:
            raise UnknownModelError("the output is not what the last layer gives")
        program = Program(tuple(self.nodes), self.head, tuple(len(weight.shape) for weight in self.model.weights))
        if not program.trained:
            raise UnknownModelError("nothing is trained")
        return Reading(program, tuple(self.rates), tuple(np.asarray(each, np.float32) for each in self.constants))

    def _place(self, part: Part, sources: tuple[int, ...]) -> int:
        if self.head:
            raise UnknownModelError(f"{self.head} is followed by another layer")
        if isinstance(part.kernel, str):
            self.head = part.kernel
            return sources[0]
        if len(sources) > 1 and not isinstance(part.kernel, Add):
            raise UnknownModelError("a layer takes several inputs")
        node = Node(
            kernel=part.kernel,
            sources=sources,
            weights=tuple(self.positions[id(weight)] for weight in part.weights),
            rates=tuple(range(len(self.rates), len(self.rates) + len(part.rates))),
            constants=tuple(range(len(self.constants), len(self.constants) + len(part.constants))),
            trained=sum(weight.trainable for weight in part.weights),
            upstream=any(self._trains(source) for source in sources),
        )
        self.rates += part.rates
        self.constants += part.constants
        self.nodes.append(node)
        return len(self.nodes)

    def _trains(self, value: int) -> bool:
        return value > 0 and (self.nodes[value - 1].upstream or self.nodes[value - 1].trained > 0)


def _calls(model: keras.Model) -> Iterator[tuple[keras.Layer, list[str]]]:
    """Layers in order, each with the names of those whose outputs it takes."""
    if isinstance(model, keras.Sequential):
        before: list[str] = []
        for layer in model.layers:
            yield layer, before
            before = [layer.name]
        return
    layers = {layer.name: layer for layer in model.layers}
    for config in model.get_config()["layers"]:
        calls = config["inbound_nodes"]
        if len(calls) > 1 or (not calls and config["class_name"] != "InputLayer"):
            raise UnknownModelError(f"the layer {config['name']} is called more than once")
        # A model that is trained or tested says so to its layers, whatever was recorded of `training`.
        if calls and any(calls[0]["kwargs"].values()):
            raise UnknownModelError(f"the layer {config['name']} is called with arguments")
        yield layers[config["name"]], [_source(each) for each in _tensors(calls[0]["args"])] if calls else []


def _tensors(arguments: Any) -> list[Any]:
    first = arguments[0]
    if len(arguments) > 1:
        raise UnknownModelError("a layer is called with arguments")
    return list(first) if isinstance(first, list | tuple) else [first]


def _source(tensor: Any) -> str:
    try:
        name, node, index = tensor["config"]["keras_history"]
    except (KeyError, TypeError):
        raise UnknownModelError("a layer takes a structure of tensors") from None
    if node or index:
        raise UnknownModelError(f"the layer {name} is called more than once")
    return name


def _output(model: keras.Model) -> str:
    layers = model.get_config()["output_layers"]
    first = layers[0] if isinstance(layers[0], list | tuple) else layers
    return first[0]
