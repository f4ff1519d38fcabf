"""The chief of a keras-tuner distributed search: serves its oracle to workers over gRPC, and always comes to an end.

keras-tuner's own chief waits for ever for a worker that has died, and also when the search stops on an error. This one
speaks the same protocol, so that it serves keras-tuner's tuners as well.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent import futures
from typing import Any

from keras_tuner.engine.trial import Trial

from tuners.parallel.dispatch import Dispatch
from tuners.parallel.leases import Leases
from tuners.parallel.messages import Ended
from tuners.private_apis import oracle_service

LEASE = 30.0
"""Seconds of silence after which the trial of a worker that gives signs of life goes to another one."""

SILENT_LEASE = 3600.0
"""The same for a tuner that gives none while it trains, as keras-tuner's own."""

PATIENCE = 600.0
"""Seconds without any worker after which the chief gives up."""

WAIT = 5.0
"""Seconds that a worker waits for an answer where there is no trial for it now, before it asks again."""

THREADS = 64

ADDRESS = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")

RAISED = "The trial raised on {worker}; keras-tuner does not send the traceback, it is in the output of that worker."


def serve_oracle(
    tuner: Any,
    *,
    lease: float = LEASE,
    silent_lease: float = SILENT_LEASE,
    patience: float = PATIENCE,
) -> None:
    """Hand the trials of a tuner's oracle to the workers that ask, until the search is over.

    The address is that of KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT. The connection is neither encrypted nor
    authenticated, as in keras-tuner: use 127.0.0.1, or a network of your own.

    Args:
        tuner: A `FastTuner` with its oracle.
        lease: Seconds of silence after which the trial of a `FastTuner` is handed on.
        silent_lease: The same for other tuners, which give no sign of life while they train.
        patience: Seconds without any worker after which the chief gives up.

    Raises:
        RuntimeError: The address cannot be taken, too many trials in a row have failed, or there are no workers.
    """
    import grpc

    servicer_class, add_to_server = oracle_service()
    chief = _Chief(tuner, Leases(lease, silent_lease), lease, patience)
    # Without this a second chief on the same port would get every other request.
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
    add_to_server(_servicer(servicer_class, chief), server)
    server.add_insecure_port(":".join(os.environ[name] for name in ADDRESS))
    server.start()
    try:
        chief.run()
    finally:
        server.stop(grace=1.0).wait()


