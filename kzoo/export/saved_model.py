"""The SavedModel itself: signatures around one traced model, each weight stored once.

`model.export` tracks the layers and a list of their variables and so writes every weight twice. Here a `tf.Module`
holds what the traced model captured and nothing else, so optimizer slots and seeds stay behind too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from kzoo.export.examples_proto import parse_examples, parses_examples
from kzoo.export.inference import answers
from kzoo.export.interface import Interface
from kzoo.export.slimming import drop_saving

if TYPE_CHECKING:
    import keras

SERVING = "serving_default"
NUMERIC = "numeric"
CLASSIFY = "classify"
REGRESS = "regress"

_TABLES = (
    tf.lookup.StaticHashTable,
    tf.lookup.StaticVocabularyTable,
    tf.lookup.experimental.MutableHashTable,
    tf.lookup.experimental.DenseHashTable,
)


def write_saved_model(model: keras.Model, interface: Interface, directory: Path) -> tuple[str, ...]:
    """Write a model with its signatures.

    Args:
        model: The model; it is traced in inference mode.
        interface: What it takes and answers.
        directory: An empty directory.

    Returns:
        Names of the signatures: "serving_default", "numeric" (unless the model answers with text only), and "classify"
        or "regress" where rows can be tf.Examples and the outputs allow it.
    """
    core = tf.function(lambda inputs: interface.call(model, inputs), autograph=False)
    traced = core.get_concrete_function(dict(interface.inputs))
    module = tf.Module()
    module.weights = list(traced.variables)
    module.tables = _tables(model)
    # The traced model is called by every signature: one copy of its graph serves all.
    signatures = _signatures(traced, interface)
    tf.saved_model.save(
        module, str(directory), signatures, tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    )
    drop_saving(directory)
    return tuple(signatures)


def _signatures(traced: Any, interface: Interface) -> dict[str, Any]:
    def numeric(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return answers.numeric_outputs(traced(inputs), interface)

    def numbers_only(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: value for name, value in numeric(inputs).items() if value.dtype != tf.string}

    def serving(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return answers.named_outputs(numeric(inputs), interface)

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = answers.named_outputs(numeric(parse_examples(inputs, interface)), interface)
        # The server takes scores in this type only.
        scores = tf.cast(outputs[answers.PROBABILITIES], tf.float32)
        return {"classes": outputs[answers.CLASSES], "scores": scores}

    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        (output,) = numeric(parse_examples(inputs, interface)).values()
        return {"outputs": output}

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
    return tf.function(function, autograph=False).get_concrete_function(**interface.inputs)


def _is_one_number(output: tf.TensorSpec) -> bool:
    """Whether a regression answers as the server's Regress takes it: float [batch] or [batch, 1]."""
    return output.dtype == tf.float32 and output.shape.rank in (1, 2) and output.shape[1:].num_elements() == 1


def _tables(model: keras.Model) -> list[Any]:
    """Lookup tables of text layers, which are captured but are no variables."""
    return [part for part in tf.train.TrackableView(model).descendants() if isinstance(part, _TABLES)]
