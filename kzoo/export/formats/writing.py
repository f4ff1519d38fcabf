"""A Keras model written in other formats, by Keras' own exporters."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kzoo.export.errors import ExportError
from kzoo.export.folding.dataflow import layers_of
from kzoo.export.folding.replacing import Answer, answering, is_as_made
from kzoo.export.formats.runtimes import Format, leave_out, untold
from kzoo.lazy import keras

if TYPE_CHECKING:
    from keras import Layer


def write_formats(model: keras.Model, directory: Path, formats: Iterable[Format]) -> None:
    """Write a model in other formats.

    Args:
        model: The model; it has been called.
        directory: The export.
        formats: The formats.

    Raises:
        ExportError: Keras has no way to write this model in one of them.
    """
    constants = {
        layer: _normalization(layer)
        for layer in layers_of(model)
        if type(layer) is keras.layers.Normalization and is_as_made(layer)
    }
    for each in formats:
        path = directory / each.file
        path.parent.mkdir(exist_ok=True)
        try:
            with answering(constants), _quiet(), untold():
                model.export(str(path), format=each.name, verbose=False)
        except Exception as error:  # whatever the converters raise
            raise ExportError(leave_out(f"The model cannot be written as {each.name}", error)) from error


def _normalization(layer: Layer) -> Answer:
    """What a normalisation answers, by constants: its own are tensors, which ONNX takes for inputs of the model."""
    mean = np.asarray(layer.mean)
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.config.epsilon())

    def call(inputs: Any) -> Any:
        inputs = keras.ops.cast(inputs, layer.compute_dtype)
        if layer.invert:
            return mean + inputs * deviation
        return (inputs - mean) / deviation

    return call


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Converters warn of their own code, print what they do, and log what is told in one line here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
