"""How often the verdict of a study is right: small searches whose truth is measured with fresh seeds and many rows.

    python tests/benchmarks/verdicts.py DIRECTORY [SEARCHES]

Each search is of a table of its own, of a few hundred rows, with 10 to 20 trials, so that luck matters. The truth is
the mean accuracy of the best and of the default over fresh seeds on 4,000 rows that the search has not seen. Searches
that DIRECTORY holds already are not run again.
"""

import collections
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.datasets import make_classification

import kzoo
import tuners
from tuners.insight import conclude

SEEDS = 10
EPOCHS = 12


def table(number):
    """Rows to search with and rows to judge by; odd numbers are easier, every third has few features that tell."""
    rng = np.random.default_rng(number)
    rows = int(rng.integers(200, 600))
    x, y = make_classification(
        rows + 4000,
        n_features=int(rng.integers(6, 20)),
        n_informative=int(rng.integers(3, 6)),
        n_redundant=0,
        n_classes=int(rng.integers(2, 4)),
        n_clusters_per_class=int(rng.integers(1, 3)),
        class_sep=float(rng.uniform(0.6, 1.4)),
        flip_y=float(rng.uniform(0.0, 0.15)),
        random_state=number,
    )
    return (x[:rows], y[:rows]), (x[rows:].astype("float32"), y[rows:])


def run(number, directory):
    """One search and its truth, kept as files."""
    known, judged = table(number)
    data = kzoo.load_dataset(known, validation_share=0.3, test_share=0.05, seed=number)
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
    options = {"directory": str(directory), "overwrite": True, "seed": number}
    trials = int(np.random.default_rng(number).integers(10, 21))
    tuner = tuners.CoarseToFineSearch(hypermodel, "val_accuracy", trials, project_name=f"{number}", **options)
    fit = {"epochs": EPOCHS, "verbose": 0}
    tuner.search(data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), **fit)
    study = tuners.Study.load(directory / str(number))
    both = [study.trials[0].values, study.best[0].values]
    asked = {"initial": both, "executions_per_trial": SEEDS, "priorities": {}, **options, "seed": 10_000 + number}
    name = f"{number}-judged"
    judge = tuners.CoarseToFineSearch(hypermodel, "val_accuracy", len(both), project_name=name, **asked)
    labels = np.asarray(judged[1])
    judge.search(data.x_train, data.y_train, validation_data=(judged[0], labels), **fit)
    truth = tuners.Study.load(directory / f"{number}-judged")
    scores = [list(trial.executions) for trial in truth.trials]
    (directory / f"{number}.json").write_text(json.dumps(scores))


def judged(number, directory):
    """Verdict, chance of no gain, the true gain and its standard error."""
    study = tuners.Study.load(directory / str(number))
    default, *best = json.loads((directory / f"{number}.json").read_text())
    best = best[0] if best and study.best[0].number != 1 else default
    error = np.hypot(np.std(best), np.std(default)) / np.sqrt(SEEDS)
    verdict = conclude(study).verdict
    return (
        verdict.kind,
        verdict.chance,
        verdict.observed,
        float(np.mean(best) - np.mean(default)),
        float(error),
        verdict,
    )


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1 + int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        if not (directory / f"{number}.json").exists():
            run(number, directory)
            print(number, flush=True)
    report(directory)


def report(directory):
    found = [judged(int(path.stem), directory) for path in sorted(directory.glob("*.json"), key=lambda p: int(p.stem))]
    worse = [each for each in found if each[3] <= 0]
    better = [each for each in found if each[3] > 2 * each[4] and each[3] > 0.01]
    counts = collections.Counter(each[0] for each in found)
    print(f"{len(found)} searches; verdicts {dict(counts)}")
    print(f"truly no better: {len(worse)}, of these not called better: {sum(each[0] != 'better' for each in worse)}")
    print(
        f"truly better by more than noise: {len(better)}, called better: {sum(each[0] == 'better' for each in better)}"
    )


if __name__ == "__main__":
    main()
