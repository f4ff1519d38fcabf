"""Searches on tables with categories beside those of keras-tuner: CPU seconds of whole searches, in one run.

The peer is `keras_tuner.Tuner` on a model as the guides of Keras write it for a table ("Structured data classification
from scratch", "Structured data learning with wide, deep, and cross networks"): an input for each column, numbers by
`Normalization`, words by `StringLookup` and `Embedding`, fed by a `tf.data.Dataset`. What these layers learn from the
data is given to them once for all trials. Ours is `tuners.FastTuner` on kzoo's `mlp` of the encoded table. Both have an
oracle of the same kind and seed and so the same values: layers, units, batch norm, dropout, learning rate, batch size.
They train and validate on the same rows. Reading and importing is not counted; processes take turns, on one core.

Run: python tests/benchmarks/table_search_speed.py DIR [--tables credit] [--rounds 1]
where DIR has the CSV files of `TABLES`. The results go into table_search_speed.md beside this script; what is not
measured anew stays.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import keras_tuner
import numpy as np
import pandas as pd
import tensorflow as tf

import kzoo
import tuners

layers = keras.layers
RESULTS = Path(__file__).with_suffix(".md")
TABLES = {"wa_churn": "churn", "credit": "Status", "attrition": "Attrition", "ames": "Sale_Price"}
"""Files, without their ending, and targets."""

TRIALS, EPOCHS = 12, 10
FIXED = {"optimizer": "adam", "decay": "none", "weight_decay": 0.0, "activation": "relu"}
WIDTH = 8
"""Of an embedding."""

KINDS = ("keras_tuner.Tuner", "tuners.FastTuner")
HEADER = (
    "| table | rows, columns | keras_tuner.Tuner, CPU | tuners.FastTuner, CPU | ratio | ratio of wall times "
    "| best validation loss, theirs and ours | measured |"
)


def parts_of(source: Path, target: str) -> pd.DataFrame:
    """A table with a column `part` that says what each row is for."""
    table = pd.read_csv(source).dropna(subset=[target])
    drawn = np.random.default_rng(1).random(len(table))
    table["part"] = np.where(drawn < 0.6, "train", np.where(drawn < 0.8, "val", "test"))
    return table


class Guide(keras_tuner.HyperModel):
    """A table as the guides of Keras take it.

    Args:
        train: Rows to learn vocabularies, means and variances from.
        target: Name of the column to predict.
        zoo: Declares the hyperparameters.
    """

    def __init__(self, train: pd.DataFrame, target: str, zoo: Any) -> None:
        super().__init__()
        self.zoo = zoo
        columns = train.drop(columns=[target, "part"])
        numbers = columns.select_dtypes("number")
        self.scales = {name: (each.mean(), each.var()) for name, each in numbers.items()}
        self.words = {name: sorted(columns[name].dropna().unique()) for name in columns if name not in numbers}
        self.classes = None if self.is_number(train[target]) else sorted(train[target].unique())

    @staticmethod
    def is_number(target: pd.Series) -> bool:
        """Whether the target is a number to be predicted."""
        return pd.api.types.is_numeric_dtype(target)

    def rows(self, part: pd.DataFrame, target: str, scale: tuple[float, float]) -> tf.data.Dataset:
        """Columns by name with the target, row by row.

        Args:
            part: Rows of the table.
            target: Name of the column to predict.
            scale: Mean and deviation of the target, where it is a number.
        """
        x = {name: part[name].fillna(mean).astype(np.float32) for name, (mean, _) in self.scales.items()}
        x |= {name: part[name].fillna("").astype(str) for name in self.words}
        y = (part[target] - scale[0]) / scale[1] if self.classes is None else part[target].map(self.classes.index)
        return tf.data.Dataset.from_tensor_slices(({name: each.to_numpy()[:, None] for name, each in x.items()}, y))

    def build(self, hp: Any) -> keras.Model:
        """A compiled model of a trial."""
        values = self.zoo.values(hp)
        inputs, features = {}, []
        for name, (mean, variance) in self.scales.items():
            inputs[name] = keras.Input((1,), name=name)
            features.append(layers.Normalization(mean=mean, variance=variance)(inputs[name]))
        for name, words in self.words.items():
            inputs[name] = keras.Input((1,), name=name, dtype="string")
            codes = layers.StringLookup(vocabulary=words)(inputs[name])
            features.append(layers.Flatten()(layers.Embedding(len(words) + 1, WIDTH)(codes)))
        x = layers.Concatenate()(features)
        for _ in range(values["layers"]):
            x = layers.Dense(values["units"], use_bias=values["norm"] != "before")(x)
            x = layers.BatchNormalization()(x) if values["norm"] == "before" else x
            x = layers.ReLU()(x)
            x = layers.BatchNormalization()(x) if values["norm"] == "after" else x
            x = layers.Dropout(values["dropout"])(x)
        optimizer = keras.optimizers.Adam(values["adam/learning_rate"])
        if self.classes is None:
            model = keras.Model(inputs, layers.Dense(1)(x))
            model.compile(optimizer, "mse", metrics=["mae"])
        else:
            model = keras.Model(inputs, layers.Dense(len(self.classes), activation="softmax")(x))
            model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(
        self, hp: Any, model: keras.Model, x: tf.data.Dataset, validation_data: tf.data.Dataset, **kwargs: Any
    ) -> Any:
        """Train with the batch size of the trial."""
        size = self.zoo.values(hp)["batch_size"]
        batches = x.shuffle(x.cardinality()).batch(size).prefetch(tf.data.AUTOTUNE)
        return model.fit(batches, validation_data=validation_data.batch(size).prefetch(tf.data.AUTOTUNE), **kwargs)


def search(source: Path, target: str, kind: str) -> dict[str, Any]:
    """CPU and wall seconds of a search in this process, and what it found."""
    table = parts_of(source, target)
    data = kzoo.load_dataset(table, target=target, part="part")
    fixed = {**FIXED, "embedding_width": WIDTH} if data.task.codes else FIXED
    zoo = kzoo.create_hypermodel("mlp", data.task, fixed=fixed, epochs=EPOCHS)
    train, held_out = (table[table["part"] == part] for part in ("train", "val"))
    hypermodel: Any = zoo
    given = {"x": data.x_train, "y": data.y_train, "validation_data": (data.x_val, data.y_val)}
    if kind == KINDS[0]:
        hypermodel = Guide(train, target, zoo)
        scale = (0.0, 1.0) if hypermodel.classes else (train[target].mean(), train[target].std(ddof=0))
        given = {
            "x": hypermodel.rows(train, target, scale),
            "validation_data": hypermodel.rows(held_out, target, scale),
        }
    oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", max_trials=TRIALS, seed=1)
    make = keras_tuner.Tuner if kind == KINDS[0] else tuners.FastTuner
    with tempfile.TemporaryDirectory() as directory:
        tuner = make(oracle=oracle, hypermodel=hypermodel, directory=directory, project_name="search")
        begun, wall = time.process_time(), time.perf_counter()
        tuner.search(**given, epochs=EPOCHS, verbose=0)
        spent, wall = time.process_time() - begun, time.perf_counter() - wall
    trials = list(tuner.oracle.trials.values())
    return {
        "cpu": spent,
        "wall": wall,
        "best": min(trial.score for trial in trials),
        "trials": [trial.hyperparameters.values for trial in trials],
        "size": f"{len(table):,} x {len(table.columns) - 2}",
        "engines": sorted({use.engine for use in getattr(tuner, "engine_uses", ())}),
    }


def in_process(*arguments: str) -> dict[str, Any]:
    """`search` in a process of its own, on one core."""
    cpu = sorted(os.sched_getaffinity(0))[0]
    command = ["taskset", "-c", str(cpu), sys.executable, __file__, *arguments]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(out.stdout.splitlines()[-1])


def row(directory: str, name: str, rounds: int) -> str:
    """A line of the results: the round whose ratio is the median."""
    pairs = [[in_process(directory, "--one", name, kind) for kind in KINDS] for _ in range(rounds)]
    theirs, ours = sorted(pairs, key=lambda pair: pair[0]["cpu"] / pair[1]["cpu"])[(rounds - 1) // 2]
    assert theirs["trials"] == ours["trials"], "the two have not run the same trials"
    assert ours["engines"] == ["numpy"], f"trained by {ours['engines']}"
    versions = ", ".join(
        f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras", "keras-tuner")
    )
    cells = [
        name,
        theirs["size"],
        f"{theirs['cpu']:.1f} s",
        f"{ours['cpu']:.1f} s",
        f"{theirs['cpu'] / ours['cpu']:.1f}",
        f"{theirs['wall'] / ours['wall']:.1f}",
        f"{theirs['best']:.3f} / {ours['best']:.3f}",
        f"{datetime.date.today()}, {versions}, rounds: {rounds}",
    ]
    return f"| {' | '.join(cells)} |"


def write(new: str) -> None:
    """Put a row into the results, in place of the one of the same table."""
    old = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    rows = {line.split(" | ")[0]: line for line in [*old, new] if line.startswith("| ") and line != HEADER}
    notes = old[old.index("## Notes") :] if "## Notes" in old else []
    head = ["# Searches on tables beside keras-tuner's own tuner", ""]
    head += [f"Written by `{Path(__file__).name}`; one core, {TRIALS} trials of {EPOCHS} epochs.", ""]
    lines = [*head, HEADER, "|---|---|---:|---:|---:|---:|---|---|", *rows.values(), "", *notes]
    RESULTS.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="of the CSV files")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, kind = options.one
        print(json.dumps(search(Path(options.directory, f"{name}.csv"), TABLES[name], kind)))
        return
    for name in options.tables:
        found = row(options.directory, name, options.rounds)
        print(found, flush=True)
        write(found)


if __name__ == "__main__":
    main()
