"""The engine that runs a whole epoch as one compiled function, with the data on the device.

It calls the model's own `train_step` and `test_step`, so that what is computed is what `model.fit` computes; what falls
away is the loop around them: iterators, callbacks of batches, and a call into TensorFlow for every batch. Models of one
structure share a compiled function: a new one's weights and settings are put into the one that it was made for.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuners.engine import arguments
from tuners.engine.data import DeviceData, Examples
from tuners.engine.fit import Best, BestEpoch
from tuners.engine.graph.compiled_models import Models
from tuners.engine.graph.fused.layers import fused_layers
from tuners.engine.graph.fused.loops import Batches
from tuners.engine.graph.traced_settings import Settings
from tuners.engine.request import Request, Trained
from tuners.engine.results import epochs_of
from tuners.private_apis import forget_gradients


class GraphEngine:
    """Trains by whole epochs in the graph.

    Args:
        data: The data on the device, which stay from one trial to the next.
    """

    def __init__(self, data: DeviceData) -> None:
        self._data, self._models = data, Models()

    def train(self, request: Request) -> Trained:
        """Train the model of a trial; `arguments.refusal` must have been "".

        Args:
            request: What to train.

        Returns:
            Metrics of each epoch and the best epoch's weights.

        Raises:
            Exception: Whatever training raises.
        """
        given = arguments.of(request) or {}
        epochs = int(given.get("epochs") or 1)
        training = self._data.examples(arguments.training_parts(given))
        validation = given.get("validation_data")
        holdout = None if validation is None else self._data.examples(tuple(validation))
        batch_size = int(given.get("batch_size") or arguments.BATCH_SIZE)
        holdout_batch_size = int(given.get("validation_batch_size") or batch_size)

        def steps_of(model: Any, settings: Settings) -> Steps:
            build(model, training)
            steps = Steps(model, epochs, settings)
            steps.train_on(training, batch_size)
            if holdout is not None:
                steps.validate_on(holdout, holdout_batch_size)
            return steps

        sizes = (training.signature, None if holdout is None else holdout.signature, batch_size, holdout_batch_size)
        ready = self._models.ready(request.model, (*sizes, epochs), steps_of)
        model, steps = ready.model, ready.steps
        steps.use(training, holdout)
        best = Best(request)
        callbacks = keras.callbacks.CallbackList(
            [*arguments.callbacks(given), BestEpoch(best)], add_history=True, model=model, verbose=0, epochs=epochs
        )
        shuffle = given.get("shuffle", True)
        history = _run(model, steps, callbacks, epochs=epochs, rows=training.rows if shuffle else 0)
        return Trained(
            epochs_of(history, request.objective), best.weights or model.get_weights(), model.get_build_config()
        )


def _run(model: Any, steps: Steps, callbacks: Any, *, epochs: int, rows: int) -> Any:
    # Drawn from the seed that the trial has set, as the shuffling of model.fit is.
    rng = np.random.default_rng(np.random.randint(2**31))
    model.stop_training = False
    callbacks.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        order = rng.permutation(rows).astype(np.int32) if rows else steps.in_order
        logs = steps.epoch(order)
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    if model.optimizer is not None and epochs > 0:
        model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    return model.history


class Steps:
    """The compiled epoch of one model.

    Args:
        model: A compiled and built Keras model.
        epochs: How many of them there will be, at most.
        settings: What is to be no part of what is compiled; None for nothing.
    """

    def __init__(self, model: Any, epochs: int, settings: Settings | None = None) -> None:
        self.model, self._epochs = model, epochs
        self._settings = settings or Settings(model, known=False)
        self._test: Any = None

    # A batch has an open size, so that a last one that is short needs no trace of its own. All is traced here and not
    # by the first call, so that a step is all that a call is.

    def train_on(self, training: Examples, batch_size: int) -> None:
        """Take the examples to train on, and how many to a step."""
        self._training, self.in_order = training, np.arange(training.rows, dtype=np.int32)
        self._train = self._over(training, batch_size, training=True)

    def validate_on(self, holdout: Examples, batch_size: int) -> None:
        """Take the examples to validate on, and how many to a step."""
        self._holdout, self._holdout_order = holdout, np.arange(holdout.rows, dtype=np.int32)
        self._test = self._over(holdout, batch_size, training=False)

    def use(self, training: Examples, holdout: Examples | None) -> None:
        """Take other examples of the same shapes, in the same number."""
        self._training = training
        if holdout is not None:
            self._holdout = holdout

    def epoch(self, order: np.ndarray) -> dict[str, float]:
        """Train on all examples once, in this order, then validate; metrics by name."""
        self.model.reset_metrics()
        self._train(tf.constant(order), self._training.parts)
        logs = self._results()
        if self._test is not None:
            self.model.reset_metrics()
            self._test(tf.constant(self._holdout_order), self._holdout.parts)
            logs |= {f"val_{name}": value for name, value in self._results().items()}
        return logs

    def _results(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def _over(self, examples: Examples, batch_size: int, *, training: bool) -> Any:
        """A compiled function that takes an order of the rows, and the rows, and takes a step on batch after batch."""
        step = self.model.train_step if training else self.model.test_step
        batches = Batches(examples.rows, batch_size, self._epochs)
        count = math.ceil(examples.rows / batch_size)

        def run(order: Any, parts: Any) -> None:
            def body(index: Any) -> Any:
                rows = order[index * batch_size : (index + 1) * batch_size]
                step(keras.tree.map_structure(lambda part: tf.gather(part, rows), parts))
                # No derivative is taken through a step, and its graph would outlive the model.
                forget_gradients(tf.compat.v1.get_default_graph().get_operations())
                return index + 1

            with self._settings.as_inputs(), fused_layers(self.model, batches, training=training):
                tf.while_loop(lambda index: index < count, body, [tf.constant(0)])

        # The loop is written for the graph; to have autograph rewrite all that Keras calls takes longer than training.
        compiled = tf.function(run, autograph=False)
        return compiled.get_concrete_function(tf.TensorSpec([examples.rows], tf.int32), examples.specs)


def build(model: Any, training: Examples) -> None:
    """Let metrics and optimizer make their variables, which they cannot do inside a loop of the graph.

    Args:
        model: A compiled Keras model.
        training: What it will be trained on.
    """
    few = keras.tree.map_structure(lambda part: part[:2], training.parts)
    x, y = few[0], few[1] if len(few) > 1 else None
    predictions = model(x, training=False)
    model.compute_metrics(x, y, predictions, few[2] if len(few) > 2 else None)
    model.compute_loss(x, y, predictions, few[2] if len(few) > 2 else None, training=False)
    model.optimizer.build(model.trainable_variables)
    model.reset_metrics()
