"""Whole epochs as one compiled function, with the data on the device.

It calls the model's own `train_step` and `test_step`, so that what is computed is what `model.fit` computes; what falls
away is the loop around them: iterators, callbacks of batches, and a call into TensorFlow for every batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from tuners.engine.call import FitCall
from tuners.engine.graph.fused.layers import fused_layers
from tuners.engine.graph.fused.loops import Batches
from tuners.engine.graph.traced_settings import Settings
from tuners.engine.training import reported


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a compiled epoch depends on beside the model.

    Attributes:
        training: Shapes and dtypes of what is trained on.
        validation: Of what is validated on, or None.
        batch_size: Examples in a step.
        validation_batch_size: Likewise, of validation.
        batches: What passes through the model in an epoch.
    """

    training: Any
    validation: Any
    batch_size: int
    validation_batch_size: int
    batches: Batches

    @classmethod
    def of(cls, call: FitCall) -> Sizes:
        """Of a call of `model.fit`."""
        return cls(
            _specs(call.training),
            None if call.validation is None else _specs(call.validation),
            call.batch_size,
            call.validation_batch_size,
            Batches(call.rows, call.batch_size, call.epochs),
        )


def _specs(parts: tuple[Any, ...]) -> Any:
    def spec(array: NDArray[Any]) -> Any:
        return tf.TensorSpec(array.shape, tf.string if array.dtype.kind in "OSU" else array.dtype)

    return keras.tree.map_structure(spec, parts)


class CompiledEpoch:
    """The compiled steps of one model. All is traced here and not by the first call, so that a step is all a call is.

    Args:
        model: A compiled Keras model that is built, with its metrics and its optimizer.
        sizes: What it is compiled for.
        settings: What is to be no part of what is compiled; None for nothing.
        returned: What a step of training and one of validation return, where that is not the model's metrics.
    """

    def __init__(
        self,
        model: Any,
        sizes: Sizes,
        settings: Settings | None = None,
        returned: tuple[Any, Any] = (None, None),
    ) -> None:
        self.model, self._sizes = model, sizes
        self._settings = settings or Settings(model, known=False)
        self._train = self._over(sizes.training, sizes.batch_size, returned[0], training=True)
        self._test: Any = None
        if sizes.validation is not None:
            size = sizes.validation_batch_size
            self._test = self._over(sizes.validation, size, returned[1], training=False)

    def train(self, rows: NDArray[Any], parts: Any) -> dict[str, Any]:
        """Train on rows of the data in this order; metrics by name."""
        self.model.reset_metrics()
        return reported(self.model, self._train(tf.constant(rows), parts))

    def validate(self, rows: NDArray[Any], parts: Any) -> dict[str, Any]:
        """Metrics by name on rows of the data."""
        self.model.reset_metrics()
        return reported(self.model, self._test(tf.constant(rows), parts))

    def _over(self, specs: Any, batch_size: int, returned: Any, *, training: bool) -> Any:
        """A compiled function that takes an order of the rows, and the data, and takes a step on batch after batch."""
        step = self.model.train_step if training else self.model.test_step
        first = _zeros(returned)
        names = None if first else set(self.model.get_metrics_result())

        def batch(parts: Any, rows: Any) -> Any:
            gathered = keras.tree.map_structure(lambda part: tf.gather(part, rows), parts)
            return gathered if len(gathered) > 1 or isinstance(gathered[0], tuple) else gathered[0]

        def run(order: Any, parts: Any) -> Any:
            count = (tf.size(order) + batch_size - 1) // batch_size

            def body(index: Any, logs: Any) -> Any:
                # An open size, so that a last batch that is short needs no trace of its own.
                found = step(batch(parts, order[index * batch_size : (index + 1) * batch_size]))
                return index + 1, {name: tf.cast(found[name], value.dtype) for name, value in logs.items()}

            with self._settings.as_inputs(), fused_layers(self.model, self._sizes.batches, training=training):
                _, logs = tf.while_loop(lambda index, _: index < count, body, [tf.constant(0), first])
            return logs

        # The loop is written for the graph; to have autograph rewrite all that Keras calls takes longer than training.
        compiled = tf.function(run, autograph=False)
        concrete = compiled.get_concrete_function(tf.TensorSpec([None], tf.int32), specs)
        return concrete if names is None else lambda order, parts: concrete(order, parts) or dict.fromkeys(names)


def _zeros(returned: Any) -> dict[str, Any]:
    """Where the loop begins with what steps return."""
    if returned is None:
        return {}
    if not isinstance(returned, Mapping):
        raise TypeError(f"a step returned {type(returned).__name__}, not metrics by name")
    return {name: tf.zeros_like(tf.convert_to_tensor(value)) for name, value in returned.items()}


def on_device(parts: tuple[Any, ...]) -> Any:
    """Data as tensors, moved to the device."""
    return keras.tree.map_structure(tf.constant, parts)
