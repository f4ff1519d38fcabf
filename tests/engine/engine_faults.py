"""Faults to put into the numpy engine, each by a monkeypatch: silent wrong results where nobody looks."""

import keras
import numpy as np

from tuners.engine.numpy_engine import scoring
from tuners.engine.numpy_engine.activations import ACTIVATIONS, Derived
from tuners.engine.numpy_engine.kernels import BatchNorm
from tuners.engine.numpy_engine.optimizer import Adam, Optimizer


def wrong_rates(self, rates, steps):
    return rates * 1.2


FAULTS = {
    "an activation": lambda m: m.setitem(
        ACTIVATIONS, keras.activations.relu, Derived(lambda x: (x, x), lambda y, d: d)
    ),
    "a derivative": lambda m: m.setitem(
        ACTIVATIONS, keras.activations.relu, Derived(lambda x: (np.maximum(x, 0), x), lambda x, dy: dy * (x > -1))
    ),
    "moving statistics": lambda m: m.setattr(
        BatchNorm, "__init__", lambda self, e, _: vars(self).update(_epsilon=np.float32(e), _newest=np.float32(0.5))
    ),
    "a learning rate": lambda m: m.setattr(Adam, "rates", wrong_rates),
    "averages that are not left": lambda m: m.setattr(Optimizer, "_pairs", lambda self: iter(())),
    "metrics on logits": lambda m: m.setitem(scoring.HEADS, keras.activations.softmax, lambda x: x),
    "validation": lambda m: m.setattr(scoring.Scoring, "mean_loss", lambda self, *_: 1.0),
}
