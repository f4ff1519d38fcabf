"""Exports beside `model.export`: size on disk, time to load, time to answer; writes export_speed.md beside this file.

Both exports are loaded in one process by the C++ loader, and their runs alternate, so that ratios hold whatever else
the machine does. It is a process that has trained nothing, as a server's has not: in one that has, the MLP on digits
measured up to 2.5 at 32 rows, for a reason that is not known. Time is CPU time of the process. Sessions answer in the
thread that calls and in no other: what is compared is the graphs, and the hand-over between threads costs as much as a
small model. An empty graph is measured too, since every request pays for it whatever the export.

Run it with `python tests/benchmarks/export_speed.py`; it needs Fashion-MNIST.

What a client of a server sees, with two servers or one that serves both models:

    python tests/benchmarks/export_speed.py --write DIR
    kzoo serve ours --to DIR --rest-port 8501 & kzoo serve keras --to DIR --rest-port 8502 &
    python tests/benchmarks/export_speed.py \\
        --server http://127.0.0.1:8501/v1/models/ours http://127.0.0.1:8502/v1/models/keras
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import importlib.metadata
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from served_speed import served_table

import kzoo
from kzoo.export import Runner
from kzoo.task import Task

RESULTS = Path(__file__).with_suffix(".md")
BATCH_SIZES = (1, 32, 256)
ROUNDS = 25
SECONDS_A_RUN = 0.04
BATCHES = tuple(f"batch {size}" for size in BATCH_SIZES)
HEADINGS = ("model", "data", "signature", "weights", *BATCHES, "mean", "empty", "difference")
NOTES = """## Notes

What a full trace (`RunOptions.FULL_TRACE`) shows, in microseconds of the operations themselves:

- For one row of digits, the MLP of `model.export` runs 73 operations and ours 35. That matters less than the kernels:
  oneDNN's fused dense layer takes 13 for the first hidden layer and 5 for the second, where a product, a subtraction
  and a relu take 4 and 3. So exports keep TensorFlow from fusing them.
- The MLP on Fashion-MNIST misses 1.2 at 256 rows: 460 of our 640 are the product of the first layer (51 Mflop
  at 110 Gflop/s), which both exports have. Were all else free, the ratio would be about 1.26.
- The convnet on digits misses 1.3 in the mean: at 32 rows 166 of our 223 are two convolutions and two poolings, the
  same in both.
- `serving_default` also makes text, one label a row, which Python turns into objects one by one. Who needs speed asks
  `numeric`. Until 2026-11-29 it answered with the names of all classes for every row too: the MLP on digits was then at
  1.06, 1.01 and 0.89 for 1, 32 and 256 rows, in the same runs in which it is at 1.20, 1.17 and 1.08 without them.

Tried and left: weights of convolutions as constants in the graph, which oneDNN then reorders once (3 to 5 %, but
weights in two places); a graph without functions (1 to 4 microseconds a request); pooling without oneDNN (`MaxPoolV2`:
faster for one row, up to four times slower for 256); max pooling as reductions or slices (slower). With two threads a
session, on one core, the ratios of the MLPs grow (1.4 to 2.4), since oneDNN wakes threads for `model.export`'s; that of
the convnet on digits shrinks at one row (1.1), where both pay for handing over convolutions.
"""

Call = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained model to export both ways."""

    name: str
    data: str
    model: keras.Model
    task: Task
    rows: np.ndarray


def trained(name: str, data: kzoo.Dataset) -> Subject:
    """A model of the zoo at its defaults, which have batch norm before the activation."""
    keras.utils.set_random_seed(1)
    model = kzoo.create_model(name, data.task)
    model.fit(data.x_train[:4000], data.y_train[:4000], batch_size=64, epochs=3, verbose=0)
    return Subject(name, data.name, model, data.task, data.x_train[:512])


def large(data: kzoo.Dataset) -> Subject:
    """An MLP of about 100 MB."""
    inputs = keras.Input(data.task.input_shape, dtype=data.task.input_dtype)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(inputs))
    for _ in range(7):
        x = keras.layers.Dense(2040, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(data.task.num_classes, activation="softmax")(x))
    return Subject("100 MB", data.name, model, data.task, data.x_train[:64])


def exports(subject: Subject, directory: Path) -> tuple[Path, Path]:
    ours = kzoo.export_model(subject.model, directory / "kzoo", task=subject.task, examples=subject.rows)
    keras_own = directory / "keras"
    subject.model.export(keras_own, verbose=False)
    return ours, keras_own


def weights_on_disk(export: Path) -> int:
    return sum(file.stat().st_size for file in (export / "variables").iterdir())


def seconds_a_call(call: Call) -> float:
    begin, calls = time.process_time(), 0
    while time.process_time() - begin < SECONDS_A_RUN:
        call()
        calls += 1
    return (time.process_time() - begin) / calls


def ratio(theirs: Call, ours: Call, rounds: int) -> float:
    """Median over alternating rounds of their time in units of ours."""
    for warm_up in (theirs, ours):
        seconds_a_call(warm_up)
    return statistics.median(seconds_a_call(theirs) / seconds_a_call(ours) for _ in range(rounds))


