"""The engine that runs whole epochs in the graph. It takes every model whose data fit on the device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from tuners.engine.building import build_for_graph, unbuilt_model_built
from tuners.engine.call import FitCall
from tuners.engine.graph.compiled_models import CompiledModels, Shared
from tuners.engine.graph.epoch import CompiledEpoch, Sizes, on_device
from tuners.engine.graph.fused import dropout
from tuners.engine.graph.fused.layers import patched
from tuners.engine.graph.signature import layers, signature


class GraphEngine:
    """Trains by whole epochs in the graph. Models of one structure share a compiled epoch."""

    name = "graph"

    def __init__(self) -> None:
        self._models = CompiledModels()

    def trainer(self, call: FitCall) -> GraphTrainer:
        """What can train a call.

        Args:
            call: What to train.

        Raises:
            Exception: It cannot be trained so.
        """
        return GraphTrainer(call, self._models)


class GraphTrainer:
    """Trains one model; see `tuners.engine.training.Trainer` and `tuners.engine.proof.Provable`.

    Attributes:
        parts: What has to have been tried for this to need no trial; None where it needs one anyway.
    """

    def __init__(self, call: FitCall, models: CompiledModels) -> None:
        self._call, self._models, self._sizes = call, models, Sizes.of(call)
        unbuilt_model_built(call)
        self._epoch: CompiledEpoch | None = None
        self._shared: Shared | None = None
        self._key, is_new = self._structure()
        self._may_share = not is_new
        self.parts = None if self._key is None else frozenset([(self._key, self._may_share)])

    def _structure(self) -> tuple[Any, bool]:
        model = self._call.model
        if signature(model) is None:
            return None, True
        build_for_graph(self._call)
        # Once more, now that there are metrics to look at.
        text = signature(model)
        if text is None:
            return None, True
        key = (text, repr(self._sizes))
        return key, self._models.is_new(key)

    @contextlib.contextmanager
    def comparable(self) -> Iterator[None]:
        """See `Provable`: dropout draws from the stream that it has in the graph."""
        found = [layer for layer in layers(self._call.model) if dropout.can_be_fused(layer)]
        with patched((layer, "call", dropout.fused(layer, self._sizes.batches)) for layer in found):
            yield

    def prepare(self, returned: tuple[Any, Any] | None) -> None:
        """See `Provable`: everything is compiled here."""
        self._parts = on_device(self._call.training)
        self._held_out = None if self._call.validation is None else on_device(self._call.validation)
        if self._may_share:
            self._shared = self._models.shared(self._key, self._call, self._sizes)
        if self._shared is not None:
            self._epoch = self._shared.epoch
            self._shared.take(self._call.model)
            return
        metrics = set(self._call.model.get_metrics_result())
        own = [each if each is not None and not _names(each, metrics) else None for each in returned or (None, None)]
        self._epoch = CompiledEpoch(self._call.model, self._sizes, returned=(own[0], own[1]))

    def train(self, rows: NDArray[Any]) -> dict[str, Any]:
        """See `Trainer`."""
        if self._shared is not None:
            self._shared.take_rate(self._call.model)
        return self._compiled.train(rows, self._parts)

    def validate(self, rows: NDArray[Any]) -> dict[str, Any]:
        """See `Trainer`."""
        return self._compiled.validate(rows, self._held_out)

    def weights(self) -> list[NDArray[Any]]:
        """See `Trainer`."""
        weights: list[NDArray[Any]] = self._compiled.model.get_weights()
        return weights

    def give(self) -> None:
        """See `Trainer`."""
        if self._shared is not None:
            self._shared.give(self._call.model)

    def take(self) -> None:
        """See `Trainer`."""
        if self._shared is not None:
            self._shared.take(self._call.model)

    @property
    def _compiled(self) -> CompiledEpoch:
        if self._epoch is None:
            raise RuntimeError("prepare comes first")
        return self._epoch


def _names(returned: Any, metrics: set[str]) -> bool:
    return isinstance(returned, dict) and set(returned) == metrics
