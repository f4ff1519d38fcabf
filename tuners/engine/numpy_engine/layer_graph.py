"""Which layer of a Keras model takes what: its graph, from its public configuration."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import keras

from tuners.engine.declined import Declined


def calls(model: keras.Model) -> Iterator[tuple[keras.Layer, list[str]]]:
    """The layers in order, each with the names of those whose outputs it takes.

    Args:
        model: A built Keras model.

    Raises:
        Declined: It is more than a graph of layers with one input and one output, each called once.
    """
    if type(model) is not keras.Sequential and type(model) is not _functional():
        raise Declined(f"the model is a {type(model).__name__} with code of its own")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Declined("the model has several inputs or outputs")
    return _chain(model) if isinstance(model, keras.Sequential) else _graph(model)


def last(model: keras.Model) -> str:
    """Name of the layer whose output is the model's.

    Args:
        model: A model that `calls` takes.
    """
    if isinstance(model, keras.Sequential):
        return model.layers[-1].name
    layers = model.get_config()["output_layers"]
    first = layers[0] if isinstance(layers[0], list | tuple) else layers
    return first[0]


@functools.cache
def _functional() -> type:
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


def _chain(model: keras.Model) -> Iterator[tuple[keras.Layer, list[str]]]:
    before: list[str] = []
    for layer in model.layers:
        yield layer, before
        before = [layer.name]


def _graph(model: keras.Model) -> Iterator[tuple[keras.Layer, list[str]]]:
    layers = {layer.name: layer for layer in model.layers}
    for config in model.get_config()["layers"]:
        nodes = config["inbound_nodes"]
        if len(nodes) > 1 or (not nodes and config["class_name"] != "InputLayer"):
            raise Declined(f"the layer {config['name']} is called more than once")
        # A model that is trained or tested says so to its layers, whatever was recorded of `training`.
        if nodes and any(nodes[0]["kwargs"].values()):
            raise Declined(f"the layer {config['name']} is called with arguments")
        if config["name"] not in layers:
            raise Declined(f"the model has the operation {config['name']}")
        yield layers[config["name"]], [_source(each) for each in _tensors(nodes[0]["args"])] if nodes else []


def _tensors(arguments: Any) -> list[Any]:
    first = arguments[0]
    if len(arguments) > 1:
        raise Declined("a layer is called with arguments")
    return list(first) if isinstance(first, list | tuple) else [first]


def _source(tensor: Any) -> str:
    try:
        name, node, index = tensor["config"]["keras_history"]
    except (KeyError, TypeError):
        raise Declined("a layer takes a structure of tensors") from None
    if node or index:
        raise Declined(f"the layer {name} is called more than once")
    return name