@contextlib.contextmanager
def session() -> Iterator[tf.compat.v1.Session]:
    config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=-1, intra_op_parallelism_threads=1)
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as opened:
        yield opened


@contextlib.contextmanager
def answering(export: Path, signature: str) -> Iterator[Callable[[np.ndarray], object]]:
    with session() as opened:
        loaded = tf.compat.v1.saved_model.load(opened, ["serve"], str(export)).signature_def[signature]
        (given,) = loaded.inputs.values()
        yield opened.make_callable([output.name for output in loaded.outputs.values()], [given.name])


@contextlib.contextmanager
def empty(rows: np.ndarray) -> Iterator[Callable[[np.ndarray], object]]:
    """A graph that does nothing."""
    with session() as opened:
        given = tf.compat.v1.placeholder(rows.dtype, [None, *rows.shape[1:]])
        yield opened.make_callable([tf.identity(given).name], [given.name])


def answer_ratios(ours: Path, keras_own: Path, rows: np.ndarray, signature: str) -> tuple[list[float], float]:
    """Ratios for each batch size, and what a graph that does nothing takes of `model.export`'s time for one row."""
    answer = answering(ours, signature), answering(keras_own, "serving_default"), empty(rows)
    with answer[0] as mine, answer[1] as theirs, answer[2] as nothing:
        batches = [rows[:size] for size in BATCH_SIZES]
        ratios = [ratio(lambda b=b: theirs(b), lambda b=b: mine(b), ROUNDS) for b in batches]
        return ratios, 1 / ratio(lambda: theirs(rows[:1]), lambda: nothing(rows[:1]), ROUNDS)


def largest_difference(subject: Subject, export: Path) -> float:
    with Runner(export) as runner:
        answer = runner.run("numeric", {"inputs": subject.rows})["probabilities"]
    return float(np.abs(answer - subject.model.predict(subject.rows, verbose=0)).max())


def rows_of(subject: Subject) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as scratch:
        ours, keras_own = exports(subject, Path(scratch))
        size = weights_on_disk(ours) / weights_on_disk(keras_own)
        difference = largest_difference(subject, ours)
        for signature in ("numeric", "serving_default"):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
                speeds, share = fresh.submit(answer_ratios, ours, keras_own, subject.rows, signature).result()
            cells = [f"{number:.2f}" for number in (*speeds, statistics.geometric_mean(speeds), share)]
            named = [f"`{subject.name}`", subject.data, signature, f"{size:.3f}"]
            yield f"| {' | '.join([*named, *cells, f'{difference:.1e}'])} |"


def load_sentence(subject: Subject) -> str:
    def loading(export: Path) -> Call:
        return lambda: Runner(export).close()

    with tempfile.TemporaryDirectory() as scratch:
        ours, keras_own = exports(subject, Path(scratch))
        size, share = weights_on_disk(ours), weights_on_disk(ours) / weights_on_disk(keras_own)
        load = 1 / ratio(loading(keras_own), loading(ours), 9)
    return (
        f"A model of {size / 1e6:.0f} MB (`model.export`'s takes {size / share / 1e6:.0f} MB) loads in {load:.2f} of "
        "the time."
    )


def write(directory: Path) -> None:
    """Both exports of one model, as servers take them: `ours` and `keras` in a directory."""
    subject = trained("mlp", kzoo.load_dataset("digits"))
    kzoo.export_model(subject.model, directory / "ours", task=subject.task, examples=subject.rows)
    subject.model.export(directory / "keras" / "1", verbose=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="DIR", help="write both exports of a model, to serve them")
    parser.add_argument("--server", nargs=2, metavar=("OURS", "KERAS"), help="addresses of both models to ask")
    asked = parser.parse_args()
    if asked.write:
        write(asked.write)
    elif asked.server:
        rows = kzoo.load_dataset("digits").x_train[: max(BATCH_SIZES)]
        print(served_table(*asked.server, rows, BATCH_SIZES))
    else:
        measure()


def measure() -> None:
    """In this process; see above."""
    digits, fashion = kzoo.load_dataset("digits"), kzoo.load_dataset("fashion_mnist")
    table = ["| " + " | ".join(HEADINGS) + " |", "|---|---|---|" + "---:|" * (len(HEADINGS) - 3)]
    for name, data in (("mlp", digits), ("convnet", digits), ("mlp", fashion), ("convnet", fashion)):
        table += rows_of(trained(name, data))
        print(table[-2], table[-1], sep="\n", flush=True)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras"))
    text = f"""# Exports beside `model.export`

{datetime.date.today()}, {versions}; made by `tests/benchmarks/export_speed.py`, which says how it measures.

{chr(10).join(table)}

Weights: bytes on disk as a share of `model.export`'s. Batch: requests of so many rows that our signature answers while
`model.export`'s only one, `serving_default`, answers one; mean: the geometric mean of the three. `numeric` answers with
probabilities, as `model.export` does; `serving_default` with labels besides, which are text.
Empty: the share of `model.export`'s time for one row that a graph takes which does nothing. Difference: the largest
from the Keras model's probabilities on 512 rows.

{load_sentence(large(digits))}

{NOTES}"""
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
