"""The worker's side: trials come in as lines of JSON, results go out as lines of JSON."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from typing import IO, Any

CORES = "KZOO_WORKER_CORES"
"""Environment variable with the numbers of the cores that a worker may use, with commas between."""


def serve_trials(tuner: Any, *args: Any, **kwargs: Any) -> None:
    """Train the trials that a parent sends, until it has no more; the last line of a worker's script.

    The worker goes when its parent goes, however that ends.

    Args:
        tuner: A `FastTuner` with the hypermodel, in the directory of the search; its oracle is only read.
        *args: Positional arguments of `model.fit`.
        **kwargs: Keyword arguments of `model.fit`.
    """
    # What user code prints must not get between the results.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    tuner.observer = _Reporter(answers)
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    _send(answers, {"kind": "ready"})
    while True:
        _train(tuner, requests.get(), answers, args, kwargs)


def use_cores() -> None:
    """Keep to the cores that the parent has given; to be called before TensorFlow is imported."""
    cores = os.environ.get(CORES)
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})


def _listen(requests: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    # The parent has closed its end or is gone; a trial in the middle of its training is of no use to anybody.
    os._exit(0)


def _train(tuner: Any, request: dict[str, Any], answers: IO[str], args: Any, kwargs: Any) -> None:
    from keras_tuner.engine.trial import Trial

    hyperparameters = tuner.oracle.get_space()
    hyperparameters.values = request["values"]
    trial = Trial(hyperparameters, trial_id=request["trial_id"])
    answer: dict[str, Any] = {"kind": "ended", "trial_id": trial.trial_id, "message": None}
    try:
        answer["epochs"] = tuner.run_trial(trial, *args, **kwargs)
        answer["status"] = "COMPLETED"
    except Exception as error:
        failed = type(error).__name__ == "FailedTrialError"
        answer |= {"status": "FAILED" if failed else "INVALID", "message": traceback.format_exc(), "epochs": []}
    config = hyperparameters.get_config()
    _send(answers, {**answer, "values": config["values"], "space": config["space"]})


class _Reporter:
    def __init__(self, answers: IO[str]) -> None:
        self.answers = answers

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Any) -> None:
        values = {name: float(value) for name, value in logs.items()}
        _send(
            self.answers,
            {"kind": "epoch", "trial_id": trial.trial_id, "epoch": epoch, "epochs": epochs, "logs": values},
        )

    def on_trial_end(self, trial: Any) -> None:
        """The parent tells of the ends of trials."""


def _send(answers: IO[str], message: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(message) + "\n")
        answers.flush()
    except BrokenPipeError:
        os._exit(0)
