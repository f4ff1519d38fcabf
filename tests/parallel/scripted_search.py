"""What the tests of parallel searches share."""

import dataclasses
import os
import signal
import time
from pathlib import Path

import keras_tuner

import tuners
from tuners.parallel.dispatch import Dispatch

WORKER = Path(__file__).parent / "scripted_worker.py"

DEEDS = (
    "work", "slow", "hang", "die once", "die", "leave", "leave a child", "nonsense", "flood", "chatter", "raise",
    "fatal", "nan", "inf", "long", "long, die once", "grow",
)  # fmt: skip


@dataclasses.dataclass
class Watcher:
    """An observer that notes what it is told."""

    workers: list = dataclasses.field(default_factory=list)
    epochs: list = dataclasses.field(default_factory=list)
    ended: list = dataclasses.field(default_factory=list)

    def on_worker(self, number, state, trial):
        self.workers.append((number, state))

    def on_epoch(self, trial, epoch, epochs, logs):
        self.epochs.append((trial.trial_id, epoch, epochs, dict(logs)))

    def on_trial_end(self, trial):
        self.ended.append(trial.trial_id)


def make_tuner(directory, deeds, **options):
    hp = keras_tuner.HyperParameters()
    hp.Choice("deed", DEEDS)
    hp.Float("x", 0.0, 1.0)
    initial = [{"deed": deed, "x": index / 16} for index, deed in enumerate(deeds)]
    options = {"max_trials": len(deeds), "seed": 1, "max_consecutive_failed_trials": 99, **options}
    made = tuners.CoarseToFineSearch(
        None, keras_tuner.Objective("score", "max"), hyperparameters=hp, initial=initial,
        directory=str(directory), project_name="run", **options,
    )  # fmt: skip
    made.oracle.verbose = 0
    made.observer = Watcher()
    return made


def processes_with(argument):
    """Ids of the processes that have this argument on their command line, children of trials included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(argument).encode() in command and (entry / "stat").read_text().split()[2] != "Z":
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def seconds_of(process):
    """Processor time that a process has used."""
    ticks = Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def serve_as_chief(directory, port, deed, times):
    """A chief in a process of its own, with a search of one hyperparameter; it is killed in a deed of `Dispatch`."""
    variables = {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": str(port)}
    os.environ.update({f"KERASTUNER_{name}": value for name, value in variables.items()})
    done, original = [], getattr(Dispatch, deed)

    def deadly(self, *args):
        result = original(self, *args)
        done.append(result)
        if len(done) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(Dispatch, deed, deadly)
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    objective = keras_tuner.Objective("score", "max")
    options = {"hyperparameters": hp, "directory": str(directory), "project_name": "run"}
    tuners.CoarseToFineSearch(None, objective, 6, 1, **options).search(verbose=0)
