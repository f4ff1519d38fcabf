"""What a model has to have before an engine reads it: weights, metrics and an optimizer with its variables."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tuners.engine import data
from tuners.engine.call import FitCall


def build_with_metrics(call: FitCall) -> None:
    """Let metrics and optimizer of a model make their variables, which they cannot do inside a loop of the graph.

    Args:
        call: Of a model whose loss and metrics are Keras' own: they are asked about predictions of zeros.
    """
    model = call.model
    few = keras.tree.map_structure(tf.constant, data.some(call.training, slice(0, 2)))
    x, y, weights = (*few, None, None)[:3]
    spec = model.compute_output_spec(keras.tree.map_structure(_symbol, x))
    rows = min(2, call.rows)
    predictions = keras.tree.map_structure(lambda each: tf.zeros([rows, *each.shape[1:]], each.dtype), spec)
    model.compute_metrics(x, y, predictions, weights)
    model.compute_loss(x, y, predictions, weights, training=False)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.reset_metrics()


def _symbol(tensor: Any) -> Any:
    return keras.KerasTensor((None, *tensor.shape[1:]), tensor.dtype.name)


def unbuilt_model_built(call: FitCall) -> None:
    """Build a model that would be built by its first batch, without computing anything."""
    if not call.model.built:
        call.model(keras.tree.map_structure(lambda array: _symbol(tf.constant(array[:1])), call.training[0]))
