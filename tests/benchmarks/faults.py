"""What happens to a search when machines, disks and trials fail, each fault many times at a random moment.

The trials take no training: a hypermodel or a worker returns a number after some milliseconds, so that the faults hit
the search and not TensorFlow. Everything else is real: processes, signals, pipes, files, locks. Prints a Markdown
table.

Run: python tests/benchmarks/faults.py [--times 20] [--seed 1] [--trials 10000]
"""

import argparse
import contextlib
import importlib.metadata
import io
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path

TRIALS = 30
PACE = 0.004
"""Seconds that a trial takes."""


def distance(values) -> float:
    """The objective: squared distance to a point."""
    return sum((values[name] - best) ** 2 for name, best in zip("xyz", (0.3, 0.5, 0.8), strict=True))


def answer_as_worker() -> None:
    """A worker: python faults.py worker DIRECTORY."""
    from tuners.parallel.messages import Ended
    from tuners.parallel.worker_pipe import serve

    def train(order, report):
        deed = order.values["deed"]
        if deed == "raise":
            return Ended(order.trial_id, "INVALID", "ValueError: does not work")
        time.sleep({"hang": 600.0, "nothing": 0.0}.get(deed, PACE))
        score = float(deed) if deed in ("nan", "inf") else distance(order.values)
        return Ended(order.trial_id, "COMPLETED", None, [{"loss": score}], dict(order.values))

    serve(train)


if sys.argv[1:2] == ["worker"]:
    answer_as_worker()

import keras_tuner

import tuners

MESSAGE = "does not work"


class Here(tuners.CoarseToFineSearch):
    """Trials in this process, without training."""

    def run_trial(self, trial, *args, **kwargs):
        time.sleep(PACE)
        return [{"loss": distance(trial.hyperparameters.values)}]


class Breaks(keras_tuner.HyperModel):
    """Building raises in some trials, or in all."""

    def __init__(self, broken):
        super().__init__()
        self.broken, self.built = broken, 0

    def build(self, hp):
        import keras

        hp.Float("x", 0.0, 1.0)
        hp.Choice("deed", ["work"])
        self.built += 1
        # The first time is keras-tuner's, to learn the space.
        if self.built > 1 and self.built - 2 in self.broken:
            raise ValueError(MESSAGE)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, *args, **kwargs):
        return {"loss": hp.get("x")}


def make(kind, directory, trials=TRIALS, deeds=("work",), **options):
    hp = keras_tuner.HyperParameters()
    for name in "xyz":
        hp.Float(name, 0.0, 1.0)
    hp.Choice("deed", list(deeds))
    options = {"objective": keras_tuner.Objective("loss", "min"), "seed": 5, "ranking": False, **options}
    if "hypermodel" not in options:
        options |= {"hypermodel": None, "hyperparameters": hp}
    made = kind(max_trials=trials, directory=str(directory), project_name="run", **options)
    made.oracle.verbose = 0
    return made


def search_here(directory, limit=None, nobody=False):
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if nobody and os.geteuid() == 0:
        os.seteuid(65534)
    made = make(Here, directory)
    made.search(verbose=0)
    return made


def search_in_workers(directory, trials=TRIALS, deeds=("work",), workers=2, **options):
    limits = {name: options.pop(name) for name in ("trial_timeout",) if name in options}
    made = make(tuners.CoarseToFineSearch, directory, trials, deeds, **options)
    command = [sys.executable, __file__, "worker", str(directory)]
    tuners.search_in_processes(made, command, workers=workers, **limits)
    return made


def said(target, directory, path, options):
    """Run a search in a process of its own and note how it ended."""
    try:
        target(directory, **options)
        words = "ended"
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        traceback.print_exc(file=io.StringIO())
    Path(path).write_text(words)


class Elsewhere:
    """A search in a process of its own, started at once by a server that has imported everything."""

    context = multiprocessing.get_context("forkserver")

    def __init__(self, target, directory, **options):
        self.context.set_forkserver_preload(["keras_tuner", "tuners.search", "tuners.parallel.pool", "encodings.ascii"])
        self.words = Path(f"{directory}.said")
        self.process = self.context.Process(target=said, args=(target, directory, self.words, options))
        self.process.start()

    def wait(self, seconds=60.0):
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            return "hangs"
        return self.words.read_text() if self.words.exists() else "killed"

    def kill(self):
        self.process.kill()
        self.process.join()


def trials_of(directory):
    """What a journal holds: values and scores of the finished trials by number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = tuners.Study.load(Path(directory) / "run")
    return {each.number: (each.values, each.score) for each in study.trials if each.status == "COMPLETED"}


def unbroken():
    """The same search without a fault, made once."""
    if not hasattr(unbroken, "found"):
        directory = Path(tempfile.mkdtemp())
        began = time.monotonic()
        search_here(directory)
        unbroken.seconds, unbroken.found = time.monotonic() - began, trials_of(directory)
        unbroken.journal = (directory / "run" / "journal.jsonl").read_bytes()
        shutil.rmtree(directory)
    return unbroken.found


def differs(directory, kept):
    """What is wrong with a search that went on after these trials had been finished."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search_here(directory)
    found = trials_of(directory)
    if any(found.get(number) != trial for number, trial in kept.items()):
        return "a finished trial was lost"
    return "" if found == unbroken() else "other trials than unbroken"


