"""The first trials of a search in a wide space as users write it, whose defaults are the least values.

A network of one to four layers on 400 of the digits, 300 more to validate, 10 epochs: learning rates from 1e-6 to 1
of three optimizers, dropout up to 0.8, L2 up to 0.1. Most configurations learn nothing. keras-tuner takes the least
value of a range for the default where none is given; "with defaults" has a learning rate of 1e-3 and 64 units in the
first layer as defaults.

Prints a table and saves it beside this script.

Run: python tests/benchmarks/first_trials.py [--seeds 10]
"""

import os

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import datetime
import tempfile
from pathlib import Path

import keras
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits

import tuners

TRIALS, EPOCHS, AT = 16, 10, (4, 6, 8, 10, 13, 16)
WORST = 9.0
"""What a diverged trial counts."""


def build(hp):
    model = keras.Sequential([keras.Input((64,))])
    for layer in range(hp.Int("layers", 1, 4)):
        units = hp.Int(f"units_{layer}", 8, 128, sampling="log")
        activation = hp.Choice("activation", ["relu", "tanh", "sigmoid"])
        penalty = keras.regularizers.L2(hp.Float("l2", 1e-8, 1e-1, sampling="log"))
        model.add(keras.layers.Dense(units, activation=activation, kernel_regularizer=penalty))
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.8)))
    model.add(keras.layers.Dense(10, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-6, 1.0, sampling="log")
    kinds = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}
    optimizer = kinds[hp.Choice("optimizer", list(kinds))](rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def with_defaults(hp):
    # The first declaration of a name stands.
    hp.Float("learning_rate", 1e-6, 1.0, sampling="log", default=1e-3)
    hp.Int("units_0", 8, 128, sampling="log", default=64)
    return build(hp)


def kzoo(hypermodel, seed, **where):
    objective = keras_tuner.Objective("val_loss", "min")
    return tuners.CoarseToFineSearch(hypermodel, objective, TRIALS, seed, reruns=0, keep_checkpoints=1, **where)


def at_random(hypermodel, seed, **where):
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("val_loss", "min"), TRIALS, seed)
    oracle.verbose = 0
    return tuners.FastTuner(oracle, hypermodel, keep_checkpoints=1, **where)


SEARCHES = {
    "kzoo": (kzoo, build),
    "kzoo, with defaults": (kzoo, with_defaults),
    "keras-tuner's RandomSearch": (at_random, build),
}


def best_so_far(make, hypermodel, seed):
    """The smallest validation loss after each trial of a search."""
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(x))
    x, y = (x[rows] / 16).astype(np.float32), y[rows]
    with tempfile.TemporaryDirectory() as directory:
        tuner = make(hypermodel, seed, directory=directory, project_name="search")
        held_out = (x[400:700], y[400:700])
        tuner.search(x[:400], y[:400], validation_data=held_out, epochs=EPOCHS, verbose=0)
        scores = [trial.score for trial in tuner.oracle.trials.values()]
    known = [score if score is not None and np.isfinite(score) else WORST for score in scores]
    return np.minimum.accumulate(np.minimum(known, WORST))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    lines = [f"| search | {' | '.join(f'@{each}' for each in AT)} |", "|---|" + "---:|" * len(AT)]
    for name, search in SEARCHES.items():
        found = np.array([best_so_far(*search, seed) for seed in range(1, options.seeds + 1)])[:, np.array(AT) - 1]
        lines.append(f"| {name} | {' | '.join(f'{each:.3f}' for each in np.exp(np.log(found).mean(axis=0)))} |")
        print(lines[-1], flush=True)
    words = f"Smallest validation loss after so many trials, the geometric mean over {options.seeds} seeds. Made by"
    lines += ["", f"{words} `tests/benchmarks/first_trials.py`, {datetime.date.today()}.", ""]
    Path(__file__).with_suffix(".md").write_text("\n".join(["# The first trials in a wide space", "", *lines]))


if __name__ == "__main__":
    main()
