"""Which worker trains which trial of a distributed search, and when it was last heard of."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_tuner.engine.trial import Trial


@dataclasses.dataclass
class Lease:
    """A trial that a worker has.

    Attributes:
        tuner_id: The worker.
        trial: The trial.
        heard: When the worker was last heard of, in monotonic seconds.
        beats: Whether the worker gives signs of life while it trains; keras-tuner's own tuners do not.
    """

    tuner_id: str
    trial: Trial
    heard: float
    beats: bool = False


class Leases:
    """The trials that workers have.

    Args:
        beating: Seconds of silence after which a worker that gives signs of life is given up.
        silent: The same for one that gives none.
    """

    def __init__(self, beating: float, silent: float) -> None:
        self.beating, self.silent = beating, silent
        self._leases: dict[str, Lease] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def of(self, tuner_id: str) -> Trial | None:
        """The trial that a worker has; its question counts as a sign of life."""
        lease = self._leases.get(tuner_id)
        if lease is None:
            return None
        lease.heard = time.monotonic()
        return lease.trial

    def grant(self, tuner_id: str, trial: Trial) -> None:
        """A worker has a trial from now on."""
        self._leases[tuner_id] = Lease(tuner_id, trial, time.monotonic())

    def renew(self, trial_id: str) -> str | None:
        """A sign of life has come for a trial; the worker that has it."""
        for lease in self._leases.values():
            if lease.trial.trial_id == trial_id:
                lease.heard, lease.beats = time.monotonic(), True
                return lease.tuner_id
        return None

    def end(self, trial_id: str) -> None:
        """A trial has ended, whoever has it."""
        self._leases = {name: each for name, each in self._leases.items() if each.trial.trial_id != trial_id}

    def expired(self) -> list[Lease]:
        """Leases of workers that have been silent for too long; they end with this."""
        now = time.monotonic()
        gone = [
            lease
            for lease in self._leases.values()
            if now - lease.heard > (self.beating if lease.beats else self.silent)
        ]
        for lease in gone:
            del self._leases[lease.tuner_id]
        return gone
