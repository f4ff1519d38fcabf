"""Models whose steps are compiled already, for the next one of the same structure."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Hashable
from typing import Any

import keras

from tuners.engine.graph.signature import structure
from tuners.engine.graph.traced_settings import Settings

MODELS = 8
"""Models that are kept, at most."""

BYTES = 2**28
"""Of the weights of those that are kept, at most."""


@dataclasses.dataclass
class Ready:
    """A model with its compiled steps.

    Attributes:
        model: The model.
        settings: What is not compiled into its steps.
        steps: What it was made ready for.
    """

    model: keras.Model
    settings: Settings
    steps: Any

    def __post_init__(self) -> None:
        self._optimizer = self.model.optimizer

    @property
    def bytes(self) -> int:
        """Of its weights and its optimizer's averages."""
        variables = [*self.model.variables, *self._optimizer.variables]
        return sum(math.prod(each.shape) * each.value.dtype.size for each in variables)

    def is_still(self, known: str | None) -> bool:
        """Whether it is of the structure that it had; a callback may have changed it.

        Args:
            known: The structure.
        """
        return self._optimizer is self.model.optimizer and structure(self.model) == known

    def take(self, model: keras.Model) -> None:
        """Become as another model is: weights, states of random numbers, settings, and an optimizer at its beginning.

        Args:
            model: One of the same structure that has not been trained.
        """
        for mine, other in zip(self.model.variables, model.variables, strict=True):
            mine.assign(other)
        for variable in self._optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.settings.take(model)


class Models:
    """Models that can be trained again, those used last."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[Hashable, Ready] = collections.OrderedDict()

    def ready(self, model: keras.Model, purpose: Hashable, make: Callable[[keras.Model, Settings], Any]) -> Ready:
        """A model that is as a given one, with its steps.

        Args:
            model: A compiled and built model. One whose optimizer has made steps, as when it was trained while it was
                built, is not shared: the averages would be lost.
            purpose: What its steps depend on beside its structure.
            make: Makes the steps of a model, with its settings as inputs.
        """
        known = None if int(model.optimizer.iterations) else structure(model)
        found = None if known is None else self._kept.pop((known, purpose), None)
        if found is not None and found.is_still(known):
            found.take(model)
        else:
            settings = Settings(model, known=known is not None)
            found = Ready(model, settings, make(model, settings))
        if known is not None:
            self._keep((known, purpose), found)
        return found

    def _keep(self, key: Hashable, ready: Ready) -> None:
        self._kept[key] = ready
        while len(self._kept) > MODELS or sum(each.bytes for each in self._kept.values()) > BYTES:
            self._kept.popitem(last=False)
