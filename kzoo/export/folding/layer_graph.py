"""How the layers of a functional or sequential model are connected, read from its configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


class LayerGraph:
    """Neighbours of the layers of a model.

    Args:
        model: A functional or sequential model; another one has no connections to show.

    Attributes:
        layers: Its layers that are called once, on one tensor, in order.
    """

    def __init__(self, model: keras.Model) -> None:
        edges = _chain(model) if isinstance(model, keras.Sequential) else _edges(model.get_config())
        calls = Counter(target for _, target in edges)
        takers = Counter(source for source, _ in edges)
        # A pair stands alone where nothing else takes the one's output, and the other takes nothing else.
        alone = [(source, target) for source, target in edges if takers[source] == 1 and calls[target] == 1]
        named = {layer.name: layer for layer in model.layers}
        self.layers = [layer for layer in model.layers if calls[layer.name] == 1]
        self._before = {target: named.get(source) for source, target in alone}
        self._after = {source: named.get(target) for source, target in alone}

    def before(self, layer: Layer) -> Layer | None:
        """The layer whose output this one takes, where nothing else takes it."""
        return self._before.get(layer.name)

    def after(self, layer: Layer) -> Layer | None:
        """The layer that takes this one's output and nothing else, where nothing else takes it."""
        return self._after.get(layer.name)


def inner_models(model: keras.Model) -> Iterator[keras.Model]:
    """A model and the models that it has as layers, however deep."""
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from inner_models(layer)


def _chain(model: keras.Model) -> list[tuple[str, str]]:
    names = ["<inputs>", *(layer.name for layer in model.layers)]
    return list(zip(names, [*names[1:], ""], strict=True))


def _edges(config: dict[str, Any]) -> list[tuple[str, str]]:
    """(source, target) of every tensor that a layer takes; the target "" is the model's own output."""
    edges = [
        (source, layer["name"])
        for layer in config.get("layers", ())
        for node in layer["inbound_nodes"]
        for source in _sources(node)
    ]
    return edges + [(source, "") for source in _sources(config.get("output_layers"))]


def _sources(value: Any) -> Iterator[str]:
    """Names of the layers whose outputs a nested configuration refers to, as [name, node, tensor]."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _sources(part)
    elif isinstance(value, list | tuple):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
            yield value[0]
        else:
            for part in value:
                yield from _sources(part)
