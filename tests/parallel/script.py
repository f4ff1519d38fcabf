"""A search whose trials do what their hyperparameters say: python script.py parent|worker|broken DIRECTORY."""

import os
import signal
import sys
import time
from pathlib import Path

from tuners.parallel.worker import serve_trials, use_cores

use_cores()

import keras_tuner

import tuners

directory = Path(sys.argv[2])


class Deeds(keras_tuner.HyperModel):
    """Trials that crash, hang or give a number, without a model to train."""

    def build(self, hp):
        import keras

        hp.Choice("deed", ["work", "die once", "die", "hang", "raise", "slow"])
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, *args, **kwargs):
        deed = hp.get("deed")
        mark = directory / "died"
        print("user code prints to standard output")
        if deed == "die" or (deed == "die once" and not mark.exists()):
            mark.touch()
            print("last words", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "raise":
            raise ValueError("does not work")
        time.sleep({"hang": 600, "slow": 1.0}.get(deed, 0))
        return hp.get("x")


def tuner(initial=()):
    made = tuners.CoarseToFineSearch(
        Deeds(), None, len(initial) or 4, 1, initial=initial, directory=directory, project_name="run"
    )
    made.oracle.verbose = 0
    return made


COMMAND = [sys.executable, __file__, "worker", str(directory)]

if sys.argv[1] == "worker":
    serve_trials(tuner())
elif sys.argv[1] == "parent":
    deeds = sys.argv[3].split(",")
    initial = [{"deed": deed, "x": index / 10} for index, deed in enumerate(deeds)]
    tuners.search_in_processes(tuner(initial), COMMAND, workers=2, trial_timeout=float(sys.argv[4]))
    print("the search has ended")
elif sys.argv[1] == "broken":
    tuners.search_in_processes(tuner(), [sys.executable, "-c", 'raise SystemExit("no such data")'], workers=2)
