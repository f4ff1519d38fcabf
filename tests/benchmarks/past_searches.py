"""What searches of a family on other tables are worth to a search, in real training.

python tests/benchmarks/past_searches.py TABLES --family mlp --work WORK

TABLES is a directory with CSV files and their `tables.csv` (name, file, target, quality); those whose quality is "yes"
are taken, at most 5,000 rows of each. Each is searched for 30 trials of 20 epochs, and again, from the same seed and
split, for 20 trials with what the searches on the others have taught. Goes on where it was stopped.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import warnings
from pathlib import Path

import keras_tuner
import numpy as np
import pandas as pd

import kzoo
import tuners
from tuners.past_searches import source_of
from tuners.strategy.scores import gain_of

ROWS, TRIALS, EPOCHS, SEED = 5_000, 30, 20, 1
AFTER = 20
"""Trials of a search that has been taught."""

AT = (2, 3, 5, 10, 15, 20)


def datasets(tables: Path):
    """Name and data of each table."""
    described = pd.read_csv(tables / "tables.csv")
    for row in described[described["quality"] == "yes"].itertuples():
        frame = pd.read_csv(tables / row.file)
        if len(frame) > ROWS:
            frame = frame.sample(ROWS, random_state=SEED).reset_index(drop=True)
        yield row.name, kzoo.load_dataset(frame, target=row.target, seed=SEED)


def searched(family: str, data: kzoo.Dataset, directory: Path, trials: int, sources: list) -> tuners.Study:
    """A search, or what there is of it, gone on with."""
    objective = keras_tuner.Objective(data.task.objective, data.task.objectives[data.task.objective])
    tuner = tuners.CoarseToFineSearch(
        kzoo.create_hypermodel(family, data.task, epochs=EPOCHS),
        objective,
        trials,
        SEED,
        learn_from=sources,
        reruns=0,
        keep_checkpoints=1,
        directory=str(directory.parent),
        project_name=directory.name,
    )
    rows = (data.x_train, data.y_train)
    tuner.search(*rows, validation_data=(data.x_val, data.y_val), epochs=EPOCHS, verbose=0)
    return tuners.Study.load(directory)


def best_so_far(study: tuners.Study) -> np.ndarray:
    """The best gain after each trial."""
    return np.maximum.accumulate([gain_of(trial.score, study.direction) for trial in study.trials])


def measure(family: str, tables: Path, work: Path) -> None:
    studies = {name: searched(family, data, work / "alone" / name, TRIALS, []) for name, data in datasets(tables)}
    behind, led = [], np.zeros((len(AT), 2), dtype=int)
    print(
        "| table | default | alone, best of 30 | taught, best of 20 | alone @" + ", ".join(map(str, AT)) + " | taught |"
    )
    print("|---|---:|---:|---:|---|---|")
    for name, data in datasets(tables):
        alone = studies[name]
        alike = {other: study for other, study in studies.items() if study.objective == alone.objective}
        others = [source_of(study, other) for other, study in alike.items() if other != name]
        taught = searched(family, data, work / "taught" / name, AFTER, others)
        curves = [best_so_far(each) for each in (alone, taught)]
        top, base = max(map(np.max, curves)), curves[0][0]
        left = np.array(
            [[(top - curve[min(at, len(curve)) - 1]) / max(top - base, 1e-9) for at in AT] for curve in curves]
        )
        behind.append(left)
        led += np.stack([left[1] < left[0], left[0] < left[1]], axis=1)
        shown = [", ".join(f"{each:.2f}" for each in row) for row in left]
        scores = [alone.trials[0].score, alone.best[0].score, taught.best[0].score]
        print(f"| {name} | {' | '.join(f'{each:.4g}' for each in scores)} | {' | '.join(shown)} |", flush=True)
    mean = np.mean(behind, axis=0)
    print(f"| mean | | | | {' | '.join(', '.join(f'{each:.2f}' for each in row) for row in mean)} |")
    print("\nTaught ahead / behind at", ", ".join(f"{at}: {a} / {b}" for at, (a, b) in zip(AT, led, strict=True)))


def main() -> None:
    """Measure."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--family", default="mlp")
    parser.add_argument("--work", type=Path, required=True, help="directory of the searches")
    options = parser.parse_args()
    measure(options.family, options.tables, options.work / options.family)


if __name__ == "__main__":
    main()
