"""Where the time of image models goes: seconds of each kind of operation in one epoch of each trial, on one core.

The trials are those of `engine_speed.py`. TensorFlow's profiler times every operation of the second epoch, training and
validation; the tables go into step_profile.md beside this script.

Run: taskset -c 0 python tests/benchmarks/step_profile.py
"""

import collections
import datetime
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

RESULTS = Path(__file__).with_suffix(".md")
SEARCHES = ("convnet, Fashion-MNIST", "resnet, Fashion-MNIST")
SHOWN = 12
CONVOLUTIONS = ("Conv2D", "BatchMatMul")  # The second is what those in fewer products are made of.
WHOLE = "Run"  # Of a compiled function, from another thread than its operations.


def profiled(name: str) -> tuple[float, collections.Counter]:
    """Seconds of an epoch of all trials, and of each kind of operation."""
    from engine_speed import SEARCHES as SEARCHED
    from engine_speed import TUNERS, make_search

    from tuners.engine.call import read_call
    from tuners.engine.graph.compiled_models import CompiledModels
    from tuners.engine.graph.engine import GraphTrainer

    wall, seconds = 0.0, collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        tuner, given = make_search(name, TUNERS[1], directory)
        tuner.oracle.verbose = 0
        for number in range(SEARCHED[name][3]):
            trial = tuner.oracle.create_trial(str(number))
            model = tuner.hypermodel.build(trial.hyperparameters)
            batch_size = tuner.hypermodel.values(trial.hyperparameters)["batch_size"]
            call = read_call(model, (), {**given, "batch_size": batch_size})
            trainer = GraphTrainer(call, CompiledModels())
            trainer.prepare(None)
            spent, found = one_epoch(call, trainer, f"{directory}/profile{number}")
            wall += spent
            seconds += found
    return wall, seconds


def one_epoch(call, trainer, directory: str) -> tuple[float, collections.Counter]:
    """Seconds of an epoch, and of each kind of operation without those that it calls."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    def epoch():
        trainer.train(np.arange(call.rows, dtype=np.int32))
        trainer.validate(np.arange(len(call.validation[0]), dtype=np.int32))

    # The first one begins with what TensorFlow does once.
    epoch()
    tf.profiler.experimental.start(directory)
    begun = time.perf_counter()
    epoch()
    wall = time.perf_counter() - begun
    tf.profiler.experimental.stop()
    space, seconds = xplane_pb2.XSpace(), collections.Counter()
    for file in Path(directory).rglob("*.xplane.pb"):
        space.ParseFromString(file.read_bytes())
    for plane in space.planes:
        if "CPU" in plane.name:
            names = {number: each.name.split(":")[-1] for number, each in plane.event_metadata.items()}
            for line in plane.lines:
                add_own_time(
                    seconds, [(each.offset_ps, each.duration_ps, names[each.metadata_id]) for each in line.events]
                )
    return wall, seconds


def add_own_time(seconds: collections.Counter, events: list[tuple[int, int, str]]) -> None:
    open_: list[tuple[int, str]] = []
    for begin, duration, name in sorted(events, key=lambda event: (event[0], -event[1])):
        while open_ and begin >= open_[-1][0]:
            open_.pop()
        seconds[name] += duration / 1e12
        if open_:
            seconds[open_[-1][1]] -= duration / 1e12
        open_.append((begin + duration, name))


def main() -> None:
    lines = [
        "# Where the time of image models goes",
        "",
        f"Written by `step_profile.py` on {datetime.date.today()}; one epoch of each trial, one core.",
    ]
    for name in SEARCHES:
        wall, seconds = profiled(name)
        convolutions = sum(spent for kind, spent in seconds.items() if any(each in kind for each in CONVOLUTIONS))
        lines += [
            "",
            f"## {name}: {wall:.1f} s, convolutions {convolutions / wall:.0%}",
            "",
            "| operation | seconds |",
            "|---|---:|",
        ]
        del seconds[WHOLE]
        lines += [f"| {kind} | {spent:.2f} |" for kind, spent in seconds.most_common(SHOWN)]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
