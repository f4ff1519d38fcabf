"""The parent's side: the oracle's trials handed to workers, and none lost whatever happens to them."""

from __future__ import annotations

import collections
import os
import selectors
import time
from collections.abc import Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.parallel.process import WorkerProcess, shares

POLL = 0.5
"""Seconds between looks at the clock while no worker says anything."""


def search_in_processes(
    tuner: Any, command: Sequence[str], *, workers: int, trial_timeout: float | None = None
) -> None:
    """Search with the trials in processes of their own.

    A worker that dies is replaced and its trial run again; a trial that kills its worker twice has failed, with the
    worker's last words for a message. Ctrl-C lets the trials that run come to their end; a second one does not.

    Args:
        tuner: A `FastTuner`; its oracle is asked and told here, its observer hears of all workers.
        command: What starts a worker: a script that ends in `serve_trials`.
        workers: Number of workers; the cores are divided among them.
        trial_timeout: Seconds after which a trial is stopped and has failed, or None.

    Raises:
        RuntimeError: Workers cannot be started, or too many trials in a row have failed.
        KeyboardInterrupt: The search was interrupted; it can go on.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers!r}; expected 1 or more.")
    pool = _Pool(tuner, command, workers, trial_timeout)
    try:
        pool.run()
    finally:
        pool.close()


class _Pool:
    def __init__(self, tuner: Any, command: Sequence[str], workers: int, trial_timeout: float | None) -> None:
        self.tuner, self.oracle, self.command = tuner, tuner.oracle, command
        self.timeout = trial_timeout
        self.selector = selectors.DefaultSelector()
        self.workers: list[WorkerProcess] = []
        self.crashes: collections.Counter[str] = collections.Counter()
        self.waiting: list[Trial] = []
        self.stopping = False
        available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        for number, cores in enumerate(shares(list(available), workers)):
            self._start(number, cores)

    def run(self) -> None:
        interrupted = False
        while True:
            try:
                self._hand_out()
                if not any(worker.trial for worker in self.workers):
                    break
                self._listen()
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = self.stopping = True
        if interrupted:
            raise KeyboardInterrupt

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.selector.close()

    def _start(self, number: int, cores: Sequence[int]) -> None:
        worker = WorkerProcess(number, self.command, cores)
        self.workers.append(worker)
        self.selector.register(worker.output, selectors.EVENT_READ, worker)

    def _hand_out(self) -> None:
        for worker in self.workers:
            if worker.trial is not None:
                continue
            trial = self._next(worker)
            if trial is not None:
                worker.send(trial)

    def _next(self, worker: WorkerProcess) -> Trial | None:
        if self.waiting:
            return self.waiting.pop(0)
        if self.stopping:
            return None
        trial = self.oracle.create_trial(worker.name)
        if trial.status == "RUNNING":
            return trial
        self.stopping = trial.status == "STOPPED"
        return None

    def _listen(self) -> None:
        for key, _ in self.selector.select(POLL):
            worker = key.data
            messages, ended = worker.messages()
            for message in messages:
                self._hear(worker, message)
            if ended:
                self._bury(worker, "")
        if self.timeout is not None:
            for worker in list(self.workers):
                # The clock of a trial begins when its worker is up.
                if worker.trial and worker.ready and time.monotonic() - worker.since > self.timeout:
                    worker.kill()
                    self._bury(worker, f"The trial took longer than {self.timeout:g} s.")

    def _hear(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        if message["kind"] == "ready":
            worker.ready, worker.since = True, time.monotonic()
        elif message["kind"] == "epoch" and self.tuner.observer is not None:
            self.tuner.observer.on_epoch(worker.trial, message["epoch"], message["epochs"], message["logs"])
        elif message["kind"] == "ended":
            config = {"space": message["space"], "values": message["values"]}
            self._end(worker, message["status"], message["message"], message["epochs"], config)

    def _end(
        self, worker: WorkerProcess, status: str, text: str | None, epochs: Sequence[Any], config: Any = None
    ) -> None:
        trial, worker.trial = worker.trial, None
        for step, metrics in enumerate(epochs):
            self.oracle.update_trial(trial.trial_id, metrics, step=step)
        trial.status, trial.message = status, text
        if config is not None:
            trial.hyperparameters = keras_tuner.HyperParameters.from_config(config)
        self.tuner.on_trial_end(trial)

    def _bury(self, worker: WorkerProcess, reason: str) -> None:
        """Replace a worker that has ended, and see to the trial that it had."""
        self.selector.unregister(worker.output)
        self.workers.remove(worker)
        words = reason or worker.last_words()
        trial, ready = worker.trial, worker.ready
        worker.close()
        if not ready and self.crashes[""] >= len(self.workers):
            raise RuntimeError(f"Workers end before they are ready. The last one said:\n{words}")
        self.crashes["" if not ready else trial.trial_id if trial else "idle"] += 1
        self._start(worker.number, worker.cores)
        if trial is None:
            return
        if not reason and (not ready or self.crashes[trial.trial_id] < 2):
            self.waiting.append(trial)
            return
        worker.trial = trial
        self._end(worker, "FAILED", words, [])
