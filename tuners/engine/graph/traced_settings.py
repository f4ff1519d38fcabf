"""Settings of a model as inputs of its compiled steps, so that they can change without a new trace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tuners.engine.graph.signature import schedule_of, settings


class Setting:
    """Stands where a layer or an optimizer expects a float > 0, while its step is traced.

    Args:
        value: The number, a float64 tensor.
    """

    def __init__(self, value: Any) -> None:
        self._exact = value
        self._rounded = tf.cast(value, tf.float32)
        # As Python would: 1 - 0.999 in float32 would be 2e-5 off.
        self._complement = tf.cast(1 - value, tf.float32)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        """TensorFlow's protocol for what is turned into tensors."""
        if dtype in (None, tf.float32):
            return self._rounded
        return tf.cast(self._exact, dtype)

    def __rsub__(self, other: float) -> Any:
        """1 - the setting."""
        if other != 1:
            return NotImplemented
        return self._complement

    def __gt__(self, other: float) -> bool:
        """Whether it is greater than 0, as it always is."""
        return True if other == 0 else NotImplemented


class Settings:
    """The settings of a model.

    Args:
        model: A compiled and built model. The schedule of its learning rate is replaced by an equal one.
        known: Whether it has a structure; else all settings are compiled into its steps.
    """

    def __init__(self, model: keras.Model, *, known: bool = True) -> None:
        self._places: list[tuple[Any, str]] = []
        self._optimizer = model.optimizer
        self._has_schedule = False
        if known:
            schedule = schedule_of(model.optimizer)
            self._has_schedule = schedule is not None
            if schedule is not None:
                self._optimizer.learning_rate = schedule
            self._places = list(settings(model, schedule))
        self._values = tf.Variable(self._numbers(), dtype=tf.float64, trainable=False)

    def take(self, model: keras.Model) -> None:
        """Take over the settings and the learning rate of another model.

        Args:
            model: One of the same structure.
        """
        schedule = schedule_of(model.optimizer)
        for (owner, name), (other, _) in zip(self._places, settings(model, schedule), strict=True):
            setattr(owner, name, getattr(other, name))
        self._values.assign(self._numbers())
        self.take_rate(model)

    def take_rate(self, model: keras.Model) -> None:
        """Take over the learning rate of another model, where it is a number."""
        if not self._has_schedule:
            # The number: a variable that is assigned to an attribute becomes one of the optimizer's own.
            self._optimizer.learning_rate = float(model.optimizer.learning_rate)

    @contextlib.contextmanager
    def as_inputs(self) -> Iterator[None]:
        """Within, what is traced reads the settings each time that it begins."""
        numbers = self._numbers()
        try:
            for index, (owner, name) in enumerate(self._places):
                setattr(owner, name, Setting(self._values[index]))
            yield
        finally:
            for (owner, name), number in zip(self._places, numbers, strict=True):
                setattr(owner, name, number)

    def _numbers(self) -> list[float]:
        return [getattr(owner, name) for owner, name in self._places]
