"""The trial engine beside keras-tuner's own tuner: CPU seconds of the same trials, as ratios measured in one run.

Both tuners get an oracle of the same kind and seed and run in processes of their own, in turns, on one core. Prints a
Markdown table.

Run: python tests/benchmarks/engine_speed.py [--rounds 3] [--searches "MLP, digits"]
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys

SEARCHES = {
    # name: (family, data, training rows, trials, epochs)
    "MLP, digits": ("mlp", "digits", None, 30, 10),
    "MLP, Fashion-MNIST": ("mlp", "fashion_mnist", 10_000, 12, 5),
    "convnet, Fashion-MNIST": ("convnet", "fashion_mnist", 10_000, 8, 3),
    "resnet, Fashion-MNIST": ("resnet", "fashion_mnist", 2_000, 4, 3),
}
TUNERS = ("keras_tuner.Tuner", "tuners.FastTuner")


def search(name: str, kind: str) -> dict:
    """CPU seconds and peak memory of a search in this process, imports left out."""
    import resource
    import tempfile
    import time

    import keras_tuner

    import kzoo
    import tuners

    family, source, rows, trials, epochs = SEARCHES[name]
    data = kzoo.load_dataset(source)
    hypermodel = kzoo.create_hypermodel(family, data.task, epochs=epochs)
    # An oracle that does not look at results, so that both run the same trials.
    oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_accuracy", max_trials=trials, seed=1)
    make = keras_tuner.Tuner if kind == TUNERS[0] else tuners.FastTuner
    with tempfile.TemporaryDirectory() as directory:
        tuner = make(oracle=oracle, hypermodel=hypermodel, directory=directory, project_name="search")
        begun = time.process_time()
        tuner.search(
            data.x_train[:rows],
            data.y_train[:rows],
            validation_data=(data.x_val[:rows], data.y_val[:rows]),
            epochs=epochs,
            verbose=0,
        )
        spent = time.process_time() - begun
        disk = sum(
            os.path.getsize(os.path.join(where, file)) for where, _, files in os.walk(directory) for file in files
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = [trial.hyperparameters.values for trial in oracle.trials.values()]
    return {"cpu": spent, "memory": memory, "disk": disk / 1e6, "trials": values}


def measured(name: str, kind: str) -> dict:
    command = [sys.executable, __file__, "--one", name, kind]
    cpu = sorted(os.sched_getaffinity(0))[0]
    out = subprocess.run(
        ["taskset", "-c", str(cpu), *command], capture_output=True, text=True, check=True, env={**os.environ}
    )
    return json.loads(out.stdout.splitlines()[-1])


def row(name: str, rounds: int) -> str:
    pairs = [[measured(name, kind) for kind in TUNERS] for _ in range(rounds)]
    for theirs, ours in pairs:
        assert theirs["trials"] == ours["trials"], "the two have not run the same trials"
    _, _, rows, trials, epochs = SEARCHES[name]
    ratio = statistics.median(theirs["cpu"] / ours["cpu"] for theirs, ours in pairs)
    theirs, ours = pairs[0]
    size = f"{rows:,} images, " if rows else ""
    cells = [
        f"{name}, {size}{trials} trials x {epochs} epochs",
        f"{theirs['cpu']:.1f} s",
        f"{ours['cpu']:.1f} s",
        f"{ratio:.2f}",
        f"{theirs['memory']:.0f} / {ours['memory']:.0f} MB",
        f"{theirs['disk']:.1f} / {ours['disk']:.1f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--searches", nargs="*", default=list(SEARCHES))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(search(*options.one)))
        return
    print("| search | keras_tuner.Tuner, CPU | tuners.FastTuner, CPU | ratio | peak memory | disk |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in options.searches:
        print(row(name, options.rounds), flush=True)
    versions = ", ".join(
        f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras", "keras-tuner")
    )
    print(f"\n{options.rounds} rounds in turns on one core, {datetime.date.today()}; {versions}.")


if __name__ == "__main__":
    main()
