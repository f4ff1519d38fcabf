"""How often what a search chooses is worse than the default: small searches, judged with fresh seeds and many rows.

    python tests/benchmarks/never_worse.py DIRECTORY [--tables TABLES] [--first 1] [--searches 200] [--minutes 60]
    python tests/benchmarks/never_worse.py DIRECTORY --show

Each search is of a table of its own, of 200 to 600 rows of which 30 % validate, with 10 to 20 trials of `mlp`. The same
table is searched by kzoo, by kzoo without its last trials that run the leaders again, and by keras-tuner's random
search, as many trials each. Of kzoo's search there is also what it would choose if any lead over the default counted.
What is chosen and the default are then trained from fresh seeds, each with the weights of its best epoch on the
validation rows, and answer rows that no search has seen.

Worse, or better, by more than the noise is by more than two standard errors of the mean difference to the default, over
seeds and test rows. The same configuration as the default is neither.

Half of the tables are made; the others are those of scikit-learn and, with `--tables`, CSV files in a directory with a
`tables.csv` (see `tables.py`). DIRECTORY keeps what was measured, one file a table; what is there is not run again.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import json
import math
import shutil
import tempfile
import time
import unittest.mock
from pathlib import Path

import keras_tuner
import numpy as np
import pandas as pd
import scipy.stats
import sklearn.datasets

import kzoo
import tuners
from tuners.strategy import configurations

EPOCHS, SEEDS, TEST_ROWS = 12, 8, 4000
COMMON = 4
"""Last trials that may differ between the searches by kzoo; those before them are run once."""

OBJECTIVE = "val_accuracy"
SEARCHES = {"kzoo": {}, "kzoo, reruns=0": {"reruns": 0}}
ANY_LEAD, RANDOM = "kzoo, any lead counts", "keras_tuner.RandomSearch"
FEWEST_ROWS, MOST_CLASSES = 2500, 10


def made(number, rng, rows):
    """A table of one of scikit-learn's generators."""
    if number % 8 == 5:
        x, y = sklearn.datasets.make_hastie_10_2(rows, random_state=number)
    elif number % 8 == 7:
        features, classes = int(rng.integers(4, 11)), int(rng.integers(2, 4))
        x, y = sklearn.datasets.make_gaussian_quantiles(
            n_samples=rows, n_features=features, n_classes=classes, random_state=number
        )
    else:
        x, y = sklearn.datasets.make_classification(
            rows,
            n_features=int(rng.integers(6, 20)),
            n_informative=int(rng.integers(3, 6)),
            n_redundant=int(rng.integers(0, 3)),
            n_classes=int(rng.integers(2, 4)),
            n_clusters_per_class=int(rng.integers(1, 3)),
            class_sep=float(rng.uniform(0.6, 1.4)),
            flip_y=float(rng.uniform(0.0, 0.2)),
            random_state=number,
        )
    return pd.DataFrame(x, columns=[f"x{index}" for index in range(x.shape[1])]).assign(target=y), "target"


def real_tables(directory):
    """Real tables by name, as functions that give the rows and the target."""
    found = {}
    for name in ("breast_cancer", "digits"):
        read = getattr(sklearn.datasets, f"load_{name}")
        found[name] = lambda read=read: (read(as_frame=True).frame, "target")
    if directory:
        with (directory / "tables.csv").open(encoding="utf-8", newline="") as file:
            for each in csv.DictReader(file):
                path = directory / each["file"]
                if each["kind"] == "classification" and int(each["rows"]) >= FEWEST_ROWS and path.exists():
                    found[each["name"]] = lambda path=path, target=each["target"]: (pd.read_csv(path), target)
    return found


