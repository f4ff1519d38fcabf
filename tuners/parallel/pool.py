"""The parent's side: the oracle's trials handed to workers, and none lost whatever happens to them."""

from __future__ import annotations

import dataclasses
import selectors
import time
from collections.abc import Sequence
from typing import Any

from keras_tuner.engine.trial import Trial

from tuners.parallel.dispatch import Dispatch
from tuners.parallel.interrupt import Interrupt
from tuners.parallel.messages import Decision, Ended, Epoch, Message, MessageError, Ready
from tuners.parallel.process import WorkerProcess
from tuners.parallel.shares import Share, shares

POLL = 0.5
"""Seconds between looks at the clock while no worker says anything."""

STARTS = 2
"""Times in a row that a worker may end before it is ready, before it is given up."""

EXIT_WAIT = 2.0
"""Seconds that a worker which has closed its pipe may take to exit."""


class NoWorkerError(RuntimeError):
    """No worker can be started; the trials that were theirs are to be had from the oracle again."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a worker is ended.

    Attributes:
        trial_timeout: Seconds that a trial may take, or None.
        start_timeout: Seconds that a worker may take to get ready.
        trials_per_worker: Trials after which a worker is replaced, or None.
        memory_growth: Bytes by which a worker's memory may grow, from the end of its first trial, before it is
            replaced.
    """

    trial_timeout: float | None = None
    start_timeout: float = 600.0
    trials_per_worker: int | None = None
    memory_growth: int = 2**30