class _Chief:
    def __init__(self, tuner: Any, leases: Leases, lease: float, patience: float) -> None:
        self.tuner, self.oracle, self.leases = tuner, tuner.oracle, leases
        self.lease, self.patience = lease, patience
        self.dispatch = Dispatch(tuner)
        self.error: Exception | None = None
        self.over = False
        self.changed = threading.Condition()
        self._heard: dict[str, float] = {}
        self._last = time.monotonic()

    def run(self) -> None:
        with self.changed:
            while not self._may_leave():
                self.changed.wait(min(1.0, self.lease / 4))
                for lost in self.leases.expired():
                    words = f"The worker {lost.tuner_id} fell silent while it trained this trial."
                    self._attempt(lambda lost=lost, words=words: self.dispatch.lose(lost.trial, words))
        if self.error is not None:
            raise self.error

    def create(self, tuner_id: str) -> Trial:
        """A trial for a worker; waits a little for one, then the worker is to ask again."""
        deadline = time.monotonic() + WAIT
        with self.changed:
            while True:
                self._hear(tuner_id)
                trial = self.leases.of(tuner_id) or self._next()
                if trial is not None:
                    self.leases.grant(tuner_id, trial)
                    return trial
                if self.over:
                    # A worker that has been told so is no longer waited for.
                    del self._heard[tuner_id]
                    return Trial(self.oracle.get_space(), trial_id="", status="STOPPED")
                if time.monotonic() >= deadline:
                    return Trial(self.oracle.get_space(), trial_id="", status="IDLE")
                self.changed.wait(deadline - time.monotonic())

    def get(self, trial_id: str) -> Trial:
        """The state of a trial; asking for it is a sign of life of the worker that has it."""
        with self.changed:
            worker = self.leases.renew(trial_id)
            if worker is not None:
                self._hear(worker)
            return self.oracle.trials.get(trial_id) or Trial(self.oracle.get_space(), trial_id)

    def update(self, trial_id: str, metrics: Any, step: int) -> Trial:
        """Metrics of a trial; those of one that is not known, or has ended, are dropped."""
        with self.changed:
            trial = self.get(trial_id)
            if trial_id in self.oracle.trials and trial_id not in self.oracle.end_order:
                self.oracle.update_trial(trial_id, dict(metrics), step=step)
            return trial

    def end(self, trial: Trial) -> None:
        """A trial has ended; the first result of a trial stands."""
        with self.changed:
            worker = self.leases.renew(trial.trial_id) or "a worker"
            self.leases.end(trial.trial_id)
            if trial.trial_id in self.oracle.trials and trial.trial_id not in self.oracle.end_order:
                self._attempt(lambda: self._take_result(trial, worker))

    def _take_result(self, trial: Trial, worker: str) -> None:
        if trial.status != "COMPLETED":
            status = "FAILED" if trial.status == "FAILED" else "INVALID"
            self.dispatch.end(trial, Ended(trial.trial_id, status, RAISED.format(worker=worker)))
        elif self.oracle.trials[trial.trial_id].metrics.exists(self.oracle.objective.name):
            self.dispatch.end(trial, Ended(trial.trial_id, "COMPLETED"))
        else:  # They were sent to a chief that has been restarted since.
            self.dispatch.lose(self.oracle.trials[trial.trial_id], f"{worker} sent no metrics of this trial.")

    def _next(self) -> Trial | None:
        trial: list[Trial | None] = [None]
        if not self.over:
            self._attempt(lambda: trial.__setitem__(0, self.dispatch.take()))
            self.over = self.over or (trial[0] is None and not self.leases)
        return trial[0]

    def _attempt(self, do: Any) -> None:
        """Do something for the search; an error ends it, and workers are told so when they ask next."""
        try:
            do()
        except Exception as error:
            self.error = self.error or error
            self.over = True
        self.changed.notify_all()

    def _hear(self, tuner_id: str) -> None:
        self._heard[tuner_id] = self._last = time.monotonic()

    def _may_leave(self) -> bool:
        now = time.monotonic()
        if not self.over and not self.leases and now - self._last > self.patience:
            # Nobody is left to ask whether there is another trial.
            if self._next() is not None:
                self.error = RuntimeError(
                    f"No worker has asked for a trial in {self.patience:g} s; the search goes on when chief and "
                    "workers are started again."
                )
            self.over = True
        return self.over and all(now - heard > self.lease for heard in self._heard.values())


def _servicer(base: Any, chief: _Chief) -> Any:
    from keras_tuner import HyperParameters

    from tuners.private_apis import oracle_messages

    messages = oracle_messages()

    class Servicer(base):
        """The requests of keras-tuner's protocol, answered by a chief."""

        def GetSpace(self, request: Any, context: Any) -> Any:
            return messages.GetSpaceResponse(hyperparameters=chief.oracle.get_space().to_proto())

        def UpdateSpace(self, request: Any, context: Any) -> Any:
            with chief.changed:
                chief.oracle.update_space(HyperParameters.from_proto(request.hyperparameters))
            return messages.UpdateSpaceResponse()

        def CreateTrial(self, request: Any, context: Any) -> Any:
            return messages.CreateTrialResponse(trial=chief.create(request.tuner_id).to_proto())

        def UpdateTrial(self, request: Any, context: Any) -> Any:
            trial = chief.update(request.trial_id, request.metrics, request.step)
            return messages.UpdateTrialResponse(trial=trial.to_proto())

        def EndTrial(self, request: Any, context: Any) -> Any:
            chief.end(Trial.from_proto(request.trial))
            return messages.EndTrialResponse()

        def GetTrial(self, request: Any, context: Any) -> Any:
            return messages.GetTrialResponse(trial=chief.get(request.trial_id).to_proto())

        def GetBestTrials(self, request: Any, context: Any) -> Any:
            with chief.changed:
                best = chief.oracle.get_best_trials(request.num_trials)
            return messages.GetBestTrialsResponse(trials=[trial.to_proto() for trial in best])

    return Servicer()
