"""A search for a Ray cluster, without training: python on_ray.py ADDRESS DIRECTORY."""

import os
import sys
import time
from pathlib import Path


def make(directory):
    import keras_tuner

    import tuners

    class Numbers(tuners.CoarseToFineSearch):
        def run_trial(self, trial, *args, **kwargs):
            Path(directory, f"trained-{os.getpid()}").touch()
            epochs = []
            while len(epochs) < 3:
                time.sleep(0.1)
                epochs.append({"score": trial.hyperparameters.get("x")})
                if self.on_epoch(trial, len(epochs), 3, epochs[-1]):
                    break
            return epochs

    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    objective = keras_tuner.Objective("score", "max")
    options = {"hyperparameters": hp, "directory": directory, "project_name": "run"}
    tuner = Numbers(None, objective, 12, 1, pruning=tuners.SuccessiveHalving(), **options)
    return tuner, lambda: ((), {})


class Watcher:
    def on_worker(self, number, state, trial):
        print("worker", number, state, flush=True)

    def on_epoch(self, trial, epoch, epochs, logs):
        print("epoch", trial.trial_id, epoch, flush=True)

    def on_trial_end(self, trial):
        print("ended", trial.trial_id, trial.status, flush=True)


if __name__ == "__main__":
    from tuners.parallel.cluster import search_on_ray

    search_on_ray("on_ray:make", [sys.argv[2]], address=sys.argv[1], observer=Watcher())
