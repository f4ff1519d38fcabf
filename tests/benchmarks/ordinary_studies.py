"""What the audit says of ordinary searches: real training, nothing planted, enough rows and trials.

    python tests/benchmarks/ordinary_studies.py DIRECTORY

Digits and three made tables of 12,000 rows, under several models and seeds. Searches that DIRECTORY
holds already are not run again. Prints every alarm with its words.
"""

import collections
import itertools
import subprocess
import sys
from pathlib import Path

import pandas as pd
from sklearn.datasets import make_classification, make_friedman1

import tuners
from tuners.insight import conclude

KZOO = Path(sys.executable).with_name("kzoo")
ROWS = 12_000


def tables(directory):
    """Files of two kinds of classes and of numbers."""
    for name, classes, features in (("two", 2, 12), ("five", 5, 20)):
        x, y = make_classification(
            ROWS, features, n_informative=features // 2, n_classes=classes, flip_y=0.05, class_sep=0.8, random_state=1
        )
        frame = pd.DataFrame(x, columns=[f"x{n}" for n in range(features)]).round(4)
        frame.assign(y=[f"class {each}" for each in y]).to_csv(directory / f"{name}.csv", index=False)
    x, y = make_friedman1(ROWS, 10, noise=1.0, random_state=1)
    pd.DataFrame(x, columns=[f"x{n}" for n in range(10)]).round(4).assign(y=y).to_csv(
        directory / "numbers.csv", index=False
    )


SEARCHES = [
    *itertools.product(["digits"], ["mlp", "softmax_regression"], [1, 2, 3]),
    *itertools.product(["two.csv", "five.csv"], ["mlp", "softmax_regression"], [1, 2]),
    *itertools.product(["numbers.csv"], ["mlp", "linear_regression"], [1, 2, 3]),
]


def run(directory, data, model, seed):
    """The study of one search: 40 trials of an `mlp`, which has 13 hyperparameters, 30 of a model without layers."""
    out = directory / f"{Path(data).stem}-{model}-{seed}"
    if not (out / "journal.jsonl").exists():
        source = ["--data", str(directory / data), "--target", "y"] if data.endswith(".csv") else ["--data", data]
        few = ["--trials", "40" if model == "mlp" else "30", "--epochs", "20", "--seed", str(seed)]
        subprocess.run([KZOO, "search", model, *source, *few, "--out", out], check=True, stdout=subprocess.DEVNULL)
    return out.name, tuners.Study.load(out)


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    tables(directory)
    said = collections.Counter()
    for each in SEARCHES:
        name, study = run(directory, *each)
        findings = conclude(study).findings
        said.update(found.rule for found in findings)
        print(f"{name}: {len(study.completed)} trials, {len(findings)} findings", flush=True)
        for found in findings:
            print(f"  {found.rule}: {found.words}", flush=True)
    print(f"{len(SEARCHES)} searches; {dict(said)}")


if __name__ == "__main__":
    main()