def wait_for_trials(directory, seconds=30):
    journal, deadline = Path(directory) / "run" / "journal.jsonl", time.monotonic() + seconds
    while not (journal.exists() and b'"created"' in journal.read_bytes()):
        if time.monotonic() > deadline:
            raise TimeoutError("no trial has begun")
        time.sleep(0.002)


def workers_of(directory):
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(directory).encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


# The faults. Each takes a source of chance and an empty directory and returns what went wrong, or "".


def the_single_process_is_killed(chance, directory):
    """Same trials and results as the unbroken run"""
    unbroken()
    running = Elsewhere(search_here, directory)
    wait_for_trials(directory)
    time.sleep(chance.uniform(0, unbroken.seconds))
    running.kill()
    return differs(directory, trials_of(directory))


def a_worker_is_killed(chance, directory):
    """The trial is run again; every trial COMPLETED"""

    def kill():
        wait_for_trials(directory)
        time.sleep(chance.uniform(0, TRIALS * PACE / 2))
        for worker in workers_of(directory)[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    search_in_workers(directory)
    killer.join()
    return "" if len(trials_of(directory)) == TRIALS else "a trial is not COMPLETED"


def the_parent_is_killed(chance, directory):
    """Finished trials kept, no worker lingers, the search goes on"""
    running = Elsewhere(search_in_workers, directory)
    wait_for_trials(directory)
    time.sleep(chance.uniform(0, TRIALS * PACE))
    running.kill()
    deadline = time.monotonic() + 5
    while workers_of(directory):
        if time.monotonic() > deadline:
            return "a worker lingers"
        time.sleep(0.01)
    kept = trials_of(directory)
    search_in_workers(directory)
    found = trials_of(directory)
    if any(found.get(number) != trial for number, trial in kept.items()):
        return "a finished trial was lost"
    return "" if len(found) == TRIALS else "a trial is not COMPLETED"


def _with_journal(directory, content):
    unbroken()
    (directory / "run").mkdir(parents=True)
    (directory / "run" / "journal.jsonl").write_bytes(content)


def the_journal_is_cut(chance, directory):
    """Loads up to the cut and goes on as the unbroken run"""
    unbroken()
    cut = chance.randrange(1, len(unbroken.journal))
    _with_journal(directory, unbroken.journal[:cut])
    kept = trials_of(directory)
    if len(kept) != unbroken.journal[:cut].count(b'"kind":"ended"') - (
        b'"kind":"ended"' in unbroken.journal[:cut].rsplit(b"\n", 1)[-1]
    ):
        return "a whole record was lost"
    return differs(directory, kept)


def a_bit_of_the_journal_is_flipped(chance, directory):
    """At most two records lost, the others kept, the search goes on"""
    unbroken()
    content = bytearray(unbroken.journal)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    _with_journal(directory, content)
    kept = trials_of(directory)
    if len(kept) < TRIALS - 2 or any(unbroken()[number] != kept[number] for number in list(kept)[:1]):
        return "more than the damage was lost"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search_here(directory)
    return "" if len(trials_of(directory)) >= TRIALS - 1 else "did not go on"


def the_disk_is_full(chance, directory):
    """One clear error, what was finished is intact, goes on when there is room"""
    unbroken()
    words = Elsewhere(search_here, directory, limit=chance.randrange(500, len(unbroken.journal))).wait()
    if not words.startswith("OSError") or "journal.jsonl" not in words:
        return words
    kept = trials_of(directory)
    return differs(directory, kept)


def run_is_read_only(chance, directory):
    """One clear error, nothing is changed"""
    unbroken()
    cut = chance.randrange(2000, len(unbroken.journal))
    _with_journal(directory, unbroken.journal[:cut])
    for path in (directory / "run" / "journal.jsonl", directory / "run", directory):
        path.chmod(0o444 if path.is_file() else 0o555)
    for parent in directory.parents:
        if parent.owner() != "root" or oct(parent.stat().st_mode)[-1] not in "57":
            parent.chmod(0o755)
    words = Elsewhere(search_here, directory, nobody=True).wait()
    for path in (directory, directory / "run"):
        path.chmod(0o755)
    (directory / "run" / "journal.jsonl").chmod(0o644)
    if not words.startswith("PermissionError"):
        return words
    return differs(directory, trials_of(directory))


def run_vanishes(chance, directory):
    """One clear error"""
    unbroken()
    running = Elsewhere(search_here, directory)
    wait_for_trials(directory)
    time.sleep(chance.uniform(0, unbroken.seconds / 3))
    shutil.move(directory / "run", directory / "away")
    words = running.wait()
    # Of whichever file of the run was written next.
    return "" if words.startswith("FileNotFoundError") and "/run/" in words else words


def every_trial_raises(chance, directory):
    """Stops with the reason and the traceback"""
    try:
        search_in_workers(directory, deeds=("raise",))
    except RuntimeError as error:
        return "" if "3 trials in a row" in str(error) and MESSAGE in str(error) else str(error)
    return "did not stop"


def every_trial_is_nan_or_infinite(chance, directory):
    """Each trial INVALID, the search ends"""
    search_in_workers(directory, deeds=(chance.choice(["nan", "inf"]),), trials=8)
    states = {trial.status for trial in tuners.Study.load(directory / "run").trials}
    return "" if states == {"INVALID"} else str(states)


def building_raises_in_a_trial(chance, directory):
    """FAILED with its traceback, the others COMPLETED"""
    broken = chance.randrange(6)
    made = make(tuners.CoarseToFineSearch, directory, 6,
                hypermodel=Breaks({broken}), engine="fit")  # fmt: skip
    made.search(verbose=0)
    trials = tuners.Study.load(directory / "run").trials
    states = [trial.status for trial in trials]
    right = states.count("FAILED") == 1 and states.count("COMPLETED") == 5 and MESSAGE in trials[broken].message
    return "" if right else str(states)


def a_trial_never_ends(chance, directory):
    """FAILED by its time limit, the others COMPLETED"""
    initial = [{"deed": "work"}] * 4
    initial.insert(chance.randrange(5), {"deed": "hang"})
    initial = [{**values, "x": number / 8} for number, values in enumerate(initial)]
    search_in_workers(directory, trials=5, deeds=("work", "hang"), initial=initial, trial_timeout=0.5)
    states = sorted(trial.status for trial in tuners.Study.load(directory / "run").trials)
    return "" if states == ["COMPLETED"] * 4 + ["FAILED"] else str(states)


def two_searches_on_one_run(chance, directory):
    """The second is refused at once, the first is as the unbroken run"""
    running = Elsewhere(search_here, directory)
    wait_for_trials(directory)
    time.sleep(chance.uniform(0, TRIALS * PACE / 2))
    try:
        search_here(directory)
        refused = running.wait() == "ended"  # It had ended before.
    except tuners.RunLocked as error:
        refused = f"process {running.process.pid}" in str(error)
    except tuners.JournalError as error:  # The first ended while the second looked at it.
        refused = "start this one again" in str(error) and running.wait() == "ended"
    words = running.wait()
    return "" if refused and words == "ended" and trials_of(directory) == unbroken() else words


FAULTS = [
    the_single_process_is_killed, a_worker_is_killed, the_parent_is_killed, the_journal_is_cut,
    a_bit_of_the_journal_is_flipped, the_disk_is_full, run_is_read_only, run_vanishes, every_trial_raises,
    every_trial_is_nan_or_infinite, building_raises_in_a_trial, a_trial_never_ends, two_searches_on_one_run,
]  # fmt: skip


def inflict(fault, chance):
    """A fault in a directory of its own; what went wrong, or ""."""
    directory = Path(tempfile.mkdtemp())
    try:
        return fault(chance, directory)
    finally:
        shutil.rmtree(directory)


def many_trials(trials):
    """CPU milliseconds of the parent for each trial, for each tenth of the search, with 4 worker processes."""
    directory, spans = Path(tempfile.mkdtemp()), []

    class Clock:
        ended, before = 0, 0.0

        def on_trial_end(self, trial):
            self.ended += 1
            if self.ended % (trials // 10) == 0:
                spans.append((time.process_time() - self.before) * 1000 / (trials // 10))
                self.before = time.process_time()

    made = make(tuners.CoarseToFineSearch, directory, trials, ("nothing",))
    made.observer = Clock()
    made.observer.before = time.process_time()
    command = [sys.executable, __file__, "worker", str(directory)]
    tuners.search_in_processes(made, command, workers=4)
    shutil.rmtree(directory)
    return spans


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    print(f"| fault | what has to happen | happened, of {asked.times} times |\n|---|---|---:|")
    for fault in FAULTS:
        if asked.only not in fault.__name__:
            continue
        wrong = [inflict(fault, random.Random(f"{asked.seed}/{fault.__name__}/{n}")) for n in range(asked.times)]
        remarks = "".join(f" {text[:100]!r}" for text in sorted(set(wrong)) if text)
        print(f"| {fault.__name__.replace('_', ' ')} | {fault.__doc__} | {wrong.count('')}{remarks} |", flush=True)
    if asked.trials:
        spans = many_trials(asked.trials)
        print(
            f"\n{asked.trials} trials of nothing, 4 worker processes, no ranking model. CPU milliseconds of the parent"
        )
        print("for a trial, by tenths: " + ", ".join(f"{span:.2f}" for span in spans))
        print(f"Last tenth / first tenth: {spans[-1] / spans[0]:.2f}.")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras-tuner"))
    print(f"\nMade by `python tests/benchmarks/faults.py --times {asked.times} --seed {asked.seed}`, {versions}.")


if __name__ == "__main__":
    main()
