"""What every family of the zoo reaches on real data.

For each family and data set: a search of a given size, then the best model on the test rows. Prints the table, and with
--write puts it into zoo_results.md.

Run: python tests/benchmarks/zoo_results.py [--trials 12] [--epochs 10] [--write]
"""

import argparse
import datetime
import importlib.metadata
import tempfile
from pathlib import Path

import kzoo
import tuners

RESULTS = Path(__file__).with_suffix(".md")
DATA = ("digits", "wine", "breast_cancer", "diabetes")


def result(name: str, source: str, trials: int, epochs: int) -> str:
    data = kzoo.load_dataset(source)
    try:
        hypermodel = kzoo.create_hypermodel(name, data.task, epochs=epochs)
    except ValueError:
        return ""
    with tempfile.TemporaryDirectory() as directory:
        tuner = tuners.CoarseToFineSearch(
            hypermodel, data.task.objective, trials, 1, directory=directory, project_name="search"
        )
        tuner.search(data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), epochs=epochs, verbose=0)
        metrics = tuner.get_best_models()[0].evaluate(data.x_test, data.y_test, verbose=0, return_dict=True)
    wanted = "accuracy" if data.task.kind == "classification" else "root_mean_squared_error"
    print(f"{name:20} {source:15} {wanted} {metrics[wanted]:.4g}", flush=True)
    return f"{metrics[wanted]:.3f}" if wanted == "accuracy" else f"{metrics[wanted]:.1f}"


def table(trials: int, epochs: int) -> str:
    heads = ["model", *(f"{source}, RMSE" if source == "diabetes" else source for source in DATA)]
    lines = [f"| {' | '.join(heads)} |", f"|---{'|---:' * len(DATA)}|"]
    for name in kzoo.list_models():
        cells = [result(name, source, trials, epochs) for source in DATA]
        lines.append(f"| {' | '.join([f'`{name}`', *cells])} |")
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras"))
    lines.append(
        f"\nAccuracy on the test rows (diabetes: root mean squared error) of the best of {trials} trials of {epochs} "
        f"epochs, seed 1. Made by `tests/benchmarks/zoo_results.py` on {datetime.date.today()}, {versions}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"put the table into {RESULTS.name}")
    options = parser.parse_args()
    made = table(options.trials, options.epochs)
    print(made)
    if options.write:
        RESULTS.write_text(f"# The families of the zoo\n\n{made}\n")
