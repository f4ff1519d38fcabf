"""The trial engine beside keras-tuner's own tuner: CPU seconds of the same trials, as ratios measured in one run.

Both tuners get an oracle of the same kind and seed and run in processes of their own, in turns, on one core. The share
of steps is the wall time within compiled functions, but for the calls that trace them, or in epochs written out, over
that of the search. Wall times differ by more than CPU times, since `model.fit` sleeps at the end of every epoch, until
a thread of tf.data has ended. The tables go into engine_speed.md beside this script; what is not measured anew stays.

The second table is of models that share a compiled epoch, beside the same ones each by itself:
trials of one structure, and the folds of a cross-validation.

Run: python tests/benchmarks/engine_speed.py [--rounds 3] [--searches "MLP, digits"] [--memory convnet] [--together]
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).with_suffix(".md")
# What is left is what a compiled epoch takes as input: learning rate, dropout and weight decay.
CONVNET = {
    "filters": 16,
    "units": 64,
    "stages": 2,
    "norm": "before",
    "activation": "relu",
    "batch_size": 32,
    "optimizer": "adam",
    "decay": "none",
}
SEARCHES = {
    # name: (family, data, training rows, trials, epochs, values that are not tuned)
    "MLP, digits": ("mlp", "digits", None, 30, 10, {}),
    "MLP, Fashion-MNIST": ("mlp", "fashion_mnist", 10_000, 12, 5, {}),
    "convnet, Fashion-MNIST": ("convnet", "fashion_mnist", 10_000, 8, 3, {}),
    "resnet, Fashion-MNIST": ("resnet", "fashion_mnist", 2_000, 4, 3, {}),
    "convnet of one structure, Fashion-MNIST": ("convnet", "fashion_mnist", 2_000, 12, 3, CONVNET),
}
TOGETHER = {
    # name: (family, data, training rows, trials, epochs, values that are not tuned, folds or None)
    "MLP, breast_cancer, 12 trials x 10 epochs, 5 folds": ("mlp", "breast_cancer", None, 12, 10, {}, 5),
    "convnet of one structure, Fashion-MNIST, 2,000 images, 12 trials x 3 epochs": (
        "convnet",
        "fashion_mnist",
        2_000,
        12,
        3,
        CONVNET,
        None,
    ),
    "convnet, Fashion-MNIST, 2,000 images, 2 trials x 3 epochs, 5 folds": (
        "convnet",
        "fashion_mnist",
        2_000,
        2,
        3,
        {},
        5,
    ),
}
USERS = {
    # name in `user_hypermodels.EXAMPLES`: trials
    "batch size and epochs in HyperModel.fit, digits": 30,
    "first steps, digits": 20,
    "convnet with augmentation, made images": 8,
    "LSTM, made sentences": 8,
    "table with StringLookup and embeddings, made": 16,
    "frozen MobileNet, made images": 4,
    "two inputs and two outputs, made": 10,
}
TUNERS = ("keras_tuner.Tuner", "tuners.FastTuner")
HEADER = (
    "| search | keras_tuner.Tuner, CPU | tuners.FastTuner, CPU | ratio | ratio of wall times "
    "| steps, share of the wall time | peak memory | disk | measured |"
)
TOGETHER_HEADER = (
    "| models of one structure | each by itself, CPU | sharing, CPU | ratio | steps: by itself, sharing | measured |"
)
MEMORY_HEADER = "| tuners.FastTuner, digits, trials of one epoch | resident memory | disk | measured |"
MEMORY = {
    # name: family, engine, whether classes have weights, trials after which memory and disk are looked at
    "mlp": ("mlp", "auto", False, (30, 50, 1000)),
    "convnet": ("convnet", "auto", False, (30, 60, 120)),
    "mlp with class_weight": ("mlp", "auto", True, (30, 100, 500)),
    "convnet by model.fit": ("convnet", "fit", False, (30, 100, 500)),
}


def make_search(name: str, kind: str, directory: str):
    """A tuner with an oracle that does not look at results, so that both kinds run the same trials, and its data."""
    import keras_tuner

    import tuners

    hypermodel, given, trials, objective = of_the_zoo(name) if name in SEARCHES else of_a_user(name)
    oracle = keras_tuner.oracles.RandomSearchOracle(objective=objective, max_trials=trials, seed=1)
    make = keras_tuner.Tuner if kind == TUNERS[0] else tuners.FastTuner
    tuner = make(oracle=oracle, hypermodel=hypermodel, directory=directory, project_name="search")
    return tuner, {**given, "verbose": 0}


def of_the_zoo(name: str):
    """Hypermodel, arguments of `search`, number of trials and objective of one of `SEARCHES`."""
    import kzoo

    family, source, rows, trials, epochs, fixed = SEARCHES[name]
    data = kzoo.load_dataset(source)
    given = {
        "x": data.x_train[:rows],
        "y": data.y_train[:rows],
        "validation_data": (data.x_val[:rows], data.y_val[:rows]),
        "epochs": epochs,
    }
    hypermodel = kzoo.create_hypermodel(family, data.task, epochs=epochs, fixed=fixed)
    return hypermodel, given, trials, "val_accuracy"


def of_a_user(name: str):
    """The same of one of the hypermodels that users write."""
    from user_hypermodels import EXAMPLES

    example = EXAMPLES[name]
    given = {**example.data(example.rows), "epochs": example.epochs}
    return example.hypermodel(given), given, example.trials, example.objective


def search(name: str, kind: str) -> dict:
    """CPU seconds, seconds in training steps, and peak memory of a search in this process, imports left out."""
    import resource
    import tempfile
    import time

    with tempfile.TemporaryDirectory() as directory:
        tuner, given = make_search(name, kind, directory)
        steps = count_steps()
        begun, wall = time.process_time(), time.perf_counter()
        tuner.search(**given)
        spent, wall = time.process_time() - begun, time.perf_counter() - wall
        disk = disk_of(directory)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]
    return {"cpu": spent, "wall": wall, "share": steps() / wall, "memory": memory, "disk": disk, "trials": values}


def together(name: str, kind: str) -> dict:
    """CPU seconds of a search, and those of its steps, with models that share what they can or each by itself."""
    import tempfile
    import time

    import keras_tuner

    import kzoo
    import tuners
    from tuners.engine.graph import compiled_models

    family, source, rows, trials, epochs, fixed, folds = TOGETHER[name]
    if kind == "by itself":
        compiled_models.MODELS = 0
    data = kzoo.load_dataset(source)
    hypermodel = kzoo.create_hypermodel(family, data.task, epochs=epochs, fixed=fixed)
    oracle = keras_tuner.oracles.RandomSearchOracle(objective="val_loss", max_trials=trials, seed=1)
    given = {"x": data.x_train[:rows], "y": data.y_train[:rows], "epochs": epochs, "verbose": 0}
    if folds is None:
        given["validation_data"] = (data.x_val[:rows], data.y_val[:rows])
    with tempfile.TemporaryDirectory() as directory:
        tuner = tuners.FastTuner(oracle, hypermodel, directory=directory, project_name="search", folds=folds)
        steps = count_steps()
        begun = time.process_time()
        tuner.search(**given)
        spent = time.process_time() - begun
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    return {"cpu": spent, "steps": steps(), "scores": scores}


def count_steps():
    """Have the training and validation steps timed; gives a function that tells the seconds they took."""
    import time

    import tensorflow as tf

    from tuners.engine.numpy_engine.engine import NumpyTrainer

    spent, traced = [0.0], {}

    def timed(function, first_counts):
        def run(self, *args, **kwargs):
            begun = time.perf_counter()
            result = function(self, *args, **kwargs)
            # The first call of a compiled function is its tracing.
            if first_counts or id(self) in traced:
                spent[0] += time.perf_counter() - begun
            else:
                traced[id(self)] = self
            return result

        return run

    compiled = tf.function(lambda: 0)
    for kind, traced_before in ((type(compiled), False), (type(compiled.get_concrete_function()), True)):
        kind.__call__ = timed(kind.__call__, first_counts=traced_before)
    for name in ("train", "validate"):
        setattr(NumpyTrainer, name, timed(getattr(NumpyTrainer, name), first_counts=True))
    return lambda: spent[0]


def disk_of(directory: str) -> float:
    files = (os.path.join(where, file) for where, _, names in os.walk(directory) for file in names)
    return sum(map(os.path.getsize, files)) / 1e6


def memory(name: str) -> list[dict]:
    """Resident memory and disk of one long search after so many trials."""
    import tempfile

    import keras_tuner

    import kzoo
    import tuners

    found = []
    family, engine, weighted, counts = MEMORY[name]

    class Watcher:
        trials = 0

        def on_epoch(self, trial, epoch, epochs, logs):
            pass

        def on_trial_end(self, trial):
            self.trials += 1
            if self.trials in counts:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                resident = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
                found.append({"trials": self.trials, "memory": resident, "disk": disk_of(directory)})

    data = kzoo.load_dataset("digits")
    with tempfile.TemporaryDirectory() as directory:
        oracle = tuners.CoarseToFineOracle("val_accuracy", max(counts), 1, ranking=False)
        assert isinstance(oracle, keras_tuner.Oracle)
        hypermodel = kzoo.create_hypermodel(family, data.task)
        tuner = tuners.FastTuner(
            oracle, hypermodel, engine=engine, directory=directory, project_name="s", observer=Watcher()
        )
        x, y, rows = data.x_train, data.y_train, 400 if engine == "fit" else None
        tuner.search(
            x[:rows],
            y[:rows],
            class_weight={label: 1 + label / 10 for label in range(10)} if weighted else None,
            validation_data=(data.x_val, data.y_val),
            epochs=1,
            verbose=0,
        )
    return found


def in_process(*arguments: str):
    cpu = sorted(os.sched_getaffinity(0))[0]
    command = ["taskset", "-c", str(cpu), sys.executable, __file__, "--one", *arguments]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ})
    return json.loads(out.stdout.splitlines()[-1])


def median(pairs: list) -> list:
    """The round whose ratio of CPU times is the median, the lower one of two."""
    return sorted(pairs, key=lambda pair: pair[0]["cpu"] / pair[1]["cpu"])[(len(pairs) - 1) // 2]


def row(name: str, rounds: int, measured: str) -> str:
    pairs = [[in_process(name, kind) for kind in TUNERS] for _ in range(rounds)]
    for theirs, ours in pairs:
        assert theirs["trials"] == ours["trials"], "the two have not run the same trials"
    of_wall = statistics.median(theirs["wall"] / ours["wall"] for theirs, ours in pairs)
    theirs, ours = median(pairs)
    cells = [
        f"{name}, {sizes(name)}",
        f"{theirs['cpu']:.1f} s",
        f"{ours['cpu']:.1f} s",
        f"{theirs['cpu'] / ours['cpu']:.2f}",
        f"{of_wall:.2f}",
        f"{theirs['share']:.0%} / {ours['share']:.0%}",
        f"{theirs['memory']:.0f} / {ours['memory']:.0f} MB",
        f"{theirs['disk']:.1f} / {ours['disk']:.1f} MB",
        measured,
    ]
    return f"| {' | '.join(cells)} |"


def sizes(name: str) -> str:
    """How large a search is, in words."""
    if name in USERS:
        return f"{USERS[name]} trials"
    _, _, rows, trials, epochs, _ = SEARCHES[name]
    return f"{f'{rows:,} images, ' if rows else ''}{trials} trials x {epochs} epochs"


def together_row(name: str, rounds: int, measured: str) -> str:
    pairs = [[in_process(name, kind) for kind in ("by itself", "sharing")] for _ in range(rounds)]
    for one, other in pairs:
        gaps = [abs(a - b) / max(a, 1e-3) for a, b in zip(one["scores"], other["scores"], strict=True)]
        assert statistics.median(gaps) < 1e-4, "the two have not given the same results"
    one, other = median(pairs)
    cpu = f"{one['cpu']:.2f} s | {other['cpu']:.2f} s | {one['cpu'] / other['cpu']:.2f}"
    return f"| {name} | {cpu} | {one['steps']:.2f} / {other['steps']:.2f} s | {measured} |"


def memory_rows(name: str, measured: str) -> list[str]:
    return [
        f"| {name}, {each['trials']:,} | {each['memory']:.0f} MB | {each['disk']:.1f} MB | {measured} |"
        for each in in_process("memory", name)
    ]


def write(new: list[str]) -> None:
    """Put rows into the tables of the results, each in place of the one with the same beginning."""
    tables = {
        HEADER: "|---|---:|---:|---:|---:|---:|---:|---:|---|",
        TOGETHER_HEADER: "|---|---:|---:|---:|---:|---|",
        MEMORY_HEADER: "|---|---:|---:|---|",
    }
    old = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    rows = [*(line for line in old if line.startswith("| ") and line not in tables), *new]
    # The same search may be in two tables.
    kept = {(line.split(" | ")[0], line.count("|")): line for line in rows}
    lines = ["# The trial engine beside keras-tuner's own tuner", "", "Written by `engine_speed.py`; one core.", ""]
    for header, rule in tables.items():
        columns = header.count("|")
        lines += [header, rule, *(line for line in kept.values() if line.count("|") == columns), ""]
    notes = old[old.index("## Notes") :] if "## Notes" in old else []
    RESULTS.write_text("\n".join([*lines, *notes]).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--searches", nargs="*", choices=[*SEARCHES, *USERS], default=[*SEARCHES, *USERS])
    parser.add_argument("--memory", nargs="*", choices=MEMORY, default=[], help="memory over many trials of these")
    parser.add_argument("--together", action="store_true", help="measure models of one structure as well")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, kind = options.one
        print(
            json.dumps(memory(kind) if name == "memory" else (together if name in TOGETHER else search)(*options.one))
        )
        return
    versions = ", ".join(
        f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras", "keras-tuner")
    )
    today = f"{datetime.date.today()}, {versions}, rounds: "
    measured = f"{today}{options.rounds}"
    for name in options.searches:
        found = row(name, options.rounds, measured)
        print(found, flush=True)
        write([found])
    for name in TOGETHER if options.together else ():
        found = together_row(name, options.rounds, measured)
        print(found, flush=True)
        write([found])
    for name in options.memory:
        found = memory_rows(name, f"{today}1")
        print("\n".join(found))
        write(found)


if __name__ == "__main__":
    main()
