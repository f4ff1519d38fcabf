"""What a model has to have before an engine reads it: weights, metrics and an optimizer with its variables."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tuners.engine import data
from tuners.engine.call import FitCall
from tuners.engine.declined import Declined
from tuners.engine.identity import is_of_keras

BEFORE_THE_FIRST_BATCH = ("set_params", "set_model", "on_train_begin", "on_epoch_begin")
"""Hooks in which a callback sees a model that has no weights yet, where its first batch is to build it."""


def build_metrics(call: FitCall) -> None:
    """Let the metrics of a model make their variables, which they do when they are first asked.

    Args:
        call: Of a model whose metrics are Keras' own: they are asked about predictions of zeros.
    """
    x, y, weights, predictions = _example(call)
    call.model.compute_metrics(x, y, predictions, weights)
    call.model.reset_metrics()


def build_for_graph(call: FitCall) -> None:
    """Let metrics, loss and optimizer of a model make their variables, which they cannot do inside a loop of a graph.

    Args:
        call: Of a model whose metrics and loss are Keras' own.
    """
    x, y, weights, predictions = _example(call)
    call.model.compute_metrics(x, y, predictions, weights)
    call.model.compute_loss(x, y, predictions, weights, training=False)
    call.model.reset_metrics()
    build_optimizer(call.model)


def build_optimizer(model: keras.Model) -> None:
    """Let the optimizer of a model make its slots; where it cannot, `model.fit` may be able to."""
    if model.optimizer is not None and not model.optimizer.built:
        try:
            model.optimizer.build(model.trainable_variables)
        except Exception:
            # Keras' own say that they are before they have made anything.
            model.optimizer.built = False
            raise


def _example(call: FitCall) -> tuple[Any, Any, Any, Any]:
    """Inputs, targets and weights of an example or two, and predictions of zeros."""
    x, y, weights = (*keras.tree.map_structure(tf.constant, data.some(call.training, slice(0, 2))), None, None)[:3]
    rows = min(2, call.rows)
    # A sequential model has one output, and no structure of them before it is called.
    outputs = call.model.outputs[0] if isinstance(call.model, keras.Sequential) else call.model.output
    predictions = keras.tree.map_structure(lambda each: tf.zeros([rows, *each.shape[1:]], each.dtype), outputs)
    return x, y, weights, predictions


def _symbol(tensor: Any) -> Any:
    return keras.KerasTensor((None, *tensor.shape[1:]), tensor.dtype.name)


def unbuilt_model_built(call: FitCall) -> None:
    """Build a model that would be built by its first batch, without computing anything.

    Raises:
        Declined: A callback would see it before.
    """
    if not call.model.built:
        for each in call.callbacks:
            if _may_look_before_the_first_batch(each):
                raise Declined(f"the callback {type(each).__name__} sees the model before its first batch builds it")
        call.model(keras.tree.map_structure(lambda array: _symbol(tf.constant(array[:1])), call.training[0]))


def _may_look_before_the_first_batch(callback: Any) -> bool:
    # Of an object, or of a class that it was made of: keras.callbacks.LambdaCallback takes functions of the user's.
    return isinstance(callback, keras.callbacks.SwapEMAWeights) or any(
        hook in vars(callback) or not is_of_keras(getattr(type(callback), hook)) for hook in BEFORE_THE_FIRST_BATCH
    )
