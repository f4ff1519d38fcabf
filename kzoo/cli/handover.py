"""Whether a search that has begun in this process goes on in several: its trials are measured, and tell."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from kzoo.cli.effort import Effort
from kzoo.cli.progress import SearchProgress
from kzoo.cli.shown import counted, seconds
from tuners.machine import available_cores, busy_seconds, core_limit, free_memory, peak_resident
from tuners.parallel.plan import SAVED, Plan, Room, Work, plan

MEASURED = 3
"""Trials by which it is decided, the last ones; twice as many where trials may end early.

Not all so far: a search comes to larger models. In 53 searches, most of 20 to 30 trials, the later ones took 2.3 times
as long as the second and third in the median, and less in 6.
"""

LONG = 60.0
"""Seconds of measured trials that are enough, however few they are."""


@dataclasses.dataclass(frozen=True)
class Clock:
    """Seconds of this process and of the machine.

    Attributes:
        wall: Of a clock on the wall.
        own: Of processors, in this process.
        busy: Of the cores, busy with whatever programs; None where that is not known.
    """

    wall: float
    own: float
    busy: float | None

    @classmethod
    def now(cls) -> Clock:
        """At this moment."""
        return cls(time.monotonic(), time.process_time(), busy_seconds())


class HandOver:
    """An observer that measures trials, and ends the search here when worker processes should go on with it.

    Args:
        tuner: The tuner, whose search is ended.
        progress: What is shown; it is told everything.
        effort: How the search is run.

    Attributes:
        workers: How many processes are to go on; 1 while none are.
    """

    def __init__(self, tuner: Any, progress: SearchProgress, effort: Effort) -> None:
        self.tuner, self.progress, self.effort = tuner, progress, effort
        self.workers = 1
        # What this process has taken to get here, a worker will take: TensorFlow, the data, the model's program.
        self.start = time.process_time()
        self.needed = MEASURED * (2 if effort.prune else 1)
        self.clocks = collections.deque([Clock.now()], maxlen=self.needed + 1)
        self.trials: list[tuple[float, float]] = []
        self._told = False

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
        """See `SearchProgress.on_epoch`."""
        self.progress.on_epoch(trial, epoch, epochs, logs)

    def on_stop(self) -> None:
        """See `SearchProgress.on_stop`."""
        self.progress.on_stop()

    def on_trial_end(self, trial: Any) -> None:
        """A trial has ended: it is measured, and it may have been the last one here."""
        self.progress.on_trial_end(trial)
        now = Clock.now()
        if trial.status == "COMPLETED":
            self.trials.append((now.wall - self.clocks[-1].wall, now.own - self.clocks[-1].own))
        self.clocks.append(now)
        if not self._enough() or self.tuner.stop_search:
            return
        made = self._plan()
        if made.workers > 1 and not self.effort.alone:
            self.workers, self.tuner.stop_search = made.workers, True
            self.progress.note(f"{self._processes(made.workers)} {self._gain(made)}.", anew=True)
        elif made.workers > 1:
            self._tell(f"One process, since {self.effort.alone}; --workers {made.workers}: {self._gain(made)}.")
        elif made.wished > 1:
            self._tell(f"One process: {made.reason}.")

    def _tell(self, line: str) -> None:
        if not self._told:
            self._told = True
            self.progress.note(line)

    def _enough(self) -> bool:
        walls = [wall for wall, _ in self.trials[-self.needed :]]
        enough = len(walls) >= self.needed or sum(walls) >= LONG
        return enough and self._left() * max(walls) > SAVED

    def _left(self) -> int:
        """Trials that will surely be run."""
        left = self.progress.trials - self.progress.finished
        return left if self.effort.patience is None else min(left, self.effort.patience - self.progress.since)

    def _plan(self) -> Plan:
        # The first one compiles what the others share, and so will the first one of each worker.
        walls, cpus = zip(*(self.trials[1:] or self.trials)[-self.needed :], strict=True)
        wall, cpu = sum(walls) / len(walls), sum(cpus) / len(cpus)
        compiling = max(0.0, self.trials[0][1] - cpu)
        room = Room(self._free_cores(), self.start + compiling, free_memory(), max(1, peak_resident()), _gpu())
        return plan(Work(self._left(), wall, cpu, self.progress.seconds_left()), room)

    def _free_cores(self) -> float:
        """Cores that other programs have left free in the last trials."""
        cores, began, last = core_limit(), self.clocks[0], self.clocks[-1]
        if began.busy is None or last.busy is None or last.wall <= began.wall:
            return cores
        others = (last.busy - began.busy - (last.own - began.own)) / (last.wall - began.wall)
        return min(cores, max(1.0, len(available_cores()) - max(0.0, others)))

    def _processes(self, workers: int) -> str:
        return f"{counted(workers, 'process', 'processes')} from trial {self.progress.finished + 1} on:"

    def _gain(self, made: Plan) -> str:
        left, share = self.progress.seconds_left(), made.together / made.alone
        if left is not None and self._left() > 1 and made.alone >= left:
            return f"about {1 / share:.1f} times as many trials in the time that is left"
        return f"about {seconds(made.together)} instead of {seconds(made.alone)}"


def _gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
