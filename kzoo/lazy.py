"""Keras, imported when it is first used: what only lists or reads must start without TensorFlow."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    import keras as keras
else:
    keras = lazy_loader.load("keras")
