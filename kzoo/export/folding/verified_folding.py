"""Folding that is used only where it answers real rows as the model itself does."""

from __future__ import annotations

import numpy as np

from kzoo.export.folding.folding import Folding, fold
from kzoo.export.interface import BatchArrays, Interface
from kzoo.lazy import keras

# Rounding that folding may add, as a share of the largest output, or of 1 if that is larger.
FOLD_TOLERANCE = 1e-6


def verified_fold(
    model: keras.Model, interface: Interface, rows: BatchArrays, expected: BatchArrays, tolerance: float
) -> Folding:
    """A model with as much folded as leaves its answers as they are.

    Args:
        model: The model.
        interface: What it takes and answers.
        rows: Real rows by input name.
        expected: What the model answers to them, by output name.
        tolerance: Largest difference, as a share of the largest output, or of 1 if that is larger.

    Returns:
        The folded copy, or the model itself with the reason why it is left as it is.
    """
    folding = Folding(model)
    for inputs in (True, False):
        folding = fold(model, inputs=inputs)
        if folding.model is model:
            return folding
        difference = _difference(interface, folding.model, rows, expected)
        if difference <= tolerance:
            return folding
    return Folding(model, reason=f"folded, its answers to the examples would differ by {difference:.1g}")


def _difference(interface: Interface, model: keras.Model, rows: BatchArrays, expected: BatchArrays) -> float:
    """Largest difference of any output, as a share of its largest magnitude or 1."""
    differences = [0.0]
    for name, answer in interface.call(model, rows).items():
        want = expected[name]
        if want.dtype.kind == "f":
            scale = max(1.0, float(np.abs(want).max()))
            difference = float(np.abs(np.asarray(answer, "float64") - want).max()) / scale
            differences.append(difference if np.isfinite(difference) else np.inf)
        elif not np.array_equal(np.asarray(answer), want):
            differences.append(np.inf)
    return max(differences)
