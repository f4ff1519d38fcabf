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
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kzoo.export.folding.affine import Affine, affine_kinds, affine_of, is_linear, passed_through, passing_kinds
from kzoo.export.folding.dataflow import Dataflow
from kzoo.export.folding.linear_layers import Linear, answer_of, linear_kinds, linear_of
from kzoo.export.folding.plain_layers import plain_answer, plain_kinds
from kzoo.export.folding.replacing import Answer
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Neighbouring layers that can answer by less.

    Attributes:
        layers: The layers, each of which takes the output of the one before.
        answers: What some of them are to answer by.
        folded: Those that then do nothing.
    """

    layers: tuple[Layer, ...]
    answers: Mapping[Layer, Answer]
    folded: tuple[Layer, ...] = ()


def kinds_to_watch() -> frozenset[type]:
    """Layers that folding has to see."""
    return frozenset((*affine_kinds(), *linear_kinds(), *passing_kinds(), *plain_kinds()))


def parts_of(flow: Dataflow, kinds: tuple[type, ...]) -> tuple[list[Part], list[str]]:
    """What can be folded, and what plain operations can answer for. The model itself is not changed.

    Args:
        flow: How the layers of the model are connected.
        kinds: The kinds of layers to fold, of `affine_kinds`.

    Returns:
        The parts; they answer the same but for rounding, which is to be verified on real rows. And why layers of these
        kinds stay, one reason each.
    """
    foldable = [layer for layer in flow.layers if type(layer) in kinds]
    chains = _Chains(flow)
    for layer in foldable:
        chains.fold_back(layer)
    # From the last to the first, so that two in a row both reach the layer behind them.
    for layer in reversed(foldable):
        chains.fold_on(layer)
    parts, taken = chains.parts(), chains.taken()
    for layer in flow.layers:
        answer = None if layer in taken else chains.tried(plain_answer, layer)
        if answer is not None:
            parts.append(Part((layer,), {layer: answer}))
    return parts, [*chains.refused.values(), *chains.left(foldable)]


@dataclasses.dataclass(frozen=True, eq=False)
class _Chain:
    """A dense layer or convolution with what it has taken up from both sides."""

    linear: Linear
    layers: tuple[Layer, ...]
    folded: tuple[Layer, ...] = ()


class _Chains:
    """Chains while they grow; whatever one layer raises concerns that layer alone."""

    def __init__(self, flow: Dataflow) -> None:
        self.refused: dict[Layer, str] = {}
        self._flow = flow
        self._chains: list[_Chain] = []
        for layer in flow.layers:
            linear = self.tried(linear_of, layer)
            if linear is not None:
                self._chains.append(_Chain(linear, (layer,)))

    def fold_back(self, layer: Layer) -> None:
        """Fold a layer into the one before it."""
        affine, before = self.tried(affine_of, layer), self._flow.before(layer)
        chain = next((each for each in self._chains if each.layers[-1] is before), None)
        if affine is None or chain is None or not is_linear(chain.linear.layer):
            return
        linear = self.tried(lambda _: chain.linear.then(affine), layer)
        if linear is not None:
            self._grow(chain, _Chain(linear, (*chain.layers, layer), (*chain.folded, layer)))

    def fold_on(self, layer: Layer) -> None:
        """Fold a layer, unless that is done, into the first one after it that takes it up."""
        if layer in self.taken():
            return
        affine, path = self.tried(affine_of, layer), [layer]
        following = self._flow.after(layer)
        while following is not None and affine is not None:
            chain = next((each for each in self._chains if each.layers[0] is following), None)
            if chain is not None:
                scaled: Affine = affine
                linear = self.tried(lambda _, chain=chain, scaled=scaled: chain.linear.after(scaled), layer)
                if linear is not None:
                    self._grow(chain, _Chain(linear, (*path, *chain.layers), (layer, *chain.folded)))
                return
            affine, path = passed_through(affine, following), [*path, following]
            following = self._flow.after(following)

    def parts(self) -> list[Part]:
        """The chains that have taken something up."""
        return [part for chain in self._chains if chain.folded and (part := self.tried(_part, chain)) is not None]

    def taken(self) -> set[Layer]:
        """Layers in such chains."""
        return {layer for chain in self._chains if chain.folded for layer in chain.layers}

    def left(self, layers: list[Layer]) -> list[str]:
        """Why layers were not folded."""
        names = [layer.name for layer in layers if layer not in self.taken() and layer not in self.refused]
        return [f"no layer beside {name} can take it up" for name in names]

    def tried(self, function: Any, subject: Any) -> Any:
        """What a function gives; None where it raises, which is a refusal."""
        try:
            return function(subject)
        except Exception as error:  # whatever an unusual layer leads to, it is exported as it is
            layer = subject.linear.layer if isinstance(subject, _Chain) else subject
            self.refused[layer] = f"{layer.name} cannot be folded: {type(error).__name__}: {error}".splitlines()[0]
            return None

    def _grow(self, chain: _Chain, grown: _Chain) -> None:
        self._chains[self._chains.index(chain)] = grown


def _part(chain: _Chain) -> Part:
    answers: dict[Layer, Answer] = {layer: _cast_only(layer) for layer in chain.folded}
    for layer in chain.layers:
        if layer is chain.linear.layer:
            answers[layer] = answer_of(chain.linear)
        elif layer not in answers and (plain := plain_answer(layer)) is not None:
            answers[layer] = plain
    return Part(chain.layers, answers, chain.folded)


def _cast_only(layer: Layer) -> Answer:
    """A layer that was folded leaves what it takes as it is; raw integers become floats as they did there."""
    return lambda inputs, *args, **kwargs: keras.ops.cast(inputs, layer.compute_dtype)
