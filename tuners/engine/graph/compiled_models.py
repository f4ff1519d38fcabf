"""Compiled epochs that one model leaves to the next of the same structure.

They are compiled for a copy of a model that nobody else has: a model that a trial was given stays that trial's. The
copy is made when a structure comes for the second time, since most come once.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Hashable

import keras

from tuners.engine.building import build_for_graph
from tuners.engine.call import FitCall
from tuners.engine.graph.epoch import CompiledEpoch, Sizes
from tuners.engine.graph.signature import signature
from tuners.engine.graph.traced_settings import Settings
from tuners.engine.identity import variables_within
from tuners.private_apis import is_decayed

MODELS = 8
"""Compiled models that are kept, at most."""

BYTES = 2**28
"""Of the weights of those that are kept, at most."""

REMEMBERED = 1000
"""Structures that were seen once, at most."""


@dataclasses.dataclass(frozen=True)
class Shared:
    """A copy of a model with its compiled epoch.

    Attributes:
        epoch: The compiled epoch, with the model.
        settings: What is not compiled into it.
    """

    epoch: CompiledEpoch
    settings: Settings

    @property
    def bytes(self) -> int:
        """Of its weights and its optimizer's averages."""
        model = self.epoch.model
        return sum(math.prod(each.shape) * each.value.dtype.size for each in variables_within(model))

    def take(self, model: keras.Model) -> None:
        """Become as a model is: weights, random states, optimizer, metrics, settings."""
        for mine, other in zip(variables_within(self.epoch.model), variables_within(model), strict=True):
            mine.assign(other)
        self.settings.take(model)

    def take_rate(self, model: keras.Model) -> None:
        """Take the learning rate of a model."""
        self.settings.take_rate(model)

    def give(self, model: keras.Model) -> None:
        """Let a model become as this one is."""
        for mine, other in zip(variables_within(self.epoch.model), variables_within(model), strict=True):
            other.assign(mine)


class CompiledModels:
    """The compiled copies of a search, those used last."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[Hashable, Shared] = collections.OrderedDict()
        self._seen: collections.OrderedDict[Hashable, None] = collections.OrderedDict()

    def is_new(self, key: Hashable) -> bool:
        """Whether a structure has not been seen before; from now on it has."""
        new = key not in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return new

    def shared(self, key: tuple[str, str], call: FitCall, sizes: Sizes) -> Shared | None:
        """A compiled copy that can do what a model does.

        Args:
            key: The signature of the model, and the sizes as a text.
            call: Of the model.
            sizes: What it is compiled for.

        Returns:
            The copy, not yet as the model is; None where no faithful one can be made.
        """
        found = self._kept.pop(key, None)
        if found is None:
            copy = _copied(call, key[0])
            if copy is None:
                return None
            settings = Settings(copy)
            found = Shared(CompiledEpoch(copy, sizes, settings), settings)
        self._kept[key] = found
        while len(self._kept) > MODELS or sum(each.bytes for each in self._kept.values()) > BYTES:
            self._kept.popitem(last=False)
        return found


def _copied(call: FitCall, text: str) -> keras.Model | None:
    """A model of the same structure, with variables of its own; None where its configuration does not give one."""
    model = call.model
    copy = type(model).from_config(model.get_config())
    # Not `compile_from_config`, which builds the optimizer: then it is too late to leave weights out of weight decay,
    # of which a configuration does not tell.
    copy.compile(**keras.saving.deserialize_keras_object(model.get_compile_config()))
    of_copy = dataclasses.replace(call, model=copy)
    if len(copy.weights) != len(model.weights):
        return None
    pairs = zip(copy.weights, model.weights, strict=True)
    left_out = [mine for mine, other in pairs if other.trainable and not is_decayed(model.optimizer, other)]
    if left_out:
        copy.optimizer.exclude_from_weight_decay(var_list=left_out)
    build_for_graph(of_copy)
    return copy if signature(copy) == text else None
