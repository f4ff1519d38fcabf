"""How a search is run, which may be another way when it goes on; what it is stands in `run`."""

from __future__ import annotations

import dataclasses
import json

HARD = 2.0
"""Times the limit of a trial after which its process is ended, whatever it does."""

GRACE = 30.0
"""Seconds beyond that, for what comes before the first epoch."""


@dataclasses.dataclass(frozen=True)
class Effort:
    """How a search is run.

    Attributes:
        trials: Trials in all.
        engine: Name of the engine.
        prune: Whether trials in the worse half end early.
        workers: Processes that train, or None for as many as trials show to pay.
        trial_timeout: Seconds after which a trial begins no further epoch, or None.
        ray: Address of a cluster, or None.
        trial_cpus: Cores of a trial on the cluster.
        trial_gpus: GPUs of a trial on the cluster.
        max_time: Seconds after which no trial starts, or None.
        patience: Trials in a row without a new best after which none starts, or None.
        tensorboard: Directory that TensorBoard reads, or None.
        reruns: Of the last trials, those that run the leaders and the defaults again; None for a tenth.
        alone: Why a search without `workers` stays in one process, or "".
    """

    trials: int
    engine: str = "auto"
    prune: bool = False
    workers: int | None = None
    trial_timeout: float | None = None
    ray: str | None = None
    trial_cpus: float = 1.0
    trial_gpus: float = 0.0
    max_time: float | None = None
    patience: int | None = None
    tensorboard: str | None = None
    reruns: int | None = None
    alone: str = ""

    @property
    def hard_timeout(self) -> float | None:
        """Seconds after which the process of a trial is ended, or None."""
        return None if self.trial_timeout is None else HARD * self.trial_timeout + GRACE

    def to_json(self) -> str:
        """As a worker process is given it."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Effort:
        """What `to_json` wrote."""
        return cls(**json.loads(text))
