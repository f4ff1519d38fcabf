"""Search quality in real training: our oracle against keras-tuner's, at equal numbers of epochs trained.

Each search trains the zoo's MLP for the same number of epochs in all and is judged by the smallest validation loss it
has seen by then. All train through `tuners.FastTuner`, which changes how fast a trial is and not what it gives.
Ours begin with the zoo's defaults, as they do in `kzoo search`; keras-tuner's have no way of doing so.
Hyperband starts many short trials and goes on with the best; a trial that goes on is charged its further epochs only
and trained from its own seed as if it had never stopped, which is kinder to it than keras-tuner's own resuming.
Bayesian optimisation begins with as many random trials as our coarse stage has; its default of three a hyperparameter
would use the budget up.

Prints a table and saves it and the numbers beside this script. Numbers that are there are not measured again: delete
them to begin anew.

Run: python tests/benchmarks/real_search.py [--data digits,breast_cancer] [--searches kzoo,...] [--seeds 5]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
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
from tuners.engine.results import epochs_of

NUMBERS = Path(__file__).with_suffix(".json")
LOSS = keras_tuner.Objective("val_loss", "min")
MOST_ROWS = 5_000
MANY = 10**6
SHARES = (0.5, 0.75, 1.0)


class Ours(tuners.FastTuner):
    """Keeps what every epoch of every trial reached, and begins no further trial after so many epochs."""

    def __init__(self, *args, budget, **options):
        super().__init__(*args, **options)
        self.budget, self.reached = budget, []

    def run_trial(self, trial, *args, **kwargs):
        result = super().run_trial(trial, *args, **kwargs)
        self.reached += [each["val_loss"] for each in epochs_of(result, LOSS)]
        return result

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        if len(self.reached) >= self.budget:
            self.oracle.max_trials = len(self.oracle.trials)


class Pruned(Ours):
    """Ends trials that fall behind after a third or two thirds of their epochs; what they have trained is charged."""

    def __init__(self, *args, **options):
        super().__init__(*args, pruning=tuners.MedianStopping(), **options)


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
        result = tuners.FastTuner.run_trial(self, again, *args, **{**kwargs, "epochs": asked["tuner/epochs"]})
        self.reached += [each["val_loss"] for each in epochs_of(result, LOSS)[asked["tuner/initial_epoch"] :]]
        return result


def ours(seed, priorities, **options):
    return tuners.CoarseToFineOracle(LOSS, MANY, seed, priorities=priorities, **options)


SEARCHES = {
    # name: (tuner, oracle of a seed, a number of epochs and the priorities of the hypermodel)
    "kzoo": (Ours, lambda seed, epochs, priorities: ours(seed, priorities)),
    "kzoo with pruning": (Pruned, lambda seed, epochs, priorities: ours(seed, priorities)),
    "kzoo without priorities": (Ours, lambda seed, epochs, priorities: ours(seed, {}, initial=[{}])),
    "KerasTuner RandomSearch": (
        Ours,
        lambda seed, epochs, _: keras_tuner.oracles.RandomSearchOracle(LOSS, MANY, seed=seed),
    ),
    "KerasTuner BayesianOptimization": (
        Ours,
        lambda seed, epochs, _: keras_tuner.oracles.BayesianOptimizationOracle(
            LOSS, MANY, num_initial_points=8, seed=seed
        ),
    ),
    "KerasTuner Hyperband": (
        Hyperband,
        lambda seed, epochs, _: keras_tuner.oracles.HyperbandOracle(
            LOSS, max_epochs=epochs, factor=3, hyperband_iterations=MANY, seed=seed
        ),
    ),
}


def losses(name, data, seed, budget, epochs):
    """Validation loss of every epoch trained, [budget], and the CPU seconds of the search."""
    kind, make = SEARCHES[name]
    # keras-tuner's oracles add to their seed as they go, so that seeds close to each other give the same trials.
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=epochs)
    oracle = make(int(np.random.default_rng(seed).integers(2**31)), epochs, hypermodel.priorities)
    oracle.verbose = 0
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as directory:
        tuner = kind(oracle, hypermodel, budget=budget, directory=directory, project_name="search")
        rows = slice(MOST_ROWS)
        validation = data.x_val[rows], data.y_val[rows]
        tuner.search(data.x_train[rows], data.y_train[rows], validation_data=validation, epochs=epochs, verbose=0)
    return tuner.reached[:budget], time.process_time() - begun


def kept():
    """The numbers saved beside this script, by data, search and seed."""
    return json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}


def measure(source, name, seed, trials, epochs):
    """One search: the best validation loss at each share of the budget, and its CPU seconds; saved at once."""
    reached, seconds = losses(name, kzoo.load_dataset(source), seed, trials * epochs, epochs)
    so_far = np.fmin.accumulate(np.where(np.isfinite(reached), reached, np.inf))
    best = [float(so_far[round(share * trials * epochs) - 1]) for share in SHARES]
    print(source, name, seed, np.round(best, 4), f"{seconds:.0f} s", flush=True)
    # Read again, since another search may have been saved meanwhile.
    results = kept()
    entry = {"trials": trials, "epochs": epochs, "best": best, "seconds": seconds, "date": str(datetime.date.today())}
    results.setdefault(source, {}).setdefault(name, {})[str(seed)] = entry
    NUMBERS.write_text(json.dumps(results, indent=1))


def table(results):
    parts = []
    for source, found in results.items():
        some = next(iter(next(iter(found.values())).values()))
        budget = some["trials"] * some["epochs"]
        heads = " | ".join(f"@{round(share * budget)}" for share in SHARES)
        parts += [
            f"{source}: {some['trials']} trials of {some['epochs']} epochs, or {budget} epochs in other trials.",
            "",
        ]
        parts += [f"| search | {heads} | seeds | CPU s |", "|---|" + "---:|" * (len(SHARES) + 2)]
        parts += [row(name, list(found[name].values())) for name in SEARCHES if name in found]
        parts.append("")
    packages = ("kzoo", "tensorflow", "keras", "keras-tuner", "scikit-learn")
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in packages)
    dates = sorted({entry["date"] for found in results.values() for by in found.values() for entry in by.values()})
    parts.append(
        "Smallest validation loss of the zoo's `mlp` after so many epochs trained, mean and standard error over the "
        f"seeds. Made by `tests/benchmarks/real_search.py`, {' and '.join(dates)}; {versions}."
    )
    return "\n".join([*parts, ""])


def row(name, entries):
    best = np.array([each["best"] for each in entries])
    error = best.std(axis=0, ddof=1) / np.sqrt(len(best)) if len(best) > 1 else np.full(len(SHARES), np.nan)
    cells = [f"{mean:.4f} ± {wide:.4f}" for mean, wide in zip(best.mean(axis=0), error, strict=True)]
    seconds = np.mean([each["seconds"] for each in entries])
    return f"| {name} | {' | '.join(cells)} | {len(best)} | {seconds:.0f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits,breast_cancer")
    parser.add_argument("--searches", default=",".join(SEARCHES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=9)
    options = parser.parse_args()
    for seed in range(options.seeds):
        for source in options.data.split(","):
            for name in options.searches.split(","):
                if str(seed) not in kept().get(source, {}).get(name, {}):
                    measure(source, name, seed, options.trials, options.epochs)
    print(made := table(kept()))
    NUMBERS.with_suffix(".md").write_text(made)


if __name__ == "__main__":
    main()
