"""A search space for tests that need no model."""

import keras_tuner


def flat_space():
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Choice("kind", ["a", "b"])
    return hp
