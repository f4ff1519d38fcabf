"""Which layer of a Keras model takes what: its graph, from its public configuration."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import keras

from tuners.engine.declined import Declined


@dataclasses.dataclass(frozen=True)
class Call:
    """A layer in its place.

    Attributes:
        layer: The layer, or an operation such as that of `x[:, 2]`.
        sources: Names of the layers and operations whose outputs it takes; none of an input layer.
        arguments: What an operation is called with besides.
    """

    layer: Any
    sources: tuple[str, ...]
    arguments: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class LayerGraph:
    """The layers and operations of a model.

    Attributes:
        inputs: Names of the input layers, in the order of `model.inputs`.
        calls: Of all, in an order in which they can be called.
        last: Name of the one whose output is the model's.
    """

    inputs: list[str]
    calls: Iterator[Call]
    last: str


def read(model: keras.Model) -> LayerGraph:
    """Read a model.

    Args:
        model: A built Keras model.

    Raises:
        Declined: It is more than a graph of layers with one output, each called once; the iteration raises it as well.
    """
    if type(model) is not keras.Sequential and type(model) is not _functional():
        raise Declined(f"the model is a {type(model).__name__} with code of its own")
    if len(model.outputs) != 1:
        raise Declined("the model has several outputs")
    if isinstance(model, keras.Sequential):
        return LayerGraph([""], _chain(model), str(model.layers[-1].name))
    config = model.get_config()
    last = config["output_layers"]
    # Each is a name with the numbers of its node and of its output.
    names = list(keras.tree.flatten(config["input_layers"])[::3])
    return LayerGraph(names, _graph(model, config["layers"]), str(last[0] if isinstance(last[0], str) else last[0][0]))


@functools.cache
def _functional() -> type:
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


def _chain(model: keras.Model) -> Iterator[Call]:
    before = ""
    for layer in model.layers:
        yield Call(layer, (before,))
        before = layer.name


def _graph(model: keras.Model, configs: list[dict[str, Any]]) -> Iterator[Call]:
    operations = {each.name: each for each in model.operations}
    for config in configs:
        nodes, layer = config["inbound_nodes"], operations[config["name"]]
        if len(nodes) > 1 or (not nodes and config["class_name"] != "InputLayer"):
            raise Declined(f"the layer {layer.name} is called more than once")
        if not nodes:
            yield Call(layer, ())
            continue
        # A model that is trained or tested says so to its layers, whatever was recorded of `training`.
        if any(nodes[0]["kwargs"].values()):
            raise Declined(f"the layer {layer.name} is called with arguments")
        tensors, *arguments = nodes[0]["args"]
        if arguments and isinstance(layer, keras.Layer):
            raise Declined(f"the layer {layer.name} is called with arguments")
        taken = tensors if isinstance(tensors, list | tuple) else [tensors]
        others = tuple(map(keras.saving.deserialize_keras_object, arguments))
        yield Call(layer, tuple(map(_source, taken)), others)


def _source(tensor: Any) -> str:
    try:
        name, node, index = tensor["config"]["keras_history"]
    except (KeyError, TypeError):
        raise Declined("a layer takes a structure of tensors") from None
    if node or index:
        raise Declined(f"the layer {name} is called more than once")
    return str(name)
