"""Which layers of a model are computed by operations of our own, and for how long."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from tuners.engine.graph.fused import activations, convolution, dropout, norm, pooling
from tuners.engine.graph.fused.loops import Batches
from tuners.engine.graph.signature import layers


@contextlib.contextmanager
def fused_layers(model: Any, batches: Batches, *, training: bool) -> Iterator[None]:
    """Within, what is traced of a model computes each layer by one operation where there is one.

    Args:
        model: A built Keras model; it is as it was afterwards.
        batches: What passes through it in an epoch.
        training: Whether there will be derivatives.
    """
    with patched(_changes(model, batches, training=training)):
        yield


@contextlib.contextmanager
def patched(changes: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    """Within, attributes of layers are other ones.

    Args:
        changes: Layers, names of their attributes and what to put there.
    """
    before: list[tuple[Any, str, Any]] = []
    try:
        for layer, name, value in changes:
            before.append((layer, name, vars(layer).get(name)))
            setattr(layer, name, value)
        yield
    finally:
        for layer, name, value in before:
            if value is None:
                delattr(layer, name)
            else:
                setattr(layer, name, value)


def _changes(model: Any, batches: Batches, *, training: bool) -> Iterator[tuple[Any, str, Any]]:
    """Layers, names of their attributes and what to put there."""
    origins: dict[Any, norm.Normalized] = {}
    normed = training or norm.has_kernels_outside_training(model)
    for layer in layers(model):
        if "call" in vars(layer):
            # Somebody has replaced what it computes.
            continue
        if normed and norm.can_be_fused(layer):
            yield layer, "call", norm.fused(layer, origins)
        if not training and pooling.can_be_fused(layer):
            yield layer, "call", pooling.fused(layer, origins)
        if convolution.can_be_fused(layer):
            yield layer, "call", convolution.fused(layer, batches, training=training)
        if dropout.can_be_fused(layer):
            yield layer, "call", dropout.fused(layer, batches)
        if activations.can_be_fused(layer):
            yield layer, "activation", activations.fused(layer, batches, training=training)