def search_in_processes(tuner: Any, command: Sequence[str], *, workers: int, **limits: Any) -> None:
    """Search with the trials in processes of their own.

    A worker that dies is replaced and its trial run again; a trial that kills its worker twice has failed, with the
    worker's last output for a message. Ctrl-C lets the trials that run come to their end; a second one does not.

    Args:
        tuner: A `FastTuner`; its oracle is asked and told here, its observer hears of all workers, and its pruning
            judges the trials of all.
        command: What starts a worker: a script that ends in `serve_trials`.
        workers: Number of workers; the cores and GPUs are divided among them.
        **limits: Fields of `Limits`: `trial_timeout` and `start_timeout` in seconds, `trials_per_worker`,
            `memory_growth` in bytes.

    Raises:
        ValueError: `workers` or a limit is out of range.
        RuntimeError: No worker can be started, or too many trials in a row have failed.
        KeyboardInterrupt: The search was interrupted; it can go on.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers!r}; expected 1 or more.")
    for name, limit in limits.items():
        if limit is not None and not limit > 0:
            raise ValueError(f"{name} is {limit!r}; expected a positive number.")
    pool = _Pool(Dispatch(tuner), command, workers, Limits(**limits))
    with Interrupt() as interrupt:
        try:
            pool.run(interrupt)
        finally:
            pool.close()
    if interrupt.asked:
        raise KeyboardInterrupt


class _Seat:
    """The place of a worker: its share of the machine, the process that has it now, and the trial of that."""

    def __init__(self, number: int, share: Share) -> None:
        self.number, self.share = number, share
        self.process: WorkerProcess | None = None
        self.trial: Trial | None = None
        self.failed_starts = 0


class _Pool:
    def __init__(self, dispatch: Dispatch, command: Sequence[str], workers: int, limits: Limits) -> None:
        self.dispatch, self.command, self.limits = dispatch, command, limits
        self.selector = selectors.DefaultSelector()
        self.seats = [_Seat(number, share) for number, share in enumerate(shares(workers), start=1)]

    def run(self, interrupt: Interrupt) -> None:
        told = False
        while True:
            if not interrupt.asked:
                self._hand_out()
            elif not told:
                told = True
                for seat in self.seats:
                    self._tell(seat, "ending" if seat.trial else "idle")
            if not any(seat.trial for seat in self.seats):
                return
            self._listen()
            self._look_at_the_clock()

    def close(self) -> None:
        for seat in self.seats:
            self._dismiss(seat)
        self.selector.close()

    def _hand_out(self) -> None:
        for seat in self.seats:
            if seat.trial is not None:
                continue
            seat.trial = self.dispatch.take()
            if seat.trial is None:
                return
            if seat.process is None:
                self._start(seat)
            else:
                self._order(seat)

    def _start(self, seat: _Seat) -> None:
        seat.process = WorkerProcess(self.command, seat.share)
        self.selector.register(seat.process.answers, selectors.EVENT_READ, (seat, "answers"))
        self.selector.register(seat.process.printed, selectors.EVENT_READ, (seat, "printed"))
        self._tell(seat, "starting")

    def _order(self, seat: _Seat) -> None:
        assert seat.process is not None and seat.trial is not None
        seat.process.since = time.monotonic()
        seat.process.send(self.dispatch.order(seat.trial))
        self._tell(seat, "training")

    def _listen(self) -> None:
        for key, _ in self.selector.select(POLL):
            seat, what = key.data
            if key.fd not in self.selector.get_map():  # Its worker was dismissed for what came before in this list.
                continue
            if what == "answers":
                self._take_answers(seat)
            elif not seat.process.take_output():
                self.selector.unregister(seat.process.printed)
        for seat in list(self.seats):
            # A process that a trial has left behind may hold the pipe open.
            if seat.process is not None and seat.process.has_ended():
                self._take_answers(seat)

    def _take_answers(self, seat: _Seat) -> None:
        process = seat.process
        assert process is not None
        try:
            messages = process.messages()
            for message in messages:
                self._hear(seat, message)
        except MessageError as error:
            self._bury(seat, f"The worker process {error}.")
            return
        if seat.process is process and not messages and (process.silent or process.has_ended()):
            # A process that exits by itself has an exit code to report.
            process.has_ended(patience=EXIT_WAIT)
            self._bury(seat)

    def _hear(self, seat: _Seat, message: Message) -> None:
        process, trial = seat.process, seat.trial
        if process is None:
            return
        if isinstance(message, Ready) and not process.ready:
            process.ready, seat.failed_starts = True, 0
            self._order(seat)
        elif trial is None or not isinstance(message, Epoch | Ended) or message.trial_id != trial.trial_id:
            raise MessageError(f"sent a message that does not belong here: {str(message)[:80]}")
        elif isinstance(message, Epoch):
            stop = self.dispatch.report(trial, message)
            if message.asks:
                process.send(Decision(stop))
        else:
            self._end(seat, trial, message)

    def _end(self, seat: _Seat, trial: Trial, message: Ended) -> None:
        process, seat.trial = seat.process, None
        assert process is not None
        process.served += 1
        self.dispatch.end(trial, dataclasses.replace(message, engines={**message.engines, "worker": str(seat.number)}))
        if process.served == self.limits.trials_per_worker or process.memory_growth() > self.limits.memory_growth:
            self._dismiss(seat)
        self._tell(seat, "idle")

    def _look_at_the_clock(self) -> None:
        for seat in list(self.seats):
            process, trial = seat.process, seat.trial
            if process is None or trial is None:
                continue
            seconds, limit = time.monotonic() - process.since, self.limits.trial_timeout
            # The clock of a trial begins when its worker is up.
            if process.ready and limit is not None and seconds > limit:
                words = self._dismiss(seat)
                message = f"{words}\nThe trial took longer than {limit:g} s."
                self.dispatch.end(trial, Ended(trial.trial_id, "FAILED", message))
            elif not process.ready and seconds > self.limits.start_timeout:
                self._bury(seat, f"The worker process was not ready after {self.limits.start_timeout:g} s.")

    def _bury(self, seat: _Seat, reason: str = "") -> None:
        """End a worker that has ended or must be ended: its trial is run again, or its place is closed."""
        trial, ready = seat.trial, seat.process is not None and seat.process.ready
        words = f"{self._dismiss(seat)}\n{reason}".strip()
        if ready:
            if trial is not None:
                self.dispatch.lose(trial, words)
            return
        if trial is not None:
            self.dispatch.give_back(trial)
        seat.failed_starts += 1
        if seat.failed_starts == STARTS:
            self.seats.remove(seat)
            self._tell(seat, "given up")
        if not self.seats:
            self.dispatch.leave()
            raise NoWorkerError(f"No worker can be started. The last one printed:\n{words}")

    def _dismiss(self, seat: _Seat) -> str:
        """End the process of a place; the end of its output."""
        process, seat.process, seat.trial = seat.process, None, None
        if process is None:
            return ""
        for descriptor in (process.answers, process.printed):
            if descriptor in self.selector.get_map():
                self.selector.unregister(descriptor)
        return process.close()

    def _tell(self, seat: _Seat, state: str) -> None:
        hear = getattr(self.dispatch.tuner.observer, "on_worker", None)
        if hear is not None:
            hear(seat.number, state, seat.trial)
