"""A search script for chief and workers, told apart by keras-tuner's variables: python distributed.py DIRECTORY."""

import os
import sys
import time
from pathlib import Path

import keras
import numpy as np

import tuners
from tuners.parallel.chief import serve_oracle

directory = Path(sys.argv[1])
name = os.environ["KERASTUNER_TUNER_ID"]


class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        (directory / f"{name} trains").touch()
        time.sleep(600 if name == "worker1" else 0)


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    return model


tuner = tuners.CoarseToFineSearch(build, "val_loss", 4, 1, directory=str(directory), project_name="run")
if name == "chief":
    serve_oracle(tuner, lease=7.0)
else:
    # The other worker could do all trials before the one that is to be killed has begun.
    while name == "worker2" and not (directory / "worker1 trains").exists():
        time.sleep(0.1)
    x = np.random.default_rng(1).normal(size=(64, 2)).astype("float32")
    tuner.search(x, x[:, :1], validation_data=(x, x[:, :1]), epochs=1, verbose=0, callbacks=[Slow()])
