"""Exports beside `model.export`: size on disk, time to load, time to answer; prints a Markdown table.

Both exports are loaded in one process by the C++ loader, and their runs alternate, so that ratios hold whatever else
the machine does. Run it with `python tests/benchmarks/export_speed.py`.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

import kzoo
from kzoo.export import Runner
from kzoo.task import Task

BATCH_SIZES = (1, 32, 256)
ROUNDS = 15
SECONDS_A_RUN = 0.05


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained model to export both ways."""

    name: str
    model: keras.Model
    task: Task
    rows: np.ndarray


def trained(name: str, data: kzoo.Dataset, **options: object) -> Subject:
    keras.utils.set_random_seed(1)
    model = kzoo.create_model(name, data.task, **options)
    model.fit(data.x_train, data.y_train, batch_size=64, epochs=3, verbose=0)
    return Subject(name, model, data.task, data.x_train[:512])


def large(data: kzoo.Dataset) -> Subject:
    """An MLP of about 100 MB."""
    inputs = keras.Input(data.task.input_shape, dtype=data.task.input_dtype)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(inputs))
    for _ in range(7):
        x = keras.layers.Dense(1900, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(data.task.num_classes, activation="softmax")(x))
    return Subject("100 MB", model, data.task, data.x_train[:64])


def exports(subject: Subject, directory: Path) -> tuple[Path, Path]:
    ours = kzoo.export_model(subject.model, directory / "kzoo", task=subject.task, examples=subject.rows)
    keras_own = directory / "keras"
    subject.model.export(keras_own, verbose=False)
    return ours, keras_own


def weights_on_disk(export: Path) -> int:
    return sum(file.stat().st_size for file in (export / "variables").iterdir())


def seconds_a_call(call: Callable[[], object]) -> float:
    begin, calls = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS_A_RUN:
        call()
        calls += 1
    return (time.perf_counter() - begin) / calls


def ratio(keras_own: Callable[[], object], ours: Callable[[], object], rounds: int) -> float:
    """Median over alternating rounds of Keras's time in units of ours."""
    for warm_up in (keras_own, ours):
        seconds_a_call(warm_up)
    return statistics.median(seconds_a_call(keras_own) / seconds_a_call(ours) for _ in range(rounds))


def answer_ratios(ours: Path, keras_own: Path, rows: np.ndarray, signature: str) -> list[float]:
    with Runner(ours) as mine, Runner(keras_own) as theirs:
        (name,) = theirs.signatures["serving_default"].inputs
        return [
            ratio(
                lambda b=rows[:size]: theirs.run("serving_default", {name: b}),
                lambda b=rows[:size]: mine.run(signature, {"inputs": b}),
                ROUNDS,
            )
            for size in BATCH_SIZES
        ]


def largest_difference(subject: Subject, export: Path) -> float:
    with Runner(export) as runner:
        answer = runner.run("numeric", {"inputs": subject.rows})["probabilities"]
    return float(np.abs(answer - subject.model.predict(subject.rows, verbose=0)).max())


def tables() -> Iterator[str]:
    """Lines of the report, as they are found."""
    data = kzoo.load_dataset("digits")
    yield "| model | signature | weights on disk | batch 1 | batch 32 | batch 256 | geometric mean | difference |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for subject in (trained("mlp", data), trained("convnet", data), trained("resnet", data)):
        with tempfile.TemporaryDirectory() as scratch:
            ours, keras_own = exports(subject, Path(scratch))
            size = weights_on_disk(ours) / weights_on_disk(keras_own)
            difference = largest_difference(subject, ours)
            for signature in ("numeric", "serving_default"):
                speeds = answer_ratios(ours, keras_own, subject.rows, signature)
                cells = " | ".join(f"{speed:.2f}" for speed in (*speeds, statistics.geometric_mean(speeds)))
                yield f"| {subject.name} | {signature} | {size:.3f} | {cells} | {difference:.1e} |"
    subject = large(data)
    with tempfile.TemporaryDirectory() as scratch:
        ours, keras_own = exports(subject, Path(scratch))
        size = weights_on_disk(ours) / 1e6
        load = 1 / ratio(lambda: Runner(keras_own).close(), lambda: Runner(ours).close(), 7)
    yield f"\nA model of {size:.0f} MB loads in {load:.2f} of the time that `model.export`'s takes."
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras"))
    yield (
        "\nWeights on disk are a share of those of `model.export`; speeds are its time over ours, `serve` against the "
        "signature named (`serving_default` answers with text besides); the difference is the largest from the Keras "
        f"model's probabilities. Made by `tests/benchmarks/export_speed.py` on {datetime.date.today()}; {versions}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file to keep the tables in")
    options = parser.parse_args()
    lines = []
    for line in tables():
        print(line, flush=True)
        lines.append(line)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
