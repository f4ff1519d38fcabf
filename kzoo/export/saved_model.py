"""The SavedModel itself: signatures around one traced model, each weight stored once.

`model.export` tracks the layers and a list of their variables and so writes every weight twice. Here a `tf.Module`
holds what the traced model captured and nothing else, so optimizer slots and seeds stay behind too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.examples_proto import parse_examples, parses_examples
from kzoo.export.folding.dataflow import layers_of
from kzoo.export.inference import answers
from kzoo.export.interface import Interface
from kzoo.export.remarks import without_remarks
from kzoo.export.slimming import asset_names, drop_saving, rename_inputs
from kzoo.export.traced import Traced

if TYPE_CHECKING:
    import keras

SERVING = "serving_default"
NUMERIC = "numeric"
CLASSIFY = "classify"
REGRESS = "regress"


def write_saved_model(
    traced: Traced, interface: Interface, directory: Path, tables: Sequence[Any] = ()
) -> tuple[str, ...]:
    """Write a model with its signatures.

    Args:
        traced: The model's graph.
        interface: What it takes and answers.
        directory: An empty directory.
        tables: What the graph uses beside variables, see `tables_of`.

    Returns:
        Names of the signatures: "serving_default", "numeric" (unless the model answers with text only), and "classify"
        or "regress" where rows can be tf.Examples and the outputs allow it.

    Raises:
        ExportError: It uses something that cannot be saved, or a file that is gone.
    """
    module = tf.Module()
    module.weights = list(traced.function.variables)
    module.tables = list(tables)
    # The traced model is called by every signature: one copy of its graph serves all.
    signatures = _signatures(traced.function, interface)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        with without_remarks():
            tf.saved_model.save(module, str(directory), signatures, options)
    except (AssertionError, ValueError) as error:
        raise ExportError(f"The model uses something that cannot be saved: {reason(error)}") from error
    gone = [name for name in asset_names(directory) if not (directory / "assets" / name).is_file()]
    if gone:
        raise ExportError(
            f"The file {gone[0]} that a layer of the model was made with is gone, and an export takes it along; put it "
            "back, or make the layer from its content, such as StringLookup(vocabulary=[...])."
        )
    drop_saving(directory)
    rename_inputs(directory, {argument: name for name, argument in interface.arguments.items()})
    return tuple(signatures)


def tables_of(model: keras.Model) -> list[Any]:
    """Lookup tables of a model's layers and the like, which its graph uses but which are no variables."""
    kind = tf.saved_model.experimental.TrackableResource
    return [
        part
        for owner in (model, *layers_of(model))
        for part in tf.train.TrackableView(owner).descendants()
        if isinstance(part, kind)
    ]


def _signatures(traced: Any, interface: Interface) -> dict[str, Any]:
    def numeric(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return answers.numeric_outputs(traced(inputs), interface)

    def named(arguments: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: arguments[argument] for name, argument in interface.arguments.items()}

    def numbers_only(**arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: value for name, value in numeric(named(arguments)).items() if value.dtype != tf.string}

    def serving(**arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        return answers.named_outputs(numeric(named(arguments)), interface)

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return answers.class_scores(numeric(parse_examples(inputs, interface)), interface)

    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        (output,) = numeric(parse_examples(inputs, interface)).values()
        return {"outputs": tf.cast(output, tf.float32)}

    found = {SERVING: _concrete(serving, interface)}
    own_outputs = list(traced.structured_outputs.values())
    if any(output.dtype != tf.string for output in own_outputs):
        found[NUMERIC] = _concrete(numbers_only, interface)
    if parses_examples(interface):
        serialized = tf.TensorSpec([None], tf.string, name="inputs")
        if interface.class_names:
            found[CLASSIFY] = tf.function(classify, autograph=False).get_concrete_function(serialized)
        elif len(own_outputs) == 1 and _is_one_number(own_outputs[0]):
            found[REGRESS] = tf.function(regress, autograph=False).get_concrete_function(serialized)
    return found


def _concrete(function: Callable[..., Any], interface: Interface) -> Any:
    specs = {
        argument: tf.TensorSpec(interface.inputs[name].shape, interface.inputs[name].dtype, name=argument)
        for name, argument in interface.arguments.items()
    }
    return tf.function(function, autograph=False).get_concrete_function(**specs)


def _is_one_number(output: tf.TensorSpec) -> bool:
    """Whether a regression answers as the server's Regress takes it: numbers with a fraction [batch] or [batch, 1]."""
    return output.dtype.is_floating and output.shape.rank in (1, 2) and output.shape[1:].num_elements() == 1
