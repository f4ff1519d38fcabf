"""How much faster two workers on two cores are than one worker with one core, on a search of equal trials.

Both searches run in turns on the same two cores, start of the workers included. Prints a Markdown page, with the load
of the machine before each round: where others use the cores as well, the ratio says little.

Run: python tests/benchmarks/parallel_speed.py [--rounds 3] [--trials 16] [--epochs 20]
"""

import argparse
import importlib.metadata
import os
import resource
import statistics
import sys
import tempfile
import time

from tuners.parallel.worker_pipe import use_cores

use_cores()

import keras
import keras_tuner

import kzoo
import tuners


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """The same model for every trial: the one hyperparameter has no influence."""
    hp.Int("number", 0, 10**6)
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    for _ in range(2):
        model.add(keras.layers.Dense(256, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tuner(directory: str, trials: int) -> tuners.CoarseToFineSearch:
    made = tuners.CoarseToFineSearch(
        build, "val_accuracy", trials, 1, ranking=False, engine="graph", directory=directory, project_name="run"
    )
    made.oracle.verbose = 0
    return made


def work(directory: str, trials: int, epochs: int) -> None:
    """A worker."""
    data = kzoo.load_dataset("fashion_mnist")
    train, validation = (data.x_train[:10_000], data.y_train[:10_000]), (data.x_val[:2000], data.y_val[:2000])
    tuners.serve_trials(
        tuner(directory, trials), *train, validation_data=validation, epochs=epochs, batch_size=64, verbose=0
    )


def seconds(workers: int, cores: list[int], trials: int, epochs: int) -> tuple[float, float]:
    """Wall and CPU seconds of a search."""
    before = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as directory:
        made = tuner(directory, trials)
        os.sched_setaffinity(0, cores)
        try:
            began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, __file__, "worker", directory, str(trials), str(epochs)]
            tuners.search_in_processes(made, command, workers=workers)
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
        finally:
            os.sched_setaffinity(0, before)
        completed = len([trial for trial in made.oracle.trials.values() if trial.status == "COMPLETED"])
        if completed != trials:
            raise RuntimeError(f"{completed} of {trials} trials are completed.")
    return time.monotonic() - began, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    print("# Two workers\n\nTime of a search by two workers with a core each against one worker with one core.\n")
    print("| round | one worker, one core | two workers, two cores | ratio | CPU ratio | load before |")
    print("|---:|---:|---:|---:|---:|---:|")
    ratios = []
    for number in range(1, asked.rounds + 1):
        load = os.getloadavg()[0]
        one, one_cpu = seconds(1, cores[:1], asked.trials, asked.epochs)
        two, two_cpu = seconds(2, cores, asked.trials, asked.epochs)
        ratios.append(one / two)
        times = f"{one:.1f} s | {two:.1f} s | {one / two:.2f} | {one_cpu / two_cpu:.2f}"
        print(f"| {number} | {times} | {load:.1f} |", flush=True)
    version = importlib.metadata.version("tensorflow")
    print(f"\nMedian ratio: {statistics.median(ratios):.2f}. {asked.trials} trials of {asked.epochs} epochs, an MLP on")
    print(
        f"10,000 Fashion-MNIST images, tensorflow {version}. CPU ratio: processor time of one worker by that of both;"
    )
    print("the ratio can be twice as much. Load: before the round; other programs used the cores where it is not 0.")
    options = f"--rounds {asked.rounds} --trials {asked.trials} --epochs {asked.epochs}"
    print(f"\nMade by `python tests/benchmarks/parallel_speed.py {options}`.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
