"""Folding that is used only where it answers as the model itself does: an optimisation that may only decline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import reason
from kzoo.export.folding.affine import affine_kinds
from kzoo.export.folding.dataflow import Call, Dataflow, layers_of, watched
from kzoo.export.folding.folding import Part, kinds_to_watch, parts_of
from kzoo.export.folding.proof import DRIVEN_TOLERANCE, difference, driven_difference
from kzoo.export.folding.replacing import Answer, answering
from kzoo.export.interface import BatchArrays, Interface
from kzoo.export.traced import Traced, trace
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer

# Rounding that folding may add, as a share of the largest output, or of 1 if that is larger.
FOLD_TOLERANCE = 1e-6
# Rounding of a few layers by themselves, on rows driven through their ranges: a fault is larger by far.
PART_TOLERANCE = 1e-3
_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Folding:
    """A model's graph with what could be folded.

    Attributes:
        traced: A graph that answers faster, or the model's own where there is nothing to gain.
        folded: Names of the layers that are no longer computed.
        reason: Why nothing was folded, or not everything, or "".
    """

    traced: Traced
    folded: tuple[str, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class _Original:
    """What folding has to leave as it is.

    Attributes:
        model: The model.
        interface: What it takes and answers.
        traced: Its own graph.
        rows: Real rows by input name.
        outputs: What the model answers to them, by output name.
        tolerance: Largest difference that folding may make, as a share of the largest output, or of 1 if that is
            larger.
    """

    model: keras.Model
    interface: Interface
    traced: Traced
    rows: BatchArrays
    outputs: BatchArrays
    tolerance: float


def fold_model(model: keras.Model, interface: Interface, rows: BatchArrays, outputs: BatchArrays) -> Folding:
    """A model's graph with as much folded as leaves its answers as they are. The model itself is not changed.

    Args:
        model: Any Keras model.
        interface: What it takes and answers.
        rows: Real rows by input name.
        outputs: What the model answers to them, by output name.

    Returns:
        A graph that has answered as the model does: part by part and as a whole, on the real rows and on rows that are
        driven through their ranges. Whatever else happens, the model's own graph, with the reason.

    Raises:
        ExportError: The model cannot be traced.
    """
    watch = [layer for layer in layers_of(model) if type(layer) in kinds_to_watch()]
    traced, calls = watched(watch, lambda: trace(model, interface))
    tolerance = max(FOLD_TOLERANCE, traced.rounding)
    try:
        return _folded(_Original(model, interface, traced, rows, outputs, tolerance), calls)
    except Exception as error:  # whatever was unforeseen, the model is exported as it is
        return Folding(traced, reason=f"folding failed: {type(error).__name__}: {reason(error)}")


def _folded(original: _Original, calls: list[Call]) -> Folding:
    flow = Dataflow(calls, original.traced.function.graph)
    seen = _inputs_of(original, flow)
    why: list[str] = []
    for kinds, name in _STAGES:
        parts, left = parts_of(flow, kinds())
        parts, refused = _proven(parts, seen, original.tolerance)
        why += [*left, *refused]
        if not parts:
            break
        replacements = {layer: answer for part in parts for layer, answer in part.answers.items()}
        traced = trace(original.model, original.interface, replacements)
        found = _difference(original, traced)
        if found <= 1:
            folded = tuple(layer.name for part in parts for layer in part.folded)
            return Folding(traced, folded, "; ".join(why) or ("" if folded else _NOTHING))
        why = [f"with {name}, the answers would differ by {found:.1g} times what is allowed"]
    return Folding(original.traced, reason="; ".join(why) or _NOTHING)


_NOTHING = "no layer can take up a batch norm or normalisation"
_STAGES: tuple[tuple[Callable[[], tuple[type, ...]], str], ...] = (
    (affine_kinds, "everything folded"),
    (lambda: (keras.layers.BatchNormalization,), "batch norm folded"),
    (tuple, "plain operations"),
)


def _inputs_of(original: _Original, flow: Dataflow) -> dict[Layer, np.ndarray]:
    """What each layer takes when the model answers a few real rows."""
    seen: dict[Layer, np.ndarray] = {}

    def recording(layer: Layer, own: Answer) -> Answer:
        def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            seen.setdefault(layer, np.asarray(inputs))
            return own(inputs, *args, **kwargs)

        return call

    with answering({layer: recording(layer, layer.call) for layer in flow.layers}):
        original.interface.call(original.model, {name: array[:_ROWS] for name, array in original.rows.items()})
    return seen


def _proven(parts: list[Part], seen: Mapping[Layer, np.ndarray], tolerance: float) -> tuple[list[Part], list[str]]:
    """Those parts that answer as their layers do, and why others do not."""
    proven, refused = [], []
    for part in parts:
        names = ", ".join(layer.name for layer in part.layers)
        try:
            found = _difference_of_part(part, seen[part.layers[0]])
            if found <= max(PART_TOLERANCE, 5 * tolerance):
                proven.append(part)
            else:
                refused.append(f"{names}: answers of its own would differ by {found:.1g}")
        except Exception as error:  # whatever it raises, these layers are exported as they are
            refused.append(f"{names}: {type(error).__name__}: {reason(error)}")
    return proven, refused


def _difference_of_part(part: Part, taken: np.ndarray) -> float:
    def own(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        value = tf.constant(rows["inputs"])
        for layer in part.layers:
            value = layer(value)
        return {"outputs": np.asarray(value)}

    def replaced(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with answering(part.answers):
            return own(rows)

    # Here a made-up number harms nobody: these layers neither decode nor look up.
    rows = {"inputs": taken if taken.dtype.kind not in "ui" else taken.astype("float32")}
    return driven_difference(own, replaced, rows)


def _difference(original: _Original, traced: Traced) -> float:
    """How far a graph's answers are from the model's, in units of what is allowed."""
    found = traced.answers(original.rows)
    real = max(difference(found[name], expected) for name, expected in original.outputs.items())
    far = driven_difference(original.traced.answers, traced.answers, original.rows)
    return max(real / original.tolerance, far / max(DRIVEN_TOLERANCE, 5 * original.tolerance))
