"""How much faster two workers on two cores are than one worker with one core, on a search of equal trials.

Both searches run in turns on the same two cores, start of the workers included. Prints a Markdown page, with the load
of the machine before each round: where others use the cores as well, the ratio says little. Then searches by the
command with `--workers 1` and `--workers auto`: whether it is handed over where it pays, and what it costs where not.

Run: python tests/benchmarks/parallel_speed.py [--rounds 3] [--trials 16] [--epochs 20] [--only auto]
"""

import argparse
import importlib.metadata
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from tuners.parallel.worker_pipe import use_cores

use_cores()

import keras
import keras_tuner
import numpy as np

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


AUTO = {
    "digits, mlp": ("mlp", "--data", "digits", "--trials", "30", "--epochs", "20"),
    "table of 14,000 rows, mlp": ("mlp", "--data", "table.csv", "--target", "y", "--trials", "20", "--epochs", "40"),
    "14,000 images, convnet": ("convnet", "--data", "images.npz", "--trials", "6", "--epochs", "2"),
}
"""Searches by their names; of the learning rate alone, so that all trials take as long, whichever they are."""

WITHOUT_OTHERS = """
from kzoo.cli import handover, main
# Programs of others do not count: they make way for what has a higher priority.
handover.busy_seconds = lambda: None
main()
"""


def write_data() -> None:
    """A table and images of ten classes, both drawn at random."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(14_000, 20))
    y = np.tanh(x @ draws.normal(size=(20, 8))) @ draws.normal(size=8) + 0.3 * draws.normal(size=len(x)) > 0
    names = [*(f"x{number}" for number in range(20)), "y"]
    np.savetxt("table.csv", np.column_stack([x, y]), "%.4f", ",", header=",".join(names), comments="")
    classes = draws.integers(0, 10, len(x))
    images = 128 + 40 * draws.normal(size=(10, 28, 28))[classes] + 60 * draws.normal(size=(len(x), 28, 28))
    np.savez("images.npz", x=np.clip(images, 0, 255).astype("uint8"), y=classes)


def command_times(search: tuple[str, ...], workers: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of `kzoo search` as a user starts it, and what it says about processes."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", WITHOUT_OTHERS, "search", *search, "--priority", "1"]
        began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*command, "--workers", workers, "--out", f"{directory}/RUN"], check=True, capture_output=True, text=True
        )
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = re.search(r".*process.*", done.stderr)
        if len(tuners.Study.load(f"{directory}/RUN").trials) != int(search[search.index("--trials") + 1]):
            raise RuntimeError(done.stdout)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return time.monotonic() - began, cpu, said[0].rstrip(".") if said else "one process"


def compare_auto(names: list[str]) -> None:
    print("## One process, or as many as pay\n")
    print("`kzoo search` with `--workers 1` and with `--workers auto`, on two cores.\n")
    print("| search | one: wall | CPU | auto: wall | CPU | wall ratio | said | load before |")
    print("|---|---:|---:|---:|---:|---:|---|---:|")
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        write_data()
        for name in names:
            load = os.getloadavg()[0]
            one, one_cpu, _ = command_times(AUTO[name], "1")
            auto, auto_cpu, said = command_times(AUTO[name], "auto")
            times = f"{one:.0f} s | {one_cpu:.0f} s | {auto:.0f} s | {auto_cpu:.0f} s | {one / auto:.2f}"
            print(f"| {name} | {times} | {said} | {load:.1f} |", flush=True)
    trials = "; ".join(f"{name}: {search[-3]} trials of {search[-1]} epochs" for name, search in AUTO.items())
    print(f"\nWhole processes, from their start to their end, TensorFlow and data included. {trials};")
    print("only the learning rate is tuned, so that all trials take as long. One run each. Load: before the row; to be")
    print("run with a higher priority than other programs, whose use of the cores does not count here.")
    print("\nMade by `python tests/benchmarks/parallel_speed.py --only auto`.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--only", choices=["auto"])
    parser.add_argument("--search", action="append", choices=AUTO, help="Of those of auto; all if not given.")
    asked = parser.parse_args()
    if asked.only:
        compare_auto(asked.search or [*AUTO])
        return
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
