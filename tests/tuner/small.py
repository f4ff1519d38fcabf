"""Data and a hypermodel, small."""

import keras
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int32)
DATA = {"x": X[:80], "y": Y[:80], "validation_data": (X[80:], Y[80:])}


def build(hp):
    model = keras.Sequential([keras.Input((4,))])
    model.add(keras.layers.Dense(hp.Int("units", 2, 32, sampling="log"), activation="relu"))
    model.add(keras.layers.Dense(2, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-3, 1.0, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
