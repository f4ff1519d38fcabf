"""Which layers take each other's outputs, seen in the graph of a model: whatever connects them, it is all in there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from kzoo.export.folding.replacing import Answer, answering, is_as_made
from kzoo.export.traced import upstream
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A layer's call while its model was traced.

    Attributes:
        layer: The layer.
        taken: What it took.
        given: What it answered.
        operations: Numbers of the first of its operations in the graph, and of the one after the last.
        answering: Whether it was called as for answers: with one tensor, and not in training mode.
        graph: The outermost graph of that trace; a model may be traced more than once.
    """

    layer: Layer
    taken: Any
    given: Any
    operations: tuple[int, int]
    answering: bool
    graph: Any


def watched(layers: Iterable[Layer], trace: Callable[[], Any]) -> tuple[Any, list[Call]]:
    """Trace a model and see what its layers are called with.

    Args:
        layers: The layers to watch.
        trace: Traces the model.

    Returns:
        What `trace` returned, and the calls in order.
    """
    calls: list[Call] = []
    with answering({layer: _watching(layer, layer.call, calls) for layer in layers if is_as_made(layer)}):
        return trace(), calls


class Dataflow:
    """Neighbours of the layers of a traced model.

    Args:
        calls: Calls of its layers.
        graph: Its graph.

    Attributes:
        layers: Layers that are seen whole, in the order of their first calls: each call takes and gives one tensor of
            this graph, and none is in training mode.
    """

    def __init__(self, calls: list[Call], graph: tf.Graph) -> None:
        calls = [call for call in calls if call.graph is graph]
        strange = {call.layer for call in calls if not _is_plain(call, graph)}
        self._calls: dict[Layer, list[Call]] = {}
        for call in calls:
            if call.layer not in strange:
                self._calls.setdefault(call.layer, []).append(call)
        self.layers = list(self._calls)
        numbers = {operation: number for number, operation in enumerate(graph.get_operations())}
        alive = _alive(graph)
        takers: dict[Any, list[Call]] = {}
        for call in (call for each in self._calls.values() for call in each):
            takers.setdefault(call.taken.ref(), []).append(call)
        self._after: dict[Layer, Layer] = {}
        for layer, own in self._calls.items():
            following = {_only_taker(call, takers, numbers, alive) for call in own}
            (after,) = following if len(following) == 1 else (None,)
            if after is not None and len(self._calls[after]) == len(own):
                self._after[layer] = after
        self._before = {after: layer for layer, after in self._after.items()}

    def before(self, layer: Layer) -> Layer | None:
        """The layer whose output this one takes, where nothing else takes it."""
        return self._before.get(layer)

    def after(self, layer: Layer) -> Layer | None:
        """The layer that takes this one's output, where nothing else takes it, in each of their calls."""
        return self._after.get(layer)


def layers_of(model: keras.Model) -> list[Layer]:
    """A model's layers, and the layers inside them, however deep; a layer that is hidden from both is not found."""
    found: dict[int, Layer] = {}
    todo = [model]
    while todo:
        part = todo.pop()
        for layer in (*tf.train.TrackableView(part).descendants(), *_held(part)):
            if isinstance(layer, keras.Layer) and id(layer) not in found:
                found[id(layer)] = layer
                todo.append(layer)
    return list(found.values())


def _held(part: Layer) -> Iterator[Any]:
    """What a layer's attributes hold, and what stands in lists and dicts of theirs, where TensorFlow does not look."""
    values = list(vars(part).values())
    while values:
        value = values.pop()
        yield value
        if isinstance(value, Mapping):
            values.extend(value.values())
        elif isinstance(value, list | tuple | set):
            values.extend(value)


def _watching(layer: Layer, own: Answer, calls: list[Call]) -> Answer:
    def call(*args: Any, **kwargs: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        first = len(graph.get_operations())
        given = own(*args, **kwargs)
        tensors = [*args, *(kwargs[name] for name in ("inputs",) if name in kwargs)]
        training = kwargs.get("training")
        answering = len(tensors) == 1 and (training is None or training is False)
        operations = (first, len(graph.get_operations()))
        taken = tensors[0] if tensors else None
        calls.append(Call(layer, taken, given, operations, answering, _outermost(graph)))
        return given

    return call


def _is_plain(call: Call, graph: tf.Graph) -> bool:
    both = (call.taken, call.given)
    return call.answering and all(tf.is_symbolic_tensor(tensor) and tensor.graph is graph for tensor in both)


def _only_taker(
    call: Call, takers: dict[Any, list[Call]], numbers: dict[tf.Operation, int], alive: set[tf.Operation]
) -> Layer | None:
    uses = [numbers[use] for use in call.given.consumers() if use in alive]
    for other in takers.get(call.given.ref(), ()):
        first, end = other.operations
        if uses and all(first <= use < end for use in uses):
            return other.layer
    return None


def _alive(graph: tf.Graph) -> set[tf.Operation]:
    """Operations that the outputs depend on, or that are run for what they do, such as assertions."""
    return upstream([*(output.op for output in graph.outputs), *graph.control_outputs], control=True)


def _outermost(graph: Any) -> Any:
    while hasattr(getattr(graph, "outer_graph", None), "outer_graph"):
        graph = graph.outer_graph
    return graph
