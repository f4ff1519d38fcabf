"""How often the verdict of a study is right: small searches whose truth is measured with fresh seeds and many rows.

    python tests/benchmarks/verdicts.py DIRECTORY [SEARCHES]

Each search is of a table of its own, of a few hundred rows, with 10 to 20 trials, so that luck matters. The truth is
the mean accuracy of the default, and of the best of the others, over fresh seeds on 4,000 rows that the search has not
seen. Searches that DIRECTORY holds already are not run again. At the end come made scores that nothing moves but luck.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

sys.path.append(str(Path(__file__).parents[1] / "insight"))

import numpy as np
from sklearn.datasets import make_classification
from surfaces import Surface, searched

import kzoo
import tuners
from tuners.insight import Verdict, conclude
from tuners.insight.verdict import BETTER, SURE

SEEDS = 20
FIRST = 101
"""Number of the first search; the threshold was chosen by tables of smaller numbers."""

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
    """One search and its truth, kept as files; what is there already is not made again."""
    known, judged = table(number)
    data = kzoo.load_dataset(known, validation_share=0.3, test_share=0.05, seed=number)
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
    options = {"directory": str(directory), "overwrite": True, "seed": number}
    fit = {"epochs": EPOCHS, "verbose": 0}
    if not (directory / f"{number}").exists():
        trials = int(np.random.default_rng(number).integers(10, 21))
        tuner = tuners.CoarseToFineSearch(hypermodel, "val_accuracy", trials, project_name=f"{number}", **options)
        tuner.search(data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), **fit)
    study = tuners.Study.load(directory / str(number))
    both = [study.trials[0].values, leader(study).values]
    asked = {"initial": both, "executions_per_trial": SEEDS, "priorities": {}, **options, "seed": 10_000 + number}
    name = f"{number}-judged"
    judge = tuners.CoarseToFineSearch(hypermodel, "val_accuracy", len(both), project_name=name, **asked)
    labels = np.asarray(judged[1])
    judge.search(data.x_train, data.y_train, validation_data=(judged[0], labels), **fit)
    truth = tuners.Study.load(directory / f"{number}-judged")
    scores = [list(trial.executions) for trial in truth.trials]
    (directory / f"{number}.json").write_text(json.dumps({"leader": both[1], "scores": scores}))


def is_judged(number, directory):
    """Whether the truth of a search is there, and of the leader that it would name now."""
    path = directory / f"{number}.json"
    if not path.exists():
        return False
    return json.loads(path.read_text())["leader"] == leader(tuners.Study.load(directory / str(number))).values


def leader(study):
    """The best of the trials that are not at the default, whether it or the default is chosen."""
    return next(each for each in study.best if each.values != study.trials[0].values)


@dataclasses.dataclass(frozen=True)
class Judged:
    """A verdict beside the truth: the true gain of the leader over the default, and its standard error."""

    verdict: Verdict
    keeps_default: bool
    gain: float
    error: float

    @property
    def truly_no_better(self):
        return self.gain <= 0

    @property
    def truly_better(self):
        return self.gain > max(2 * self.error, 0.01)


def judged(number, directory):
    """A search that was run, judged."""
    study = tuners.Study.load(directory / str(number))
    default, best = json.loads((directory / f"{number}.json").read_text())["scores"]
    error = np.hypot(np.std(best, ddof=1), np.std(default, ddof=1)) / np.sqrt(SEEDS)
    keeps_default = study.best[0].values == study.trials[0].values
    return Judged(conclude(study).verdict, keeps_default, float(np.mean(best) - np.mean(default)), float(error))


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(FIRST, FIRST + int(sys.argv[2]) if len(sys.argv) > 2 else FIRST):
        if not is_judged(number, directory):
            run(number, directory)
            print(number, flush=True)
    report(directory)


def report(directory):
    found = [judged(int(path.stem), directory) for path in sorted(directory.glob("*.json"))]
    kept = [each for each in found if each.keeps_default]
    picked = [each for each in found if not each.keeps_default]
    print(f"{len(found)} searches, {len(kept)} keep the default; of these another was", ends(kept))
    print(f"{len(picked)} choose another; it was", ends(picked))
    for name, chosen in (("kzoo", picked), ("any lead counts", found)):
        apart = [each.gain / each.error for each in chosen]
        gain = sum(each.gain for each in chosen) / len(found)
        worse, better = sum(each < -2 for each in apart), sum(each > 2 for each in apart)
        print(f"{name}: by two standard errors {worse} worse and {better} better, mean gain {gain:+.4f}")
    print("threshold | truly no better | of these not called better | truly better | of these called better")
    for threshold in (0.05, 0.1, SURE, 0.15, 0.2):
        print(" | ".join(map(str, (threshold, *counts(picked, threshold)))))
    observed, expected, true = (
        np.mean([value(each) for each in picked])
        for value in (lambda each: each.verdict.observed, lambda each: each.verdict.gain, lambda each: each.gain)
    )
    print(f"lead on the validation rows {observed:.3f}, expected gain {expected:.3f}, true gain {true:.3f}")
    print(f"sum of the chances of no gain {sum(each.verdict.chance for each in picked):.1f}")
    made = [conclude(without_effects(seed)).verdict.kind for seed in range(1, 25)]
    print(f"made scores that nothing moves: {made.count(BETTER)} of {len(made)} called better")


def ends(searches):
    """How many were truly no better than the default, and how many truly better by more than the noise."""
    worse, better = (sum(getattr(each, name) for each in searches) for name in ("truly_no_better", "truly_better"))
    return f"truly no better in {worse}, truly better by more than the noise in {better}"


def counts(searches, threshold):
    """What the table has in its columns, where up to so large a chance of no gain is called better."""
    called = [each.verdict.chance <= threshold for each in searches]
    worse = [not better for each, better in zip(searches, called, strict=True) if each.truly_no_better]
    better = [better for each, better in zip(searches, called, strict=True) if each.truly_better]
    return len(worse), sum(worse), len(better), sum(better)


def without_effects(seed):
    """A search of 12 trials whose scores are luck, and whose rows of validation are not known."""
    flat = dict.fromkeys(("learning_rate", "units", "dropout", "norm", "weight_decay"), 0.0)
    return searched(Surface({}, flat, noise=0.02), 12, seed)


if __name__ == "__main__":
    main()
