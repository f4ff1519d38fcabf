"""A model as one graph: what an export holds, and what its answers are computed by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.folding.replacing import Answer, answering
from kzoo.export.interface import BatchArrays, Interface

if TYPE_CHECKING:
    import keras
    from keras import Layer

_HALF_PRECISION = (tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum)


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
    def half_precision(self) -> bool:
        """Whether anything is computed in float16 or bfloat16, whichever layer, policy or cast it comes from."""
        definition = self.function.graph.as_graph_def()
        nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
        return any(attribute.type in _HALF_PRECISION for node in nodes for attribute in node.attr.values())


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
    specs = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=interface.arguments[name])
        for name, spec in interface.inputs.items()
    }
    core = tf.function(lambda inputs: interface.call(model, inputs), autograph=False)
    try:
        with answering(replacements or {}):
            return Traced(core.get_concrete_function(specs), replacements or {})
    except ExportError:
        raise
    except Exception as error:  # whatever its code raises, it has no graph
        raise ExportError(
            f"The model cannot be traced to a graph, which is what a server runs: {reason(error)} Write what its "
            "layers compute with keras.ops or TensorFlow, without numpy and without branches on values."
        ) from error
