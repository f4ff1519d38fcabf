"""A model as one graph: what an export holds, and what its answers are computed by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.folding.replacing import Answer, answering
from kzoo.export.gate.graph_checks import RANDOM
from kzoo.export.interface import BatchArrays, Interface
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer

# A few layers' worth of their last bits: the C++ session rounds in other places than Keras did.
_ROUNDING = {tf.float16.as_datatype_enum: 1e-2, tf.bfloat16.as_datatype_enum: 4e-2}


@dataclasses.dataclass(frozen=True)
class Traced:
    """A model's graph in inference mode.

    Attributes:
        function: Takes tensors by input name, answers tensors by output name.
        replacements: What layers answer by in the place of their own calls; the graph itself does not keep their
            weights alive.
    """

    function: Any
    replacements: Mapping[Layer, Answer] = dataclasses.field(default_factory=dict)

    def answers(self, rows: Mapping[str, np.ndarray]) -> BatchArrays:
        """The outputs for arrays by input name."""
        outputs = self.function({name: tf.constant(array) for name, array in rows.items()})
        return {name: np.asarray(value) for name, value in outputs.items()}

    @property
    def parameters(self) -> int:
        """Numbers in the weights that it computes with, each counted once."""
        return sum(int(np.prod(variable.shape)) for variable in self.function.variables)

    @property
    def draws_in_vain(self) -> bool:
        """Whether random numbers are drawn that no output depends on, as Keras' layers for augmentation do."""
        graph = self.function.graph
        random = _random_functions(graph)
        drawing = {op for op in graph.get_operations() if RANDOM.search(op.type) or _called(op.node_def) & random}
        return bool(drawing) and not drawing & upstream([output.op for output in graph.outputs], control=False)

    @property
    def rounding(self) -> float:
        """What half precision may cost, whatever it comes from, as a share of the largest output.

        0 where nothing is computed in it.
        """
        definition = self.function.graph.as_graph_def()
        nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
        kinds = {attribute.type for node in nodes for attribute in node.attr.values()}
        return max((_ROUNDING[kind] for kind in kinds & _ROUNDING.keys()), default=0.0)


def upstream(operations: list[tf.Operation], *, control: bool) -> set[tf.Operation]:
    """Operations of a graph and those that they depend on.

    Args:
        operations: Where to begin.
        control: Whether also by being run after them, and not only by what they compute.
    """
    seen, todo = set(operations), list(operations)
    while todo:
        operation = todo.pop()
        before = {*(tensor.op for tensor in operation.inputs), *(operation.control_inputs if control else ())}
        todo.extend(before - seen)
        seen |= before
    return seen


def trace(model: keras.Model, interface: Interface, replacements: Mapping[Layer, Answer] | None = None) -> Traced:
    """Trace a model in inference mode.

    Args:
        model: The model.
        interface: What it takes and answers.
        replacements: What layers answer by in the place of their own calls.

    Returns:
        Its graph.

    Raises:
        ExportError: It cannot be traced, since it needs Python to answer.
    """
    replacements = replacements or {}
    try:
        with answering(replacements):
            function = _graph(model, interface)
            if Traced(function).draws_in_vain:
                # The seeds would be moved on with every answer, which changes nothing but the export's variables.
                with keras.StatelessScope():
                    function = _graph(model, interface)
            return Traced(function, replacements)
    except ExportError:
        raise
    except Exception as error:  # whatever its code raises, it has no graph
        raise ExportError(
            f"The model cannot be traced to a graph, which is what a server runs: {reason(error)} Write what its "
            "layers compute with keras.ops or TensorFlow, without numpy and without branches on values."
        ) from error


def _graph(model: keras.Model, interface: Interface) -> Any:
    specs = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=interface.arguments[name])
        for name, spec in interface.inputs.items()
    }
    core = tf.function(lambda inputs: interface.call(model, inputs), autograph=False)
    return core.get_concrete_function(specs)


def _random_functions(graph: tf.Graph) -> set[str]:
    """Names of a graph's functions that draw random numbers, by themselves or by those that they call."""
    bodies = {each.signature.name: each.node_def for each in graph.as_graph_def().library.function}
    found: set[str] = set()
    while True:
        new = {
            name
            for name, nodes in bodies.items()
            if name not in found and any(RANDOM.search(node.op) or _called(node) & found for node in nodes)
        }
        if not new:
            return found
        found |= new


def _called(node: Any) -> set[str]:
    attributes = node.attr.values()
    lists = (function.name for attribute in attributes for function in attribute.list.func)
    return {attribute.func.name for attribute in attributes if attribute.HasField("func")} | set(lists)
