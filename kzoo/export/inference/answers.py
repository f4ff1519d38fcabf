"""What an export answers with, computed from a model's own outputs: once in the graph, once in numpy to check it by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError
from kzoo.export.interface import SINGLE_OUTPUT, Interface
from kzoo.export.json_dtypes import json_dtype

PROBABILITIES = "probabilities"
LABEL = "label"
CLASSES = "classes"
SCORES = "scores"
# Softmax sums to 1 but for rounding; in float16 it rounds to about 1e-3.
_SUM_TOLERANCE = 1e-2


def check_outputs(outputs: Mapping[str, np.ndarray], interface: Interface) -> None:
    """Refuse outputs that are not what the signatures say.

    Args:
        outputs: The model's own outputs on a batch, by name.
        interface: What the model takes and answers.

    Raises:
        ExportError: A value is not finite, or the model should classify but its output is no row of probabilities for
            each class name.
    """
    for name, array in outputs.items():
        if tf.as_dtype(array.dtype).is_floating and not np.isfinite(array.astype("float64")).all():
            raise ExportError(
                f"The model's output {name!r} is NaN or infinite on the examples; its weights or the examples are "
                "broken, so train it again or look for missing values."
            )
    if interface.class_names:
        _check_probabilities(outputs, len(interface.class_names), one_of_all=not interface.multi_label)


def numeric_outputs(outputs: Mapping[str, tf.Tensor], interface: Interface) -> dict[str, tf.Tensor]:
    """The outputs without text: probabilities [batch, classes] of a classifier, else what the model answers.

    Args:
        outputs: The model's own outputs, by name.
        interface: What the model takes and answers.

    Returns:
        Tensors by output name, in dtypes that the server's JSON has a form for: half precision becomes float32.
    """
    outputs = {name: tf.cast(value, json_dtype(value.dtype)) for name, value in outputs.items()}
    if not interface.class_names:
        return outputs
    (probabilities,) = outputs.values()
    if probabilities.shape[-1] == 1:
        probabilities = tf.concat([1 - probabilities, probabilities], axis=-1)
    return {PROBABILITIES: probabilities}


def named_outputs(numeric: Mapping[str, tf.Tensor], interface: Interface) -> dict[str, tf.Tensor]:
    """The outputs with the names of a classifier's answers: `label` [batch] beside `probabilities`, where it is one.

    The names of all classes, which are the same for every row, are not among them: as text they would cost more than a
    small model. They are in `class_scores`, and once in the card.

    Args:
        numeric: What `numeric_outputs` returned.
        interface: What the model takes and answers.

    Returns:
        Tensors by output name.
    """
    if not interface.class_names or interface.multi_label:
        return dict(numeric)
    # A gather from a constant needs no lookup table, so no assets and no initialisation when the server loads.
    label = tf.gather(tf.constant(interface.class_names), tf.argmax(numeric[PROBABILITIES], axis=-1))
    return {PROBABILITIES: numeric[PROBABILITIES], LABEL: label}


def class_scores(numeric: Mapping[str, tf.Tensor], interface: Interface) -> dict[str, tf.Tensor]:
    """A classifier's answers as the server's Classify takes them: `classes` and `scores`, both [batch, classes].

    Args:
        numeric: What `numeric_outputs` returned.
        interface: What the model takes and answers.

    Returns:
        Text and float32 by output name.

    References:
        `tensorflow_serving/servables/tensorflow/classifier.cc`, PostProcessClassificationResult.
    """
    probabilities = numeric[PROBABILITIES]
    # Every output has the batch first: the server's batching splits all of them by rows.
    classes = tf.broadcast_to(tf.constant(interface.class_names), tf.shape(probabilities))
    return {CLASSES: classes, SCORES: tf.cast(probabilities, tf.float32)}


def expected_numeric(outputs: Mapping[str, np.ndarray], interface: Interface) -> dict[str, np.ndarray]:
    """`numeric_outputs` in numpy."""
    outputs = {name: _as_json_has_it(array) for name, array in outputs.items()}
    if not interface.class_names:
        return outputs
    (probabilities,) = outputs.values()
    return {PROBABILITIES: both_classes(probabilities)}


def both_classes(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities of all classes [batch, classes], where a model answers with those of the second of two as well."""
    if probabilities.shape[-1] == 1:
        return np.concatenate([1 - probabilities, probabilities], axis=-1)
    return probabilities


def _as_json_has_it(array: np.ndarray) -> np.ndarray:
    wider = json_dtype(tf.as_dtype(array.dtype))
    return array if wider in (None, tf.string) else array.astype(wider.as_numpy_dtype)


def _check_probabilities(outputs: Mapping[str, np.ndarray], classes: int, *, one_of_all: bool) -> None:
    if set(outputs) != {SINGLE_OUTPUT}:
        raise ExportError(
            f"The model has the outputs {sorted(outputs)}; a classifier has one. Leave task and class_names out to "
            "export them as they are."
        )
    probabilities = outputs[SINGLE_OUTPUT]
    width = probabilities.shape[-1] if probabilities.ndim == 2 else None
    if width != classes and not (width == 1 and classes == 2):
        raise ExportError(
            f"There are {classes} class names, but the model answers with shape {list(probabilities.shape)}; expected "
            f"[rows, {classes}]. Give one name per class."
        )
    sums = probabilities.astype("float64").sum(axis=-1) if one_of_all and width != 1 else np.ones(1)
    if probabilities.min() < 0 or probabilities.max() > 1 or abs(sums - 1).max() > _SUM_TOLERANCE:
        raise ExportError(
            "The model's outputs are no probabilities: they do not lie between 0 and 1 and sum to 1. End the model in "
            "softmax (sigmoid for a single output), or leave task and class_names out to export scores as they are."
        )
