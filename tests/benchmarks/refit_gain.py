"""What training the winner of a search again on validation rows is worth: `kzoo.retrain` against the search's weights.

    python tests/benchmarks/refit_gain.py TABLES --seeds 1,2,3,4,5 --out refit_gain.json
    python tests/benchmarks/refit_gain.py --show refit_gain.json

TABLES is a directory with CSV files; those that are not there are left out. A seed is that of the split and of the
search. For each there are the loss on the test rows (cross-entropy, or squared error over the variance of the training
targets) and, of classes, the share of errors; of the search's own weights, of a plain refit (the best epoch's number of
epochs, the last weights), and of `retrain`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path

import keras_tuner
import numpy as np

import kzoo
import tuners
from kzoo.zoo import refit as refits

TRIALS, EPOCHS = 12, 20

SETS = {
    "wine": None,
    "breast_cancer": None,
    "digits": None,
    "diabetes": None,
    "concrete.csv": "compressive_strength",
    "glass.csv": "Type",
    "ionosphere.csv": "Class",
    "pima_missing.csv": "diabetes",
    "vowel.csv": "Class",
    "carseats.csv": "Sales",
}


def measured(model: object, data: kzoo.Dataset) -> dict[str, float]:
    """Loss on the test rows, and the share of errors."""
    answers = np.asarray(model.predict(data.x_test, verbose=0))
    if data.task.kind == "regression":
        error = (answers.reshape(-1) - data.y_test.reshape(-1)) / data.task.target_scale[0]
        return {"loss": float(np.square(error).mean())}
    likelihood = np.clip(answers[np.arange(len(answers)), data.y_test], 1e-6, 1)
    wrong = answers.argmax(axis=1) != data.y_test
    return {"loss": float(-np.log(likelihood).mean()), "errors": float(wrong.mean())}


def plain(hypermodel: kzoo.ZooHyperModel, trial: tuners.TrialRecord, data: kzoo.Dataset) -> object:
    """The trial's best epoch on all rows, and the last weights."""
    hp = keras_tuner.HyperParameters()
    hp.values = dict(trial.values)
    x, y = np.concatenate([data.x_train, data.x_val]), np.concatenate([data.y_train, data.y_val])
    model = hypermodel.for_rows(len(x)).build(hp)
    stop = refits.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch + 1 >= trial.best_epoch)
    )
    hypermodel.fit(hp, model, x, y, epochs=EPOCHS, verbose=0, callbacks=[stop])
    return model


def one(source: str, target: str | None, seed: int) -> dict[str, object]:
    """A search, and what becomes of its winner."""
    data = kzoo.load_dataset(source, target=target, seed=seed)
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
    with tempfile.TemporaryDirectory() as directory:
        tuner = tuners.CoarseToFineSearch(
            hypermodel,
            objective=data.task.objective,
            max_trials=TRIALS,
            seed=seed,
            directory=directory,
            project_name="run",
        )
        rows = (data.x_train, data.y_train)
        tuner.search(*rows, validation_data=(data.x_val, data.y_val), epochs=EPOCHS, verbose=0)
        best = tuners.Study.load(Path(directory, "run")).best[0]
        found = tuner.get_best_models()[0]
    result = {"search": measured(found, data), "plain refit": measured(plain(hypermodel, best, data), data)}
    again = kzoo.retrain(hypermodel, best.values, data, epochs=EPOCHS, best_epoch=best.best_epoch or 1, found=found)
    result["retrain"] = measured(again.model, data)
    facts = {name: value for name, value in dataclasses.asdict(again).items() if name != "model"}
    return {**result, "epochs": best.best_epoch, "again": facts}


def show(results: dict[str, dict[str, object]]) -> None:
    """Print what was measured, in the mean over seeds, and over all."""
    print(f"{'':16} {'search':>9} {'plain refit':>12} {'retrain':>9}  errors: search, plain refit, retrain")
    ways = ("search", "plain refit", "retrain")
    tables: dict[str, list[float]] = {way: [] for way in ways}
    runs: dict[str, list[float]] = {way: [] for way in ways}
    for name in dict.fromkeys(key.rpartition(" ")[0] for key in results):
        rows = [each for key, each in results.items() if key.rpartition(" ")[0] == name]
        losses = [np.mean([row[way]["loss"] for row in rows]) for way in ways]
        errors = [np.mean([row[way].get("errors", np.nan) for row in rows]) for way in ways]
        told = "" if np.isnan(errors).any() else ", ".join(f"{each:.1%}" for each in errors)
        print(f"{name:16} {losses[0]:9.3f} {losses[1]:12.3f} {losses[2]:9.3f}  {told}")
        for way, loss in zip(ways, losses, strict=True):
            tables[way].append(loss / losses[0])
            runs[way] += [row[way]["loss"] / row["search"]["loss"] for row in rows]
    for way in ways[1:]:
        mean = np.exp(np.log(tables[way]).mean())
        better, worse = (np.array(runs[way]) < 1).sum(), (np.array(runs[way]) > 1).sum()
        print(f"{way}: mean loss {mean:.3f} of the search's over the tables; runs better {better}, worse {worse}")


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="?", type=Path, default=Path())
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--out", type=Path, default=Path("refit_gain.json"))
    parser.add_argument("--show", type=Path)
    options = parser.parse_args()
    if options.show:
        show(json.loads(options.show.read_text()))
        return
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    for seed in map(int, options.seeds.split(",")):
        for name, target in SETS.items():
            source = str(options.tables / name) if target else name
            if f"{name} {seed}" in results or (target and not Path(source).exists()):
                continue
            results[f"{name} {seed}"] = one(source, target, seed)
            options.out.write_text(json.dumps(results, indent=1))
            print(name, seed, results[f"{name} {seed}"], flush=True)
    show(results)


if __name__ == "__main__":
    main()
