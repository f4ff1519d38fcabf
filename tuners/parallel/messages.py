"""What parent and worker say to each other: one JSON object per line, checked by its reader."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

LIMIT = 16 * 2**20
"""Bytes of the longest message that is taken."""

STATUSES = ("COMPLETED", "INVALID", "FAILED", "FATAL")


class MessageError(ValueError):
    """A line that is not a message."""


@dataclasses.dataclass(frozen=True)
class Order:
    """To a worker: train this trial.

    Attributes:
        trial_id: Its id.
        values: Values of its hyperparameters.
        seed: Seed of the search, from which that of the trial is derived.
        rule: Of pruning, as `tuners.pruning.rule_config` gives it, at whose rungs the worker asks whether to go on;
            None where it never does.
        keep: Whether its weights are kept whatever it reaches.
    """

    trial_id: str
    values: Mapping[str, Any]
    seed: int
    rule: Mapping[str, Any] | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        _check(isinstance(self.trial_id, str) and isinstance(self.values, dict) and isinstance(self.seed, int))
        _check(isinstance(self.rule, dict | None) and isinstance(self.keep, bool))


@dataclasses.dataclass(frozen=True)
class Decision:
    """To a worker, which has asked: whether its trial ends here."""

    stop: bool

    def __post_init__(self) -> None:
        _check(isinstance(self.stop, bool))


@dataclasses.dataclass(frozen=True)
class Ready:
    """From a worker: it can be sent trials."""


@dataclasses.dataclass(frozen=True)
class Epoch:
    """From a worker: an epoch has ended.

    Attributes:
        trial_id: Id of the trial.
        epoch: Epochs so far.
        epochs: Epochs in all.
        logs: Metrics by name.
        asks: Whether the worker waits for a decision.
    """

    trial_id: str
    epoch: int
    epochs: int
    logs: Mapping[str, float]
    asks: bool = False

    def __post_init__(self) -> None:
        _check(isinstance(self.epoch, int) and isinstance(self.epochs, int) and _is_metrics(self.logs))
        _check(isinstance(self.asks, bool))


@dataclasses.dataclass(frozen=True)
class Ended:
    """From a worker: a trial has ended.

    Attributes:
        trial_id: Its id.
        status: "COMPLETED", "INVALID" (it raised and may be run again), "FAILED" (it may not) or "FATAL" (nothing can
            be trained as things are).
        message: What went wrong, or None.
        epochs: Metrics of each epoch.
        values: Where hyperparameters turned up while it was built: the values of all.
        space: The same of their configurations, as keras-tuner writes them; None where none turned up.
        engines: What trained it; see `tuners.engine.choice.summary_of`.
    """

    trial_id: str
    status: str
    message: str | None = None
    epochs: Sequence[Mapping[str, float]] = ()
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    space: Sequence[Mapping[str, Any]] | None = None
    engines: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.status in STATUSES and isinstance(self.message, str | None) and isinstance(self.values, dict))
        _check(isinstance(self.epochs, list | tuple) and all(map(_is_metrics, self.epochs)))
        _check(isinstance(self.engines, dict))
        _check(self.space is None or (isinstance(self.space, list) and all(isinstance(e, dict) for e in self.space)))


Message = Order | Decision | Ready | Epoch | Ended
M = TypeVar("M", Order, Decision, Ready, Epoch, Ended)
KINDS = {kind.__name__.lower(): kind for kind in (Order, Decision, Ready, Epoch, Ended)}


def encode(message: Message) -> bytes:
    """A message as a line."""
    # Not dataclasses.asdict, which copies every epoch of every metric.
    fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    return json.dumps({"kind": type(message).__name__.lower(), **fields}).encode() + b"\n"


def decode(line: bytes | str) -> Message:
    """The message of a line.

    Raises:
        MessageError: It is not a message; the error quotes its beginning.
    """
    try:
        fields = json.loads(line)
        return KINDS[fields.pop("kind")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MessageError(f"sent something that is not a message: {line[:80]!r}") from None


def expected(message: Message, kind: type[M]) -> M:
    """A message of a kind.

    Raises:
        MessageError: It is of another kind, which does not belong here.
    """
    if not isinstance(message, kind):
        raise MessageError(f"sent {type(message).__name__} where {kind.__name__} was expected: {str(message)[:80]}")
    return message


def _is_metrics(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, int | float) for each in value.values())


def _check(right: bool) -> None:
    if not right:
        raise MessageError("a field is of the wrong type")
