"""What the tuner needs beyond keras-tuner's own classes; zoo models and displays happen to satisfy it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class OnlyFits(Protocol):
    """A hypermodel whose `fit` returns what one call of `model.fit` gives, and does not look at the model afterwards.

    What the tuner itself does not need of a trained model, the slots of the optimizer and the metrics, is not put into
    it then; its weights are. It holds for every hypermodel that does not override `fit`.
    """

    @property
    def only_fits(self) -> bool:
        """Whether it is so."""
        ...


@runtime_checkable
class HasPriorities(Protocol):
    """A hypermodel that says which of its hyperparameters matter most, and has good defaults for all of them."""

    @property
    def priorities(self) -> Mapping[str, int]:
        """Priorities by name, 1 first, as `CoarseToFineOracle` takes them."""
        ...


@runtime_checkable
class OfSums(Protocol):
    """A metric that is a function of sums over examples: told of all at once, it is the same as batch by batch."""

    @property
    def of_sums(self) -> bool:
        """True."""
        ...


@runtime_checkable
class WithDerivative(Protocol):
    """A Keras loss that computes itself with its derivative in numpy, too, which is faster for small models.

    It is tried beside the loss itself before it is used.
    """

    def value_and_derivative(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """The loss of each example [batch] and its derivative by the predictions, from float32 [batch, values]."""
        ...


@runtime_checkable
class Observer(Protocol):
    """Is told what happens in a search while it runs."""

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
        """An epoch of a trial has ended: epochs so far, epochs in all, metrics by name."""
        ...

    def on_trial_end(self, trial: Any) -> None:
        """A trial has ended, with its status, score and message."""
        ...