def table(number, real):
    """The table of a search: its name, its rows with their parts, and the target."""
    rng = np.random.default_rng(number)
    rows = int(rng.integers(200, 600))
    if number % 2:
        name, (frame, target) = "made", made(number, rng, rows + TEST_ROWS)
    else:
        name = list(real)[number // 2 % len(real)]
        frame, target = real[name]()
        rows = min(rows, len(frame) // 2)
        frame = frame.dropna(subset=[target]).sample(frac=1, random_state=number).head(rows + TEST_ROWS)
    # A class that no row to train on has is in none of the parts.
    validating = round(0.3 * rows)
    known = frame[target].iloc[: rows - validating].value_counts().head(MOST_CLASSES)
    part = np.array(["train"] * (rows - validating) + ["validation"] * validating + ["test"] * (len(frame) - rows))
    frame = frame.assign(part=part)
    return name, frame[frame[target].isin(known[known > 1].index)], target


def searched(tuner, data):
    """Run a search; what it has chosen."""
    rows = {"validation_data": (data.x_val, data.y_val), "epochs": EPOCHS, "verbose": 0}
    tuner.search(data.x_train, data.y_train, **rows)
    return dict(tuner.oracle.get_best_trials()[0].hyperparameters.values)


def choices(number, hypermodel, data, directory, at_random):
    """Configurations by what has chosen them; that of the default first."""
    trials = int(np.random.default_rng(number).integers(10, 21))
    common = directory / "common"
    options = {"seed": number, "directory": str(directory)}
    begun = tuners.CoarseToFineSearch(
        hypermodel, OBJECTIVE, trials - COMMON, project_name=common.name, reruns=0, **options
    )
    searched(begun, data)
    chosen = {"default": dict(begun.oracle.trials["0000"].hyperparameters.values)}
    for name, further in SEARCHES.items():
        shutil.copytree(common, directory / name)
        tuner = tuners.CoarseToFineSearch(hypermodel, OBJECTIVE, trials, project_name=name, **further, **options)
        chosen[name] = searched(tuner, data)
    chosen[ANY_LEAD] = by_any_lead(directory / "kzoo")
    if not at_random:
        return trials, chosen
    oracle = keras_tuner.oracles.RandomSearchOracle(OBJECTIVE, max_trials=trials, seed=number)
    tuner = tuners.FastTuner(oracle, hypermodel, directory=str(directory), project_name=RANDOM)
    chosen[RANDOM] = searched(tuner, data)
    return trials, chosen


def by_any_lead(directory):
    """What a search would choose whose default has to be led by no more than 0."""
    with unittest.mock.patch.object(configurations, "CLEAR", ((math.inf, 0.0),)):
        return dict(tuners.Study.load(directory).best[0].values)


def judged(number, hypermodel, data, chosen):
    """Whether each answer was right and its cross-entropy, each [chosen, seeds, test rows]."""
    truth = data.y_test.reshape(-1)
    right, losses = np.empty((2, len(chosen), SEEDS, len(truth)))
    shares = np.bincount(data.y_train.reshape(-1), minlength=data.task.num_classes) / len(data.y_train)
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as directory:
            count = len(chosen)
            options = {"initial": chosen, "priorities": {}, "reruns": 0, "keep_checkpoints": count}
            tuner = tuners.CoarseToFineSearch(
                hypermodel, OBJECTIVE, count, 1_000_000 * (seed + 1) + number, directory=directory, **options
            )
            searched(tuner, data)
            for index, trial in enumerate(tuner.oracle.trials.values()):
                # A model that has diverged knows no more than how frequent the classes are.
                answers = np.tile(shares, (len(truth), 1))
                if trial.status == "COMPLETED":
                    answers = np.asarray(tuner.load_model(trial)(data.x_test, training=False))
                right[index, seed] = answers.argmax(axis=1) == truth
                losses[index, seed] = -np.log(np.clip(answers[np.arange(len(truth)), truth], 1e-7, 1))
    return right, losses


def difference(values, default):
    """Mean difference of two [seeds, rows], and its standard error over seeds and rows."""
    apart = values - default
    seeds, rows = apart.shape
    by_seed, by_row = apart.mean(axis=1), apart.mean(axis=0)
    rest = apart - by_seed[:, None] - by_row + apart.mean()
    # What rows and seeds move together is in the variance of both means.
    both = np.square(rest).sum() / ((seeds - 1) * (rows - 1)) / (seeds * rows)
    variance = by_seed.var(ddof=1) / seeds + by_row.var(ddof=1) / rows - both
    return float(apart.mean()), float(np.sqrt(max(variance, both)))


def run(number, real, directory, at_random):
    """One table, searched and judged, kept as a file."""
    began = time.process_time()
    name, frame, target = table(number, real)
    data = kzoo.load_dataset(frame, target=target, part="part", seed=number)
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
    kept = directory / f"{number}"
    shutil.rmtree(kept, ignore_errors=True)
    trials, chosen = choices(number, hypermodel, data, kept, at_random)
    for weights in kept.glob("*/*/weights.npz"):
        weights.unlink()
    different = [values for index, values in enumerate(chosen.values()) if values not in [*chosen.values()][:index]]
    right = losses = np.zeros((1, SEEDS, len(data.x_test)))
    if len(different) > 1:
        right, losses = judged(number, hypermodel, data, different)
    found = {}
    for search, values in chosen.items():
        index = different.index(values)
        accuracy, loss = difference(right[index], right[0]), difference(losses[index], losses[0])
        found[search] = {"values": values, "same": index == 0, "gain": accuracy, "loss": loss}
    facts = {"table": name, "validation_rows": len(data.x_val), "test_rows": len(data.x_test), "trials": trials}
    facts["seconds"] = time.process_time() - began
    written = directory / f"{number}.json.part"
    written.write_text(json.dumps({**facts, "searches": found}, indent=1), encoding="utf-8")
    written.replace(directory / f"{number}.json")
    gains = [f"{search} {found[search]['gain'][0]:+.3f}" for search in found if search != "default"]
    print(number, name, trials, *gains, f"{facts['seconds']:.0f} s", flush=True)


def share(count, total):
    """A count as a share, with the interval of 95 % of Wilson (1927)."""
    low, high = scipy.stats.binomtest(count, total).proportion_ci(method="wilson")
    return f"{count} ({count / total:.1%}; {low:.1%} to {high:.1%})"


def show(directory):
    """Print the table of what was measured."""
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))]
    print(f"{len(cases)} searches, {sum(each['table'] == 'made' for each in cases)} of made tables\n")
    print(
        "| chosen by | searches | the default | worse by more than the noise | better by more than the noise ", end=""
    )
    print("| mean gain in accuracy | mean gain where worse | worse in loss | better in loss |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name in (*SEARCHES, ANY_LEAD, RANDOM):
        found = [each["searches"][name] for each in cases if name in each["searches"]]
        if not found:
            continue
        gain, error = np.array([each["gain"] for each in found]).T
        loss, loss_error = np.array([each["loss"] for each in found]).T
        other = ~np.array([each["same"] for each in found])
        worse, better = other & (gain < -2 * error), other & (gain > 2 * error)
        cells = [
            name,
            len(found),
            int((~other).sum()),
            share(int(worse.sum()), len(found)),
            share(int(better.sum()), len(found)),
        ]
        cells += [f"{gain.mean():+.4f}", f"{gain[worse].mean():+.3f}" if worse.any() else ""]
        cells += [int((other & (loss > 2 * loss_error)).sum()), int((other & (loss < -2 * loss_error)).sum())]
        print(f"| {' | '.join(map(str, cells))} |")


def main():
    """Measure, then show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--no-random", action="store_true", help="leave the search by keras-tuner out")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    real, end = real_tables(options.tables), time.monotonic() + 60 * options.minutes
    for number in range(options.first, options.first + (0 if options.show else options.searches)):
        if time.monotonic() < end and not (options.directory / f"{number}.json").exists():
            run(number, real, options.directory, not options.no_random)
    show(options.directory)


if __name__ == "__main__":
    main()
