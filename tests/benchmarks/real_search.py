"""Search quality in real training: our oracle against keras-tuner's, at equal numbers of epochs trained.

Each search trains the zoo's MLP for the same number of epochs in all and is judged by the smallest validation loss it
has seen by then. All train through `tuners.FastTuner`, which changes how fast a trial is and not what it gives.
Hyperband starts many short trials and goes on with the best; a trial that goes on is charged its further epochs only
and trained from its own seed as if it had never stopped, which is kinder to it than keras-tuner's own resuming.
Bayesian optimisation begins with as many random trials as our coarse stage has; its default of three a hyperparameter
would use the budget up.

Prints a table, and with --write saves it and the numbers beside this script.

Run: python tests/benchmarks/real_search.py [--data digits,breast_cancer] [--seeds 5] [--trials 20] [--epochs 9]
    [--write]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import copy
import datetime
import importlib.metadata
import json
import tempfile
import time
from pathlib import Path

import keras_tuner
import numpy as np

import kzoo
import tuners

HERE = Path(__file__).parent
LOSS = keras_tuner.Objective("val_loss", "min")
MOST_ROWS = 5_000
MANY = 10**6
SHARES = (0.5, 0.75, 1.0)


class Ours(tuners.FastTuner):
    """Counts the epochs of every trial and keeps what it reached."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.reached = []

    def run_trial(self, trial, *args, **kwargs):
        epochs = super().run_trial(trial, *args, **kwargs)
        self.reached += [each["val_loss"] for each in epochs]
        return epochs


class Hyperband(Ours):
    """Trains as many epochs as the oracle asks for."""

    def run_trial(self, trial, *args, **kwargs):
        asked = trial.hyperparameters.values
        root = trial
        while "tuner/trial_id" in root.hyperparameters.values:
            root = self.oracle.get_trial(root.hyperparameters.values["tuner/trial_id"])
        # The seed of a trial comes from its id: under the id of the first of its line it goes on as that one.
        again = copy.copy(trial)
        again.trial_id = root.trial_id
        epochs = tuners.FastTuner.run_trial(self, again, *args, **{**kwargs, "epochs": asked["tuner/epochs"]})
        self.reached += [each["val_loss"] for each in epochs[asked["tuner/initial_epoch"] :]]
        return epochs


SEARCHES = {
    "kzoo": (Ours, lambda seed, epochs: tuners.CoarseToFineOracle(LOSS, MANY, seed)),
    "kzoo, model-free": (Ours, lambda seed, epochs: tuners.CoarseToFineOracle(LOSS, MANY, seed, ranking=False)),
    "KerasTuner RandomSearch": (
        Ours,
        lambda seed, epochs: keras_tuner.oracles.RandomSearchOracle(LOSS, MANY, seed=seed),
    ),
    "KerasTuner BayesianOptimization": (
        Ours,
        lambda seed, epochs: keras_tuner.oracles.BayesianOptimizationOracle(
            LOSS, MANY, num_initial_points=8, seed=seed
        ),
    ),
    "KerasTuner Hyperband": (
        Hyperband,
        lambda seed, epochs: keras_tuner.oracles.HyperbandOracle(
            LOSS, max_epochs=epochs, factor=3, hyperband_iterations=MANY, seed=seed
        ),
    ),
}


def losses(name, data, seed, budget, epochs):
    """Validation loss of every epoch trained, [budget], and the CPU seconds of the search."""
    kind, make = SEARCHES[name]
    # keras-tuner's seeds overlap when they are close to each other.
    oracle = make(1000 * seed + 1, epochs)
    oracle.verbose = 0
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=epochs)
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as directory:
        tuner = kind(oracle, hypermodel, directory=directory, project_name="search")
        while len(tuner.reached) < budget:
            trial = oracle.create_trial(tuner.tuner_id)
            rows = slice(MOST_ROWS)
            tuner._attempt(  # noqa: SLF001 - one trial of `search`, to stop at the budget whatever the oracle's limit
                trial,
                (data.x_train[rows], data.y_train[rows]),
                {"validation_data": (data.x_val[rows], data.y_val[rows]), "epochs": epochs, "verbose": 0},
            )
            tuner.on_trial_end(trial)
    return tuner.reached[:budget], time.process_time() - begun


def measure(source, seeds, trials, epochs):
    """Best validation loss by search and seed at each share of the budget, and CPU seconds of a search."""
    data, budget = kzoo.load_dataset(source), trials * epochs
    found = {}
    for name in SEARCHES:
        best, spent = [], []
        for seed in range(seeds):
            reached, seconds = losses(name, data, seed, budget, epochs)
            so_far = np.fmin.accumulate(np.where(np.isfinite(reached), reached, np.inf))
            best.append([float(so_far[round(share * budget) - 1]) for share in SHARES])
            spent.append(seconds)
        found[name] = {"best": best, "seconds": float(np.mean(spent))}
        print(source, name, np.mean(best, axis=0).round(4), f"{found[name]['seconds']:.0f} s", flush=True)
    return found


def table(results, trials, epochs):
    budget = trials * epochs
    heads = " | ".join(f"@{round(share * budget)}" for share in SHARES)
    parts = []
    for source, found in results.items():
        seeds = len(next(iter(found.values()))["best"])
        parts += [f"{source}, {seeds} seeds", "", f"| search | {heads} | mean rank | CPU s |"]
        parts += ["|---|" + "---:|" * (len(SHARES) + 2)]
        ranks = np.argsort(np.argsort([np.array(each["best"])[:, -1] for each in found.values()], axis=0), axis=0) + 1
        for (name, each), rank in zip(found.items(), ranks.mean(axis=1), strict=True):
            best = np.array(each["best"])
            error = best.std(axis=0, ddof=1) / np.sqrt(len(best))
            cells = [f"{mean:.4f} ± {wide:.4f}" for mean, wide in zip(best.mean(axis=0), error, strict=True)]
            parts.append(f"| {name} | {' | '.join(cells)} | {rank:.1f} | {each['seconds']:.0f} |")
        parts.append("")
    packages = ("kzoo", "tensorflow", "keras", "keras-tuner", "scikit-learn")
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in packages)
    parts.append(
        f"Smallest validation loss after so many epochs trained, mean and standard error; {trials} trials of {epochs} "
        "epochs, or as many epochs in trials of other lengths, of the zoo's `mlp`. Mean rank: at the end of the "
        f"budget, 1 is the best of {len(SEARCHES)}. Made by `tests/benchmarks/real_search.py`, "
        f"{datetime.date.today()}; {versions}."
    )
    return "\n".join([*parts, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits,breast_cancer")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="save the table and the numbers beside this script")
    options = parser.parse_args()
    names = options.data.split(",")
    results = {source: measure(source, options.seeds, options.trials, options.epochs) for source in names}
    print(made := table(results, options.trials, options.epochs))
    if options.write:
        (HERE / "real_search.md").write_text(made)
        (HERE / "real_search.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
