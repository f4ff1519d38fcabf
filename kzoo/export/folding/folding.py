"""Batch norm and normalisation folded into the layers beside them: the same answers with fewer operations.

When answering, batch norm scales and shifts each channel by constants. The dense layer or convolution before it can do
that itself (batch norm before the activation), or the one after it (batch norm after the activation) where nothing in
between prevents it.

References:
    Jacob et al., 2018: Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
    section 3.2.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from kzoo.export.folding.affine import Affine, affine_of, is_linear, passed_through
from kzoo.export.folding.layer_graph import LayerGraph, inner_models
from kzoo.export.folding.linear_layers import Linear, linear_of
from kzoo.export.folding.plain_layers import Cast, ends_in_softmax, plain_kind, plain_softmax
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


@dataclasses.dataclass(frozen=True)
class Folding:
    """A model with what could be folded.

    Attributes:
        model: A copy that answers faster, or the model itself where there is nothing to gain.
        folded: Names of the layers that are no longer computed.
        reason: Why nothing was folded, or "".
    """

    model: Any
    folded: tuple[str, ...] = ()
    reason: str = ""


def fold(model: keras.Model, *, inputs: bool = True) -> Folding:
    """Fold scales and shifts into dense layers and convolutions. The model itself is not changed.

    Args:
        model: Any Keras model. Only functional and sequential ones say how their layers are connected.
        inputs: Whether to fold what comes before the first dense layer or convolution too. Where the mean of raw inputs
            is large beside their deviation, that costs precision.

    Returns:
        A copy that answers the same but for rounding; verify it on real rows.
    """
    try:
        plan = _Plan()
        for graph in map(LayerGraph, inner_models(model)):
            plan.add(graph, inputs=inputs)
        reason = "" if plan.gone else "no layer can take up a batch norm or normalisation"
        copy = _copy(model, plan) if plan.gone or plan.cheaper else model
        return Folding(copy, tuple(layer.name for layer in plan.gone.values()), reason)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        return Folding(model, reason=f"its layers cannot be copied: {str(error).strip().splitlines()[0]}")


class _Plan:
    """Layers that go, and what the layers beside them become."""

    def __init__(self) -> None:
        self.gone: dict[int, Layer] = {}
        self.linears: dict[int, Linear] = {}
        self.cheaper = False

    def add(self, graph: LayerGraph, *, inputs: bool) -> None:
        self.cheaper |= any(plain_kind(layer) or ends_in_softmax(layer) for layer in graph.layers)
        for layer in graph.layers:
            affine = affine_of(layer)
            if affine is None or not (inputs or type(layer) is keras.layers.BatchNormalization):
                continue
            folded = self._into_the_one_before(graph, layer, affine) or self._into_the_one_after(graph, layer, affine)
            if folded is not None:
                self.linears[id(folded.layer)] = folded
                self.gone[id(layer)] = layer

    def _into_the_one_before(self, graph: LayerGraph, layer: Layer, affine: Affine) -> Linear | None:
        linear = self._linear(graph.before(layer))
        return linear.then(affine) if linear is not None and is_linear(linear.layer) else None

    def _into_the_one_after(self, graph: LayerGraph, layer: Layer, affine: Affine | None) -> Linear | None:
        following = graph.after(layer)
        while following is not None and affine is not None:
            linear = self._linear(following)
            if linear is not None:
                return linear.after(affine)
            affine, following = passed_through(affine, following), graph.after(following)
        return None

    def _linear(self, layer: Layer | None) -> Linear | None:
        return None if layer is None else self.linears.get(id(layer)) or linear_of(layer)


def _copy(model: keras.Model, plan: _Plan) -> keras.Model:
    pairs: list[tuple[Layer, Layer]] = []

    def copied(layer: Layer) -> Layer:
        pairs.append((layer, _replacement(layer, plan)))
        return pairs[-1][1]

    copy = keras.models.clone_model(model, clone_function=copied, recursive=True)
    for layer, replacement in pairs:
        if id(layer) in plan.linears:
            replacement.set_weights(plan.linears[id(layer)].weights())
        elif id(layer) not in plan.gone:
            replacement.set_weights(layer.get_weights())
            if isinstance(replacement, keras.layers.Normalization):
                # What it computes with is derived from its weights, but not by set_weights.
                replacement.finalize_state()
    return copy


def _replacement(layer: Layer, plan: _Plan) -> Layer:
    config = layer.get_config()
    if id(layer) in plan.gone:
        return Cast(name=layer.name, dtype=config["dtype"])
    if ends_in_softmax(layer):
        config["activation"] = plain_softmax
    folded = id(layer) in plan.linears
    if folded:
        config["use_bias"] = True
    return (plain_kind(layer, folded=folded) or type(layer)).from_config(config)
